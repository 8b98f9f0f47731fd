#include "roofline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "html_page.h"

namespace accllm::cli {
namespace {

// In SVG units.
constexpr double kChartWidth = 800;
constexpr double kChartHeight = 440;
constexpr double kChartLeft = 64;
constexpr double kChartRight = 16;
constexpr double kChartTop = 16;
constexpr double kChartBottom = 48;
constexpr double kRoomAround = 1.7;    // a factor, at the ends of an axis
constexpr double kRoomForNames = 2.8;  // at the end where those of the ceilings stand

struct LogAxis {
  double low;
  double high;
  double from;  // where low is drawn
  double to;

  double operator()(double value) const {
    const double share = std::log(value / low) / std::log(high / low);
    return from + share * (to - from);
  }

  // Powers of two times `unit` within the axis.
  std::vector<double> Ticks(double unit) const {
    std::vector<double> ticks;
    for (double tick = std::exp2(std::ceil(std::log2(low / unit))) * unit; tick <= high;
         tick *= 2) {
      ticks.push_back(tick);
    }
    return ticks;
  }
};

struct Axes {
  LogAxis x;  // products a byte
  LogAxis y;  // products a second
};

Axes AxesOf(const Roofline& roofline) {
  const double ceiling = roofline.ceilings.front().products_per_second;
  const double ridge = ceiling / roofline.peak_bytes;
  double least_x = ridge;
  double most_x = ridge;
  double least_y = ceiling;
  for (const RooflinePoint& point : roofline.points) {
    least_x = std::min(least_x, point.products_per_byte);
    most_x = std::max(most_x, point.products_per_byte);
    least_y = std::min(least_y, point.products_per_second);
  }
  return {{least_x / kRoomAround, most_x * kRoomForNames, kChartLeft, kChartWidth - kChartRight},
          {least_y / kRoomAround, ceiling * kRoomAround, kChartHeight - kChartBottom, kChartTop}};
}

std::string Grid(const Axes& axes) {
  const double bottom = kChartHeight - kChartBottom;
  std::string svg;
  for (const double tick : axes.x.Ticks(1)) {
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2}\"/>"
        "<text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4:g}</text>\n",
        axes.x(tick), kChartTop, bottom, bottom + 16, tick);
  }
  constexpr double kGiga = 1e9;
  for (const double tick : axes.y.Ticks(125 * kGiga)) {
    svg += fmt::format(
        "<line x1=\"{0}\" y1=\"{1:.1f}\" x2=\"{2}\" y2=\"{1:.1f}\"/>"
        "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:g}</text>\n",
        kChartLeft, axes.y(tick), kChartWidth - kChartRight, kChartLeft - 6, axes.y(tick) + 4,
        tick / kGiga);
  }
  return svg + fmt::format(
                   "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" class=\"soft\">products for each "
                   "byte of memory</text>\n<text x=\"{}\" y=\"{}\" class=\"soft\">10⁹ products a "
                   "second</text>\n",
                   kChartWidth - kChartRight, bottom + 34, kChartLeft + 6, kChartTop + 12);
}

// The slope of a memory up to the machine's ceiling.
std::string MemorySlope(const Axes& axes, double bytes, double ceiling, std::string_view style) {
  const double low = std::max(axes.x.low, axes.y.low / bytes);
  return fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f} L{:.1f} {:.1f}\"/>\n", style,
                     axes.x(low), axes.y(low * bytes), axes.x(ceiling / bytes), axes.y(ceiling));
}

std::string Roofs(const Roofline& roofline, const Axes& axes) {
  const double right = kChartWidth - kChartRight;
  const double top = roofline.ceilings.front().products_per_second;
  std::string svg = MemorySlope(axes, roofline.peak_bytes, top, "roof") +
                    MemorySlope(axes, roofline.sequential_bytes, top, "thin");
  for (size_t i = 0; i < roofline.ceilings.size(); ++i) {
    const auto& [name, products] = roofline.ceilings[i];
    if (products < axes.y.low) continue;
    svg += fmt::format(
        "<path class=\"{}\" d=\"M{:.1f} {:.1f} H{}\"/>"
        "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\" class=\"soft\">{}</text>\n",
        i == 0 ? "roof" : "thin", axes.x(products / roofline.peak_bytes), axes.y(products), right,
        right - 4, axes.y(products) - 5, EscapeHtml(name));
  }
  return svg;
}

struct Place {
  double x;
  double y;
};

// Places for the numbers, near their points and clear of points and of each other.
std::vector<Place> NumberPlaces(const std::vector<Place>& points) {
  constexpr double kClear = 15;
  constexpr int kDirections = 8;
  std::vector<Place> taken;
  const auto is_clear = [&](const Place& place) {
    const auto is_far = [&](const Place& other) {
      return std::hypot(place.x - other.x, place.y - other.y) >= kClear;
    };
    return std::all_of(taken.begin(), taken.end(), is_far) &&
           std::all_of(points.begin(), points.end(), is_far);
  };
  for (const Place& point : points) {
    Place best = point;
    for (double away = kClear; away < 4 * kClear; away += kClear / 2) {
      bool is_found = false;
      for (int direction = 0; direction < kDirections && !is_found; ++direction) {
        const double angle = (1 + 2 * direction) * std::numbers::pi / kDirections;
        best = {point.x + away * std::cos(angle), point.y - away * std::sin(angle)};
        is_found = is_clear(best);
      }
      if (is_found) break;
    }
    taken.push_back(best);
  }
  return taken;
}

std::string Points(const Roofline& roofline, const Axes& axes) {
  std::vector<Place> points;
  for (const RooflinePoint& point : roofline.points) {
    points.push_back({axes.x(point.products_per_byte), axes.y(point.products_per_second)});
  }
  const std::vector<Place> numbers = NumberPlaces(points);
  std::string svg;
  for (size_t i = 0; i < points.size(); ++i) {
    const RooflinePoint& point = roofline.points[i];
    svg += fmt::format(
        "<g class=\"{}\"><line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\"><title>{}</title></circle>"
        "<text class=\"number\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text></g>\n",
        ColourClass(i), points[i].x, points[i].y, numbers[i].x, numbers[i].y, points[i].x,
        points[i].y, EscapeHtml(point.name), numbers[i].x, numbers[i].y + 4, i + 1);
  }
  return svg;
}

}  // namespace

std::string RooflineSvg(const Roofline& roofline) {
  const Axes axes = AxesOf(roofline);
  return fmt::format(
             "<svg class=\"roofline\" viewBox=\"0 0 {} {}\" role=\"img\" "
             "aria-label=\"Roofline\">\n",
             kChartWidth, kChartHeight) +
         Grid(axes) + Roofs(roofline, axes) + Points(roofline, axes) + "</svg>\n";
}

}  // namespace accllm::cli
