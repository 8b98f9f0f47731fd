// The report of the accelerator as one HTML page that needs nothing else.
#pragma once

#include <string>
#include <vector>

#include "accel/estimate/published_designs.h"
#include "report_estimates.h"

namespace accllm::cli {

struct ReportPageContent {
  const Estimates* estimates = nullptr;
  accel::PassEstimate prefill;  // a pass in the middle of the prompt, all slots used
  std::vector<Variant> variants;
  std::vector<accel::PublishedDesign> published;
  std::string command;  // that gives the estimates again
};

std::string ReportPage(const ReportPageContent& content);

}  // namespace accllm::cli
