#include "console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/process_info.h"
#include "exit_codes.h"

namespace accllm::cli {
namespace {

constexpr double kTerminalInterval = 0.1;  // seconds between redraws
constexpr double kPlainInterval = 5.0;     // seconds between lines

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void HandleInterrupt(int /*signal*/) {
  if (interrupted.exchange(true)) _exit(kExitInterrupted);
}

void NoteInterrupt(int /*signal*/) { interrupted.store(true); }

void WriteStderr(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

// Columns a UTF-8 text takes, one per code point.
size_t Columns(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

}  // namespace

void InstallInterruptHandler() {
  struct sigaction action = {};
  action.sa_handler = HandleInterrupt;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void KeepRunningOnInterrupt() {
  struct sigaction action = {};
  action.sa_handler = NoteInterrupt;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  std::signal(SIGTERM, SIG_DFL);
}

void ClearInterrupted() { interrupted.store(false); }

bool Interrupted() { return interrupted.load(std::memory_order_relaxed); }

Error InterruptedError(std::string what_is_kept) {
  return {ErrorCode::kInterrupted, "interrupted", std::move(what_is_kept)};
}

void PrintError(std::string_view verb, std::string_view text) {
  WriteStderr(fmt::format("accllm{}{}: error: {}\n", verb.empty() ? "" : " ", verb, text));
}

void PrintNote(std::string_view text) { WriteStderr(fmt::format("note: {}\n", text)); }

Progress::Progress(std::string label)
    : label_(std::move(label)),
      is_terminal_(isatty(STDERR_FILENO) == 1),
      start_(MonotonicSeconds()),
      last_shown_(start_) {}

Progress::~Progress() {
  if (width_ > 0) WriteStderr(fmt::format("\r{:{}}\r", "", width_));
}

void Progress::Update(double share, std::string_view what) {
  const double now = MonotonicSeconds();
  if (now - last_shown_ < (is_terminal_ ? kTerminalInterval : kPlainInterval)) return;
  last_shown_ = now;
  std::string line = fmt::format("{}: {:.0f} %", label_, 100 * share);
  if (share > 0) {
    line += fmt::format(", {} left", FormatSeconds((now - start_) * (1 - share) / share));
  }
  if (!what.empty()) line += fmt::format(", {}", what);
  if (!is_terminal_) {
    WriteStderr(line + "\n");
    return;
  }
  const size_t columns = Columns(line);
  WriteStderr(fmt::format("\r{}{:{}}", line, "", width_ > columns ? width_ - columns : 0));
  width_ = columns;
}

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Columns(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - Columns(row[i]), ' ');
      line += i == 0 ? row[i] + padding : "  " + padding + row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string FormatFields(const std::vector<std::pair<std::string, std::string>>& fields) {
  size_t width = 0;
  for (const auto& [name, value] : fields) width = std::max(width, Columns(name));
  std::string text;
  for (const auto& [name, value] : fields) text += fmt::format("{:{}}  {}\n", name, width, value);
  return text;
}

std::string FormatBytes(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value >= 1e9) return fmt::format("{:.2f} GB", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.2f} MB", value / 1e6);
  if (value >= 1e3) return fmt::format("{:.1f} kB", value / 1e3);
  return fmt::format("{} B", bytes);
}

std::string FormatSeconds(double seconds) {
  if (seconds < 10) return fmt::format("{:.2f} s", seconds);
  const int64_t whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

Status PrintText(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return Fail(ErrorCode::kIo, fmt::format("cannot write to stdout: {}", std::strerror(errno)));
  }
  return {};
}

Status PrintJson(const Json& json) {
  return PrintText(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

Json ParseStoredJson(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json::object() : json;
}

}  // namespace accllm::cli
