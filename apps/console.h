// What a person at a terminal sees: progress, tables, Ctrl-C.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace accllm::cli {

using Json = nlohmann::ordered_json;

// From now on the first Ctrl-C (or SIGTERM) sets a flag and the second one ends the process.
void InstallInterruptHandler();
bool Interrupted();

// From now on Ctrl-C only sets the flag, however often, and SIGTERM ends the process.
void KeepRunningOnInterrupt();
void ClearInterrupted();

// The error of a verb that stopped because of it.
Error InterruptedError(std::string what_is_kept);

// "accllm VERB: error: message; remedy" on stderr.
void PrintError(std::string_view verb, std::string_view text);
// "note: ..." on stderr.
void PrintNote(std::string_view text);

// A progress line on stderr with the time left: redrawn in place on a terminal, otherwise a new
// line every few seconds.
class Progress {
 public:
  explicit Progress(std::string label);
  ~Progress();  // takes the line away
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `share` is what is done, 0..1.
  void Update(double share, std::string_view what = {});

 private:
  std::string label_;
  bool is_terminal_;
  double start_;
  double last_shown_;
  size_t width_ = 0;  // of the line on the terminal
};

// Left-aligned first column, right-aligned others, as wide as needed.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

// A name and its value a line, both left-aligned.
std::string FormatFields(const std::vector<std::pair<std::string, std::string>>& fields);

std::string FormatBytes(int64_t bytes);     // "3.14 MB", powers of ten
std::string FormatSeconds(double seconds);  // "0.42 s", "3 min 12 s", "2 h 05 min"

// Text to stdout. Errors: kIo.
Status PrintText(std::string_view text);
// One JSON object to stdout; numbers that are not finite become null. Errors: kIo.
Status PrintJson(const Json& json);

// A JSON text kept in a file's metadata.
Json ParseStoredJson(std::string_view text);

}  // namespace accllm::cli
