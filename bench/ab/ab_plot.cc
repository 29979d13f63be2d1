#include "bench/ab/ab_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace prefixmesh::bench::ab {
namespace {

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

double LogRatio(const PairPoint& point) { return *point.a == *point.b ? 0 : std::log(*point.b) - std::log(*point.a); }

// From a log ratio to percent of the width, with room for the dots at both edges.
class Axis {
 public:
  explicit Axis(const MetricResult& metric) {
    const MetricComparison& c = metric.comparison;
    half_ = std::log1p(metric.metric.declared.threshold_percent / 100) * 1.4;
    const auto reach = [&](double log_ratio) {
      if (std::isfinite(log_ratio)) half_ = std::max(half_, std::fabs(log_ratio) * 1.08);
    };
    for (const PairPoint& point : metric.points)
      if (point.a.has_value() && point.b.has_value()) reach(LogRatio(point));
    for (const auto& end : {c.ci_low, c.ci_high})
      if (end.has_value()) reach(std::log1p(*end));
  }
  double half() const { return half_; }
  double At(double log_ratio) const { return 50 + 47 * std::clamp(log_ratio / half_, -1.0, 1.0); }

 private:
  double half_;
};

std::string Band(const char* css, double from, double to, double y, double height) {
  return "<rect class=\"" + std::string(css) + "\" x=\"" + Number(from) + "%\" width=\"" +
         Number(std::max(to - from, 0.3)) + "%\" y=\"" + Number(y) + "\" height=\"" + Number(height) + "\"/>";
}

std::string Upright(const char* css, double at, double bottom) {
  return "<line class=\"" + std::string(css) + "\" x1=\"" + Number(at) + "%\" x2=\"" + Number(at) +
         "%\" y1=\"0\" y2=\"" + Number(bottom) + "\"/>";
}

std::string Label(double at, double y, const char* anchor, const std::string& text) {
  return "<text x=\"" + Number(at) + "%\" y=\"" + Number(y) + "\" text-anchor=\"" + anchor + "\">" + text + "</text>";
}

std::string Dot(const PairPoint& point, const ReadableMetric& metric, double at, double y, const std::string& arm_a,
                const std::string& arm_b) {
  const double log_ratio = LogRatio(point);
  const char* css = !point.used ? " class=\"unused\"" : std::isfinite(log_ratio) ? "" : " class=\"beyond\"";
  const double change = std::expm1(log_ratio);
  const std::string words = std::isfinite(change) ? ChangeText(change) : ChangeText(std::nullopt);
  return "<circle" + std::string(css) + " cx=\"" + Number(at) + "%\" cy=\"" + Number(y) + "\" r=\"4\"><title>pair " +
         std::to_string(point.pair) + ": " + arm_a + " " + QuantityText(metric.quantity, point.a) + ", " + arm_b + " " +
         QuantityText(metric.quantity, point.b) + ", " + words + (point.used ? "" : " (not used)") +
         "</title></circle>";
}

}  // namespace

std::string PairsPlot(const MetricResult& metric, const std::string& arm_a, const std::string& arm_b) {
  const Axis axis(metric);
  const MetricComparison& c = metric.comparison;
  const double step = std::clamp(160.0 / static_cast<double>(std::max<std::size_t>(metric.points.size(), 1)), 1.0, 9.0);
  const double bottom = step * static_cast<double>(metric.points.size()) + 4;
  std::string dots;
  for (std::size_t i = 0; i < metric.points.size(); ++i) {
    const PairPoint& point = metric.points[i];
    if (!point.a.has_value() || !point.b.has_value()) continue;
    const double y = step * (static_cast<double>(i) + 0.5) + 2;
    dots += Dot(point, metric.metric, axis.At(LogRatio(point)), y, arm_a, arm_b);
  }
  if (dots.empty()) return "";
  const double threshold = metric.metric.declared.threshold_percent / 100;
  const double low = threshold < 1 ? std::log1p(-threshold) : -axis.half();
  std::string svg = "<svg class=\"pairs\" role=\"img\" height=\"" + Number(bottom + 18) + "\" aria-label=\"" +
                    std::to_string(metric.points.size()) + " pairs\">";
  svg += Band("threshold", axis.At(low), axis.At(std::log1p(threshold)), 0, bottom);
  svg += Upright("zero", axis.At(0), bottom);
  if (c.pairs > 0) {
    // An end that has no percentage is beyond the edge it lies at.
    const double from = c.ci_low.has_value() ? axis.At(std::log1p(*c.ci_low)) : 97;
    const double to = c.ci_high.has_value() ? axis.At(std::log1p(*c.ci_high)) : 97;
    if (c.pairs >= kIntervalPairsMin) svg += Band("interval", from, to, 0, bottom);
    svg += Upright("median", c.median_change.has_value() ? axis.At(std::log1p(*c.median_change)) : 97, bottom);
  }
  svg += dots;
  const bool lower = metric.metric.declared.lower_is_better;
  svg += Label(3, bottom + 13, "start",
               std::string(lower ? "← better " : "← worse ") + ChangeText(std::expm1(-axis.half())));
  svg += Label(50, bottom + 13, "middle", "0");
  svg += Label(97, bottom + 13, "end", ChangeText(std::expm1(axis.half())) + (lower ? " worse →" : " better →"));
  return svg + "</svg>";
}

}  // namespace prefixmesh::bench::ab
