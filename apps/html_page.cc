#include "html_page.h"

#include <fmt/format.h>

namespace accllm::cli {
namespace {

constexpr std::string_view kPageStyle = R"css(
:root { color-scheme: light dark; --ground: #fff; --text: #1c1e21; --soft: #667; --line: #d8dbe0;
  --best: #e7f4ea; }
@media (prefers-color-scheme: dark) { :root { --ground: #16181c; --text: #e4e6ea; --soft: #9aa0aa;
  --line: #353940; --best: #1f3526; } }
body { background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif;
  max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.note { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child, td.what { text-align: left; }
td.what { white-space: normal; color: var(--soft); min-width: 14rem; }
td.best { background: var(--best); font-weight: 600; }
svg { font-size: 11px; } svg text { fill: var(--text); } svg line { stroke: var(--line); }
svg polyline { fill: none; stroke: var(--c); stroke-width: 1.6; }
svg circle, svg rect { fill: var(--c); }
.key span { display: inline-block; margin-right: 1rem; white-space: nowrap; }
.key i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .35em;
  background: var(--c); }
.c0 { --c: #3b82c4; } .c1 { --c: #e08a1e; } .c2 { --c: #3f9a52; } .c3 { --c: #cc4b4b; }
.c4 { --c: #8a63c9; } .c5 { --c: #a0785a; } .c6 { --c: #d472b0; } .c7 { --c: #8a9099; }
.c8 { --c: #a8a51e; } .c9 { --c: #23a9b8; }
)css";

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string html;
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      default:
        html += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return html;
}

std::string HtmlPage(std::string_view title, std::string_view style, std::string_view body) {
  const std::string name = EscapeHtml(title);
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"/>"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<title>{}</title>\n<style>{}{}</style></head>\n<body>\n<h1>{}</h1>\n{}</body>\n</html>\n",
      name, kPageStyle, style, name, body);
}

std::string ColourClass(size_t index) { return fmt::format("c{}", index % kColours); }

std::string ColourKey(std::span<const std::string> names) {
  std::string html = "<p class=\"key\">";
  for (size_t i = 0; i < names.size(); ++i) {
    html +=
        fmt::format("<span class=\"{}\"><i></i>{}</span>\n", ColourClass(i), EscapeHtml(names[i]));
  }
  return html + "</p>\n";
}

}  // namespace accllm::cli
