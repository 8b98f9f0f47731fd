#include "compare_page.h"

#include <vector>

#include "compare_charts.h"
#include "html_page.h"

namespace accllm::cli {
namespace {

constexpr std::string_view kCompareStyle = R"css(
.charts { display: flex; flex-wrap: wrap; gap: 1rem; }
svg .title { font-weight: 600; font-size: 13px; }
svg.bars { width: 32rem; max-width: 100%; } svg.lines { width: 20rem; max-width: 100%; }
blockquote { margin: .3rem 0 1rem; padding-left: .9rem; border-left: 3px solid var(--line);
  white-space: pre-wrap; }
)css";

// The least value of a column among recipes of the same bits would need judgement; the page marks
// the least perplexity and divergence of all.
struct Best {
  double perplexity = 1e300;
  double kl = 1e300;
};

Best BestOf(const Comparison& c, std::string_view precision) {
  Best best;
  for (const RecipeResult& recipe : c.recipes) {
    const Measurement* m = recipe.Find(precision);
    if (m == nullptr) continue;
    best.perplexity = std::min(best.perplexity, m->perplexity);
    best.kl = std::min(best.kl, m->kl);
  }
  return best;
}

std::string HtmlCell(const std::string& text, bool is_best = false) {
  return fmt::format("<td{}>{}</td>", is_best ? " class=\"best\"" : "", text);
}

std::string MeasurementCells(const RecipeResult& result, std::string_view precision,
                             const Best* best) {
  const Measurement* m = result.Find(precision);
  if (m == nullptr) return HtmlCell("–") + HtmlCell("–") + HtmlCell("–");
  if (best == nullptr) {  // the float checkpoint
    return HtmlCell(fmt::format("{:.2f}", m->perplexity)) + HtmlCell("0") + HtmlCell("100");
  }
  return HtmlCell(fmt::format("{:.2f}", m->perplexity), m->perplexity == best->perplexity) +
         HtmlCell(fmt::format("{:.4f}", m->kl), m->kl == best->kl) +
         HtmlCell(fmt::format("{:.1f}", 100 * m->top1_agreement));
}

std::string HtmlRow(const RecipeResult& result, const std::string& bits, const Best* weights_only,
                    const Best* whole) {
  std::string what = EscapeHtml(result.summary);
  if (result.masks_kept > 0) {
    what += fmt::format("; mask kept in {} sparse matrices", result.masks_kept);
  }
  return fmt::format("<tr><td>{}</td><td class=\"what\">{}</td>", EscapeHtml(result.name), what) +
         HtmlCell(bits) + HtmlCell(FormatBytes(result.file_bytes)) +
         MeasurementCells(result, kWeightsOnly, weights_only) +
         MeasurementCells(result, kWholeEngine, whole) +
         HtmlCell(weights_only == nullptr ? "–" : FormatSeconds(result.seconds)) + "</tr>\n";
}

std::string Table(const Comparison& c) {
  std::string html =
      "<div class=\"scroll\"><table>\n<thead><tr><th rowspan=\"2\">recipe</th>"
      "<th rowspan=\"2\">what it does</th><th rowspan=\"2\">bits / weight</th>"
      "<th rowspan=\"2\">file</th><th colspan=\"3\">weights only</th>"
      "<th colspan=\"3\">with A8 and KV4</th><th rowspan=\"2\">time</th></tr>\n"
      "<tr><th>perplexity</th><th>KL, nat</th><th>top-1, %</th><th>perplexity</th>"
      "<th>KL, nat</th><th>top-1, %</th></tr></thead>\n<tbody>\n";
  const Best weights_only = BestOf(c, kWeightsOnly);
  const Best whole = BestOf(c, kWholeEngine);
  html += HtmlRow(c.reference, "–", nullptr, nullptr);
  for (const RecipeResult& recipe : c.recipes) {
    html += HtmlRow(recipe, fmt::format("{:.3f}", recipe.bits_per_linear_weight), &weights_only,
                    &whole);
  }
  return html + "</tbody></table></div>\n";
}

std::string Bars(const Comparison& c) {
  std::vector<Bar> perplexity;
  std::vector<Bar> kl;
  std::vector<Bar> bytes;
  const Measurement* real = c.reference.Find(kWeightsOnly);
  for (const RecipeResult& recipe : c.recipes) {
    const Measurement* m = recipe.Find(kWholeEngine);
    if (m == nullptr || real == nullptr) continue;
    perplexity.push_back({recipe.name, 100 * (m->perplexity / real->perplexity - 1)});
    kl.push_back({recipe.name, m->kl});
    bytes.push_back({recipe.name, static_cast<double>(recipe.file_bytes) / 1e6});
  }
  return "<div class=\"charts\">\n" +
         BarChart("Perplexity above the float model's, %, with A8 and KV4", perplexity, 1) +
         BarChart("KL divergence from the float model, nat, with A8 and KV4", kl, 4) +
         BarChart("File, MB", bytes, 2) + "</div>\n";
}

std::string Key(const Comparison& c) {
  std::vector<std::string> names;
  for (const RecipeResult& recipe : c.recipes) names.push_back(recipe.name);
  return ColourKey(names);
}

std::string Sample(const RecipeResult& result) {
  return fmt::format("<h3>{}</h3>\n<blockquote>{}</blockquote>\n", EscapeHtml(result.name),
                     EscapeHtml(result.sample.value_or("")));
}

std::string Samples(const Comparison& c) {
  std::string html = fmt::format(
      "<p class=\"note\">The likeliest token each time, after</p>\n"
      "<blockquote>{}</blockquote>\n",
      EscapeHtml(c.prompt));
  html += Sample(c.reference);
  for (const RecipeResult& recipe : c.recipes) html += Sample(recipe);
  return html;
}

}  // namespace

std::string ComparePage(const Comparison& c) {
  return HtmlPage(
      fmt::format("Compression of {}", c.checkpoint), kCompareStyle,
      fmt::format(
          "<p>{} predicted tokens of {}, in windows of {}; calibrated on {}. Divergence and "
          "agreement are with the float checkpoint on the same tokens.</p>\n",
          c.predicted_tokens, EscapeHtml(c.text), c.window_tokens,
          EscapeHtml(c.calibration.empty() ? "nothing" : c.calibration)) +
          Table(c) + "<h2>Side by side</h2>\n" + Bars(c) +
          "<h2>Error of every linear layer's output</h2>\n"
          "<p class=\"note\">Squared error on the calibration text, relative to the output aimed "
          "at; for recipes without calibration of the weights themselves.</p>\n" +
          Key(c) + "<div class=\"charts\">\n" + LayerErrorCharts(c.recipes, c.n_layers) +
          "</div>\n<h2>What they write</h2>\n" + Samples(c));
}

}  // namespace accllm::cli
