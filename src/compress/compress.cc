#include "compress/compress.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/bos_windows.h"
#include "base/index.h"
#include "base/mapped_file.h"
#include "base/process_info.h"
#include "base/tensor_names.h"
#include "compress/bit_budget.h"
#include "compress/calibration.h"
#include "compress/distill_model.h"
#include "compress/journal.h"
#include "compress/layer_compressor.h"
#include "compress/low_rank_plan.h"
#include "compress/plan.h"
#include "compress/sensitivity.h"
#include "compress/tune_blocks.h"
#include "packed/packed_file.h"
#include "packed/packed_writer.h"
#include "tune/stream_fisher.h"

namespace accllm {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kMaxDefaultSampleTokens = 512;
// Share of a tuned block's time that comes before the tuning, about.
constexpr double kOneShotShare = 0.2;
// Share of the time that goes into a bit budget's measurements, about: without and with tuning.
constexpr double kBudgetShare = 0.6;
constexpr double kTunedBudgetShare = 0.1;

std::vector<std::string_view> LabelsOf(const std::vector<format::TensorType>& types) {
  std::vector<std::string_view> labels;
  for (const format::TensorType type : types) labels.push_back(TensorTypeLabel(type));
  return labels;
}

// Everything the bytes of the result depend on, so that a resumed run can be refused where a fresh
// one would give something else.
std::string Describe(const Checkpoint& checkpoint, const CompressOptions& o,
                     const std::vector<TensorPlan>& plan) {
  Json json;
  json["recipe"] = o.recipe.name;
  json["samples"] = o.n_samples;
  json["sample_tokens"] = o.sample_tokens;
  json["tuning"] = {o.tune_steps, o.tune_blocks, o.scale_steps, o.distill_steps, o.batch_tokens};
  json["calibration_hash"] = o.calibration_hash;
  if (o.bits > 0) json["bits"] = {o.bits, LabelsOf(o.bits_types)};
  if (o.low_rank > 0) json["lowrank"] = o.low_rank;
  json["add_bos_token"] = o.add_bos_token;
  json["sinks"] = o.window.n_sinks;
  json["window"] = o.window.window;
  json["source"] = o.source;
  json["layers"] = checkpoint.config().n_layers;
  json["hidden"] = checkpoint.config().hidden_size;
  for (const TensorPlan& tensor : plan) json["types"] += static_cast<int>(tensor.type);
  return json.dump();
}

std::string LayerRange(int64_t first, int64_t n) {
  return n == 1 ? fmt::format("{}", first) : fmt::format("{}-{}", first, first + n - 1);
}

// One run over a checkpoint.
class Compressor {
 public:
  Compressor(const Checkpoint& checkpoint, const std::string& output,
             const CompressOptions& options, ThreadPool& pool, const CompressCallback& progress)
      : checkpoint_(checkpoint),
        config_(checkpoint.config()),
        output_(output),
        options_(options),
        pool_(pool),
        progress_(progress) {}

  Result<CompressReport> Run() {
    start_ = MonotonicSeconds();
    ACCLLM_ASSIGN_OR_RETURN(plan_, PlanTensors(config_, options_.recipe.type, options_.keep_dense));
    ACCLLM_ASSIGN_OR_RETURN(plan_, WithLowRank(std::move(plan_), options_.low_rank));
    BitBudget budget;
    if (options_.bits > 0) {
      ACCLLM_ASSIGN_OR_RETURN(
          budget, OpenBudget(plan_, options_.keep_dense, options_.bits, options_.bits_types));
    }
    ACCLLM_RETURN_IF_ERROR(PrepareJournal());
    if (options_.bits > 0) ACCLLM_RETURN_IF_ERROR(Spend(budget));
    ACCLLM_ASSIGN_OR_RETURN(PackedWriter writer,
                            PackedWriter::Create(output_, plan_, journal_.layers_done > 0));
    std::unique_ptr<Calibration> calibration;
    {
      ACCLLM_ASSIGN_OR_RETURN(const std::vector<float> embedding, checkpoint_.ReadEmbedding());
      if (options_.recipe.calibrates()) {
        ACCLLM_ASSIGN_OR_RETURN(const auto samples, Samples());
        calibration = std::make_unique<Calibration>(config_, embedding, samples, pool_);
        if (options_.recipe.tuning != Tuning::kNone && journal_.layers_done < config_.n_layers) {
          ACCLLM_RETURN_IF_ERROR(MeasureStream(samples));
        }
      }
      if (journal_.layers_done == 0) {
        ACCLLM_RETURN_IF_ERROR(WriteNearest(writer, kEmbedTokensName, embedding));
      }
    }
    if (calibration != nullptr && journal_.layers_done > 0 &&
        journal_.layers_done < config_.n_layers) {
      ACCLLM_RETURN_IF_ERROR(calibration->Load(StatePath(journal_.layers_done)));
    }
    while (journal_.layers_done < config_.n_layers) {
      ACCLLM_RETURN_IF_ERROR(RunGroup(writer, calibration.get()));
    }
    calibration.reset();
    ACCLLM_RETURN_IF_ERROR(WriteHead(writer));
    if (ModelSteps() > 0) ACCLLM_RETURN_IF_ERROR(Distill(writer));
    return Finish(writer);
  }

 private:
  std::string JournalPath() const { return PackedWriter::PartialPath(output_) + ".json"; }

  // The residual streams after `layers_done` blocks; two files take turns, so that the one the
  // journal speaks of is never being written.
  std::string StatePath(int64_t layers_done) const {
    const int64_t groups_done = (layers_done + GroupSize() - 1) / GroupSize();
    return fmt::format("{}.state{}", PackedWriter::PartialPath(output_), groups_done % 2);
  }

  // The training of the group that starts with block `layer`.
  std::string TunePath(int64_t layer) const {
    return fmt::format("{}.tune{}", PackedWriter::PartialPath(output_), layer);
  }

  std::string DistillPath() const { return PackedWriter::PartialPath(output_) + ".distill"; }

  void RemoveTraining() const {
    std::remove(DistillPath().c_str());
    for (int64_t layer = 0; layer < config_.n_layers; ++layer) std::remove(TunePath(layer).c_str());
  }

  Status PrepareJournal() {
    const std::string fingerprint = Describe(checkpoint_, options_, plan_);
    if (!options_.resume) {
      RemoveTraining();  // an earlier run's
      // Before the partial file exists, so that there is never one that cannot be resumed.
      journal_.fingerprint = fingerprint;
      return journal_.Save(JournalPath());
    }
    auto journal = Journal::Load(JournalPath());
    if (!journal) {
      return Fail(journal.error().code, fmt::format("cannot resume: {}", journal.error().message),
                  "start again without --resume");
    }
    if (journal->fingerprint != fingerprint || journal->layers_done > config_.n_layers) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: the interrupted run had other options or another checkpoint",
                              JournalPath()),
                  "give the same options as before, or start again without --resume");
    }
    journal_ = std::move(*journal);
    report_.resumed_layers = journal_.layers_done;
    return {};
  }

  // Gives matrices denser types as far as the budget goes. The choice stands in the journal, so
  // that an interrupted run need not measure again.
  Status Spend(BitBudget& budget) {
    if (journal_.budget.empty()) {
      ACCLLM_ASSIGN_OR_RETURN(const auto samples, Samples());
      const auto types_of = [&](std::string_view name) {
        std::vector<format::TensorType> types;
        for (const OpenMatrix& matrix : budget.matrices) {
          if (plan_[matrix.place].name != name) continue;
          for (const TypeCost& type : matrix.types) types.push_back(type.type);
        }
        return types;
      };
      const auto before_matrix = [&](double share, const std::string& step) {
        return progress_({BudgetShare() * share, step});
      };
      ACCLLM_ASSIGN_OR_RETURN(
          const MatrixLosses losses,
          MeasureSensitivity({checkpoint_, options_.recipe, samples, types_of, before_matrix},
                             pool_));
      for (OpenMatrix& matrix : budget.matrices) {
        const std::vector<double>& of_types = losses.at(plan_[matrix.place].name);
        for (size_t t = 0; t < of_types.size(); ++t) matrix.types[t].loss = of_types[t];
      }
      journal_.budget = ChooseTypes(budget, plan_);
      journal_.seconds += MonotonicSeconds() - start_;
      start_ = MonotonicSeconds();
      ACCLLM_RETURN_IF_ERROR(journal_.Save(JournalPath()));
    }
    return ApplyChoices(journal_.budget, plan_);
  }

  // Share of the work that the measurements for the budget take.
  double BudgetShare() const {
    if (options_.bits <= 0) return 0;
    return options_.recipe.tuning == Tuning::kNone ? kBudgetShare : kTunedBudgetShare;
  }

  // What each sample starts with, as the model's texts do; -1: nothing.
  int64_t Bos() const { return options_.add_bos_token ? config_.bos_token_id : -1; }

  // Evenly spaced pieces of the calibration text.
  Result<std::vector<std::vector<int32_t>>> Samples() {
    int64_t& n_tokens = sample_tokens_;
    n_tokens = options_.sample_tokens;
    if (n_tokens == 0)
      n_tokens = std::min(config_.max_position_embeddings, kMaxDefaultSampleTokens);
    const int64_t n_own = Bos() < 0 ? n_tokens : n_tokens - 1;  // the rest is BOS
    const int64_t n_text = std::ssize(options_.calibration);
    const int64_t n_samples = n_own < 1 ? 0 : std::min(options_.n_samples, n_text / n_own);
    if (n_samples < 1) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("the calibration text has {} tokens, one sample takes {}", n_text, n_tokens),
          n_own < 1 ? "give larger --sample-tokens: one of them is BOS"
                    : "give a longer --calibration text, or smaller --sample-tokens");
    }
    n_samples_ = n_samples;
    std::vector<std::vector<int32_t>> samples;
    for (int64_t i = 0; i < n_samples; ++i) {
      const auto text = std::span(options_.calibration)
                            .subspan(Index((n_text - n_own) * i / n_samples), Index(n_own));
      samples.push_back(BosWindows(text, 0, Bos()));
      for (const int32_t token : samples.back()) {
        if (token < 0 || token >= config_.vocab_size) {
          return Fail(ErrorCode::kInvalidArgument,
                      fmt::format("calibration token {} is outside the vocabulary", token),
                      "check that tokenizer and checkpoint belong together");
        }
      }
    }
    return samples;
  }

  // What errors of the stream behind each block do to the predictions.
  Status MeasureStream(const std::vector<std::vector<int32_t>>& samples) {
    if (!Announce(static_cast<double>(journal_.layers_done),
                  "measuring what errors of the stream do")) {
      return Fail(ErrorCode::kInterrupted, "stopped before the next block", "go on with --resume");
    }
    ACCLLM_ASSIGN_OR_RETURN(const auto weights, reference::WeightsOf(checkpoint_));
    const tune::Sequences sequences(samples.begin(), samples.end());
    ACCLLM_ASSIGN_OR_RETURN(fisher_, tune::StreamFisher(*weights, sequences, pool_));
    return {};
  }

  const TensorPlan& PlanOf(std::string_view name) const {
    return *std::find_if(plan_.begin(), plan_.end(),
                         [&](const TensorPlan& tensor) { return tensor.name == name; });
  }

  // A share of what comes after the measurements for the budget, as a share of all.
  double AfterBudget(double share) const { return BudgetShare() + (1 - BudgetShare()) * share; }

  // Steps of gradient descent on the whole model.
  int64_t ModelSteps() const {
    switch (options_.recipe.tuning) {
      case Tuning::kNone:
        return 0;
      case Tuning::kBlocks:
        return options_.scale_steps;
      case Tuning::kModel:
        return options_.distill_steps;
    }
    return 0;
  }

  // Share of what comes after the budget that they take: each about as long as a step of all
  // blocks.
  double ModelShare() const {
    const auto steps = static_cast<double>(ModelSteps());
    return steps / (steps + static_cast<double>(options_.tune_steps) / (1 - kOneShotShare));
  }

  // Tells of the next step, after the work of `blocks_done` blocks.
  bool Announce(double blocks_done, const std::string& step) const {
    const double share = blocks_done / static_cast<double>(config_.n_layers);
    const double of_blocks = options_.recipe.tuning == Tuning::kNone ? 1 : 1 - ModelShare();
    return progress_({AfterBudget(share * of_blocks), step});
  }

  // The work done before the tensor `name` of block `layer`, in blocks.
  double BlocksBefore(int64_t layer, std::string_view name) const {
    double place = 0;
    for (size_t i = 0; i < kLinearNames.size(); ++i) {
      if (name.ends_with(kLinearNames[i])) place = static_cast<double>(i);
    }
    place /= static_cast<double>(kLinearNames.size());
    const double within_group = static_cast<double>(layer - journal_.layers_done) + place;
    return static_cast<double>(journal_.layers_done) +
           within_group * (options_.recipe.tuning == Tuning::kNone ? 1 : kOneShotShare);
  }

  Status WriteNearest(PackedWriter& writer, std::string_view name,
                      const std::vector<float>& weights) const {
    const TensorPlan& plan = PlanOf(name);
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes,
                            PackNearest(plan.type, plan.rows, plan.cols, weights));
    return writer.WriteTensor(plan.name, bytes);
  }

  // Blocks that are done together, at most: those that are trained together.
  int64_t GroupSize() const {
    return options_.recipe.tuning == Tuning::kNone ? 1 : options_.tune_blocks;
  }

  // Compresses and writes the next group of blocks.
  Status RunGroup(PackedWriter& writer, Calibration* calibration) {
    const int64_t first = journal_.layers_done;
    const int64_t n = std::min(GroupSize(), config_.n_layers - first);
    std::vector<CompressedLayer> group;
    if (options_.recipe.tuning == Tuning::kNone) {
      ACCLLM_ASSIGN_OR_RETURN(CompressedLayer layer, OneShot(first, calibration));
      group.push_back(std::move(layer));
    } else {
      ACCLLM_ASSIGN_OR_RETURN(group, TunedGroup(first, n, *calibration));
    }
    for (int64_t i = 0; i < n; ++i) {
      CompressedLayer& layer = group[Index(i)];
      ACCLLM_RETURN_IF_ERROR(WriteLayer(writer, layer, first + i));
      for (LinearReport& report : layer.reports) journal_.layers.push_back(std::move(report));
    }
    // Order matters: the journal may speak of this group only when tensors and state are durable.
    ACCLLM_RETURN_IF_ERROR(writer.Sync());
    if (calibration != nullptr) ACCLLM_RETURN_IF_ERROR(calibration->Save(StatePath(first + n)));
    journal_.layers_done = first + n;
    journal_.seconds += MonotonicSeconds() - start_;
    start_ = MonotonicSeconds();
    ACCLLM_RETURN_IF_ERROR(journal_.Save(JournalPath()));
    std::remove(TunePath(first).c_str());
    return {};
  }

  // One pass over the matrices of block `layer`. `calibration` may be null if the recipe has none.
  Result<CompressedLayer> OneShot(int64_t layer, Calibration* calibration) const {
    ACCLLM_ASSIGN_OR_RETURN(FloatLayer weights, checkpoint_.ReadLayer(layer));
    const LayerTask task = {
        config_,
        options_.recipe,
        layer,
        [this](std::string_view name) { return PlanOf(name).type; },
        [&](const std::string& name) { return Announce(BlocksBefore(layer, name), name); },
        options_.low_rank};
    if (calibration == nullptr) return CompressLayerNearest(task, std::move(weights), pool_);
    return CompressLayerCalibrated(task, std::move(weights), *calibration, pool_);
  }

  static Status WriteLayer(PackedWriter& writer, const CompressedLayer& result, int64_t layer) {
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<PackedBytes> tensors, PackLayer(result, layer));
    for (const PackedBytes& tensor : tensors) {
      ACCLLM_RETURN_IF_ERROR(writer.WriteTensor(tensor.name, tensor.bytes));
    }
    return {};
  }

  // `n` blocks from `first` on, trained together.
  Result<std::vector<CompressedLayer>> TunedGroup(int64_t first, int64_t n,
                                                  Calibration& calibration) {
    std::vector<reference::Matrix> inputs = calibration.CompressedStreams();
    std::vector<CompressedLayer> group;
    for (int64_t i = 0; i < n; ++i) {
      ACCLLM_ASSIGN_OR_RETURN(CompressedLayer layer, OneShot(first + i, &calibration));
      group.push_back(std::move(layer));
    }
    const TuneSettings settings = {options_.tune_steps, options_.batch_tokens,
                                   std::move(fisher_[Index(first + n - 1)])};
    const auto after_step = [&](int64_t step, double loss) {
      const double share = static_cast<double>(step) / static_cast<double>(options_.tune_steps);
      return Announce(
          static_cast<double>(first) +
              static_cast<double>(n) * (kOneShotShare + (1 - kOneShotShare) * share),
          fmt::format("layers.{}: tuning, error {:.2f} %", LayerRange(first, n), 100 * loss));
    };
    ACCLLM_ASSIGN_OR_RETURN(const TuneReport report,
                            TuneBlocks(config_, settings, std::move(inputs), calibration, group,
                                       TunePath(first), pool_, after_step));
    journal_.tuning.push_back(report);
    return group;
  }

  Status Distill(PackedWriter& writer) {
    const bool trains_all = options_.recipe.tuning == Tuning::kModel;
    const auto after_step = [&](int64_t step, double loss) {
      const double share = static_cast<double>(step) / static_cast<double>(ModelSteps());
      return progress_({AfterBudget(1 - ModelShare() * (1 - share)),
                        fmt::format("{}, divergence {:.4f}",
                                    trains_all ? "distilling" : "tuning scales and head", loss)});
    };
    const std::vector<int32_t> text = BosWindows(options_.calibration, sample_tokens_, Bos());
    const DistillTask task = {checkpoint_,
                              plan_,
                              journal_.layers,
                              text,
                              DistillPath(),
                              trains_all ? tune::Trained::kAll : tune::Trained::kScales,
                              {ModelSteps(), options_.batch_tokens, {}},
                              sample_tokens_};
    const auto take = [&](int64_t index, const CompressedLayer& layer) {
      return WriteLayer(writer, layer, index);
    };
    ACCLLM_ASSIGN_OR_RETURN(const DistilledModel model,
                            DistillModel(task, writer, pool_, after_step, take));
    report_.distillation = model.report;
    const std::string_view head = config_.tie_word_embeddings ? kEmbedTokensName : kLmHeadName;
    ACCLLM_RETURN_IF_ERROR(WriteNearest(writer, head, model.head));
    return WriteFinalNorm(writer, model.final_norm);
  }

  static Status WriteFinalNorm(PackedWriter& writer, const std::vector<float>& norm) {
    return writer.WriteTensor(
        std::string(kFinalNormName),
        std::span(reinterpret_cast<const uint8_t*>(norm.data()), norm.size() * sizeof(float)));
  }

  // What comes after the blocks.
  Status WriteHead(PackedWriter& writer) const {
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<float> norm, checkpoint_.ReadFinalNorm());
    ACCLLM_RETURN_IF_ERROR(WriteFinalNorm(writer, norm));
    if (config_.tie_word_embeddings) return {};
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<float> lm_head, checkpoint_.ReadLmHead());
    return WriteNearest(writer, kLmHeadName, lm_head);
  }

  Result<CompressReport> Finish(PackedWriter& writer) {
    SortReports();
    const std::string& tokenizer = options_.tokenizer_bytes;
    ACCLLM_RETURN_IF_ERROR(writer.Finish(
        std::span(reinterpret_cast<const uint8_t*>(tokenizer.data()), tokenizer.size()),
        MetadataJson()));
    RemoveTraining();
    for (const std::string& path : {JournalPath(), StatePath(0), StatePath(1)}) {
      std::remove(path.c_str());
    }
    return MakeReport();
  }

  // A resumed journal lists its tensors by name; the report follows the file.
  void SortReports() {
    const auto is_before = [this](const auto& a, const auto& b) {
      return &PlanOf(a.name) < &PlanOf(b.name);
    };
    std::sort(journal_.layers.begin(), journal_.layers.end(), is_before);
    std::sort(journal_.budget.begin(), journal_.budget.end(), is_before);
  }

  std::string MetadataJson() const {
    Json recipe;
    recipe["name"] = options_.recipe.name;
    if (options_.recipe.calibrates()) {
      recipe["samples"] = n_samples_;
      recipe["sample_tokens"] = sample_tokens_;
    }
    if (options_.recipe.tuning != Tuning::kNone) {
      recipe["batch_tokens"] = options_.batch_tokens;
      recipe["tune_steps"] = options_.tune_steps;
    }
    if (options_.recipe.tuning == Tuning::kBlocks) recipe["scale_steps"] = options_.scale_steps;
    if (options_.recipe.tuning == Tuning::kModel) recipe["distill_steps"] = options_.distill_steps;
    if (options_.bits > 0) {
      recipe["bits"] = options_.bits;
      recipe["bits_types"] = LabelsOf(options_.bits_types);
    }
    if (options_.low_rank > 0) recipe["lowrank"] = options_.low_rank;
    for (const LinearReport& layer : journal_.layers) {
      recipe["relative_error"][layer.name] = layer.relative_error;
    }
    Json provenance;
    provenance["checkpoint"] = options_.source;
    provenance["calibration"] = options_.calibration_source;
    provenance["calibration_xxh3"] = options_.calibration_hash;
    provenance["add_bos_token"] = options_.add_bos_token;
    provenance["program"] = "accllm " ACCLLM_VERSION;
    return PackedMetadataToJson(
        {config_, options_.window, recipe.dump(), provenance.dump(), options_.text_json});
  }

  Result<CompressReport> MakeReport() {
    ACCLLM_ASSIGN_OR_RETURN(const PackedFile file, PackedFile::Open(output_));
    int64_t ideal_bytes = 0;
    int64_t packed_bytes = 0;
    for (const PackedTensor& tensor : file.tensors()) {
      if (tensor.type == format::TensorType::kI8) {  // has no padding
        packed_bytes += tensor.layout.data_bytes;
        ideal_bytes += tensor.layout.data_bytes;
        report_.low_rank_bytes += tensor.layout.data_bytes;
      }
      if (!IsBlockType(tensor.type)) continue;
      packed_bytes += tensor.layout.data_bytes;
      // The same bytes a weight without padded rows and columns.
      const double padded = static_cast<double>(tensor.layout.padded_rows) *
                            static_cast<double>(tensor.layout.n_blocks * format::kBlockWeights);
      ideal_bytes += static_cast<int64_t>(static_cast<double>(tensor.layout.data_bytes) *
                                          static_cast<double>(tensor.rows * tensor.cols) / padded);
    }
    report_.layers = journal_.layers;
    report_.tuning = journal_.tuning;
    report_.budget = journal_.budget;
    report_.file_bytes = static_cast<int64_t>(file.bytes().size());
    report_.checkpoint_bytes = checkpoint_.weight_bytes();
    report_.bits_per_linear_weight = file.BitsPerLinearWeight();
    report_.padding_share = packed_bytes == 0 ? 0.0
                                              : 1.0 - static_cast<double>(ideal_bytes) /
                                                          static_cast<double>(packed_bytes);
    report_.seconds = journal_.seconds + MonotonicSeconds() - start_;
    return report_;
  }

  const Checkpoint& checkpoint_;
  const ModelConfig& config_;
  const std::string& output_;
  const CompressOptions& options_;
  ThreadPool& pool_;
  const CompressCallback& progress_;
  std::vector<TensorPlan> plan_;
  Journal journal_;
  CompressReport report_;
  int64_t n_samples_ = 0;                   // calibration samples really taken
  int64_t sample_tokens_ = 0;               // tokens of each
  std::vector<std::vector<float>> fisher_;  // [n_layers][hidden, hidden], if blocks are tuned
  double start_ = 0;
};

}  // namespace

Result<CompressReport> Compress(const Checkpoint& checkpoint, const std::string& output,
                                const CompressOptions& options, ThreadPool& pool,
                                const CompressCallback& progress) {
  if (options.n_samples < 1 || options.sample_tokens < 0) {
    return Fail(ErrorCode::kInvalidArgument, "--samples must be at least 1, --sample-tokens 0");
  }
  if (options.bits > 0 && !options.recipe.calibrates()) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("--bits: recipe {} has no text to measure on", options.recipe.name),
        "use it with a recipe that takes --calibration, such as joint; or choose types with "
        "--keep-dense");
  }
  if (options.tune_blocks < 1) {
    return Fail(ErrorCode::kInvalidArgument, "--tune-blocks must be at least 1");
  }
  if (!std::isfinite(options.bits) || options.bits < 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("--bits {}: no number of bits", options.bits), "give some more than 2");
  }
  if (options.low_rank < 0) {
    return Fail(ErrorCode::kInvalidArgument, "--lowrank must be at least 1");
  }
  if (options.low_rank > 0 && !options.recipe.calibrates()) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("--lowrank: not with recipe {}, which does not calibrate", options.recipe.name),
        "use it with a recipe that takes --calibration, such as joint");
  }
  // The pool shares the work out; BLAS's own threads would make sums depend on their number.
  openblas_set_num_threads(1);
  return Compressor(checkpoint, output, options, pool, progress).Run();
}

}  // namespace accllm
