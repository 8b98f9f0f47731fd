// The figures of a page about the accelerator: each says what it rests on and which command gives
// it again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace accllm::cli {

// What a figure rests on.
enum class Basis { kRtl, kSynthesis, kModelled, kPublished, kByHand, kAssumed };
std::string_view BasisLabel(Basis basis);    // "measured in RTL"
std::string_view BasisMeaning(Basis basis);  // a sentence
inline constexpr Basis kAllBases[] = {Basis::kRtl,       Basis::kSynthesis, Basis::kModelled,
                                      Basis::kPublished, Basis::kByHand,    Basis::kAssumed};

// "<span ...>modelled</span>"
std::string BasisTag(Basis basis);

struct Figure {
  std::string id;  // of the element
  std::string title;
  std::vector<Basis> bases;
  std::string note;  // HTML, below the title
  std::string body;  // HTML
  std::string command;
};
std::string FigureHtml(const Figure& figure);

// A part of a bar.
struct Segment {
  double value = 0;
  size_t colour = 0;
  std::string title;  // shown when pointed at
};

struct Column {
  std::string heading;
  bool is_text = false;  // words that wrap, not a number
  int min_width = 9;     // of words, in rem
};

// A row of a table, with a bar behind its name. Cells are HTML, the name is not.
struct BarRow {
  std::string name;
  std::vector<Segment> segments;
  std::vector<std::string> cells;
};

// `columns` are those of names, bars and cells. `full` is the length of a whole bar; 0: that of the
// longest. A value of `mark` is marked in every bar; 0: none.
std::string BarTable(const std::vector<Column>& columns, const std::vector<BarRow>& rows,
                     double full = 0, double mark = 0);

// Rows of HTML cells.
std::string PlainTable(const std::vector<Column>& columns,
                       const std::vector<std::vector<std::string>>& rows);

// Rules for all of these.
std::string_view FigureStyle();

}  // namespace accllm::cli
