// The figures of the accelerator's page.
#pragma once

#include <string>
#include <vector>

#include "page_figures.h"
#include "report_page.h"

namespace accllm::cli {

// Roofline; a pass's time by state of the lanes and by operation; the vector unit; memory.
std::vector<Figure> SpeedFigures(const ReportPageContent& content);

// Energy and area.
std::vector<Figure> CostFigures(const ReportPageContent& content);

// What each ingredient of the method buys, and published designs.
std::vector<Figure> ComparisonFigures(const ReportPageContent& content);

inline Basis BasisOf(accel::AreaBasis basis) {
  return basis == accel::AreaBasis::kSynthesis ? Basis::kSynthesis : Basis::kByHand;
}

// Tags of what a machine's area rests on.
inline std::string AreaTags(const EstimatedMachine& machine) {
  const std::string by_hand = BasisTag(Basis::kByHand);
  return machine.CountedShare() > 0 ? BasisTag(Basis::kSynthesis) + " " + by_hand : by_hand;
}

inline std::string PercentText(double share) { return fmt::format("{:.1f} %", 100 * share); }

// 123456 as "123,456".
inline std::string WholeText(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  for (auto at = std::ssize(digits) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

// "5.57 (2.99 to 9.74)"
inline std::string RangeText(const accel::EnergyRange& range, int decimals) {
  return fmt::format("{:.{}f} ({:.{}f} to {:.{}f})", range.nominal, decimals, range.low, decimals,
                     range.high, decimals);
}

// The command that prints most figures.
inline std::string JsonCommand(const ReportPageContent& content) {
  return content.command + " --json";
}

}  // namespace accllm::cli
