#include "tokenizer/text_splitter.h"

#include <algorithm>

namespace accllm {
namespace {

struct Part {
  TextRange range;
  bool is_match = false;
};

// All of the text, what matches and what lies between, in order.
template <typename Visit>
void VisitParts(const SplitStep& step, std::string_view text, Visit visit) {
  size_t end = 0;
  const auto add = [&](TextRange match) {
    if (match.begin > end) visit(Part{{end, match.begin}, step.is_inverted});
    visit(Part{match, !step.is_inverted});
    end = match.end;
  };
  if (step.regex) {
    SplitRegex::Search search(*step.regex, text);
    while (const auto match = search.Next()) add(*match);
  } else {
    for (size_t at = text.find(step.literal); at != std::string_view::npos;
         at = text.find(step.literal, end)) {
      add({at, at + step.literal.size()});
    }
  }
  if (end < text.size()) visit(Part{{end, text.size()}, step.is_inverted});
}

// The parts that stay together, for the behaviours that join neighbours.
std::vector<TextRange> JoinParts(const SplitStep& step, std::string_view text) {
  std::vector<Part> parts;
  VisitParts(step, text, [&](const Part& part) { parts.push_back(part); });
  const bool joins_next = step.behavior == SplitBehavior::kMergedWithNext;
  if (joins_next) std::ranges::reverse(parts);
  std::vector<TextRange> ranges;
  bool previous = false;
  for (const auto& [range, is_match] : parts) {
    const bool joins =
        step.behavior == SplitBehavior::kContiguous ? is_match == previous : is_match && !previous;
    previous = is_match;
    if (!joins || ranges.empty()) {
      ranges.push_back(range);
    } else if (joins_next) {
      ranges.back().begin = range.begin;
    } else {
      ranges.back().end = range.end;
    }
  }
  if (joins_next) std::ranges::reverse(ranges);
  return ranges;
}

std::string ReplaceSpaces(std::string_view text, std::string_view replacement) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    if (c == ' ') {
      result += replacement;
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace

void TextSplitter::Run(size_t index, std::string_view text, bool is_first, const Sink& sink) const {
  if (text.empty()) return;
  if (index == steps_.size()) return sink(text);
  const SplitStep& step = steps_[index];
  std::string changed;
  if (!step.replaced_space.empty()) {
    changed = ReplaceSpaces(text, step.replaced_space);
    text = changed;
  }
  const bool prepends =
      step.prepend == PrependScheme::kAlways || (step.prepend == PrependScheme::kFirst && is_first);
  if (prepends && !text.starts_with(step.prefix)) {
    changed = step.prefix + std::string(text);
    text = changed;
  }
  const auto pass_on = [&](TextRange range) {
    Run(index + 1, text.substr(range.begin, range.end - range.begin), is_first && range.begin == 0,
        sink);
  };
  if (!step.regex && step.literal.empty()) {
    pass_on({0, text.size()});
  } else if (step.behavior == SplitBehavior::kIsolated) {
    VisitParts(step, text, [&](const Part& part) { pass_on(part.range); });
  } else if (step.behavior == SplitBehavior::kRemoved) {
    VisitParts(step, text, [&](const Part& part) {
      if (!part.is_match) pass_on(part.range);
    });
  } else {
    std::ranges::for_each(JoinParts(step, text), pass_on);
  }
}

}  // namespace accllm
