// The small model of --draft-model, which guesses for the one that runs.
#pragma once

#include <memory>

#include "model_source.h"
#include "runtime/draft_model.h"
#include "watched_model.h"

namespace accllm::cli {

class DraftSource {
 public:
  // For `model`, which runs `source`: on the same threads, with the file's own window. Nothing if
  // the flags name no file or ask for no drafts. Errors: kUnsupported if one of the two is a
  // checkpoint; kInvalidArgument if their tokens differ; those of reading.
  static Result<DraftSource> Open(const RunFlags& flags, const ModelSource& source,
                                  const LanguageModel& model);

  DraftModel* model() { return draft_.get(); }  // null if there is none

 private:
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<WatchedModel> watched_;
  std::unique_ptr<DraftModel> draft_;
};

}  // namespace accllm::cli
