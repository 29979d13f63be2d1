#include <algorithm>
#include <cmath>
#include <cstdio>

#include "bench/result/key_figures.h"
#include "bench/text/quantity.h"
#include "bench/text/safe_text.h"
#include "bench/trends/trends.h"

namespace prefixmesh::bench {
namespace {

constexpr double kHeight = 60, kMargin = 6;

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

// A series that hardly moves is drawn as one: its range is at least a tenth of its size.
struct Range {
  double low, high;
  double At(double value) const { return kMargin + (kHeight - 2 * kMargin) * (1 - (value - low) / (high - low)); }
};
Range RangeOf(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double size = std::max(std::fabs(*low), std::fabs(*high));
  const double widen = std::max(0.0, (size > 0 ? size / 10 : 1) - (*high - *low)) / 2;
  return {*low - widen, *high + widen};
}

}  // namespace

std::string TrendPlot(std::span<const RunLine> runs, std::size_t figure) {
  const std::vector<double> values = ValuesOf(runs, figure);
  if (values.empty()) return "";
  const Quantity quantity = QuantityOf(kHistoryFigures[figure].figure->unit);
  const Range range = RangeOf(values);
  const double last = static_cast<double>(std::max<std::size_t>(runs.size() - 1, 1));
  std::string dots, line;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const RunLine& run = runs[i];
    if (!run.figures[figure]) continue;
    const double x = runs.size() == 1 ? 50 : 2 + 96 * static_cast<double>(i) / last, y = range.At(*run.figures[figure]);
    const bool other_machine = run.machine != runs.back().machine, other_settings = SetOtherwise(run, runs.back());
    const bool joined = run.comparable() && !other_machine && !other_settings;
    if (joined) line += (line.empty() ? "M" : "L") + Number(x * 10) + " " + Number(y);
    dots += std::string("<circle") + (joined ? "" : " class=\"apart\"") + " cx=\"" + Number(x) + "%\" cy=\"" +
            Number(y) + "\" r=\"2.5\"><title>" + EscapeHtml(run.started_at.substr(0, 16)) + " " +
            EscapeHtml(run.commit.substr(0, 8)) + ": " + QuantityText(quantity, run.figures[figure]) +
            (run.comparable() ? "" : ", " + EscapeHtml(run.verdict)) + (other_machine ? ", other machine" : "") +
            (other_settings ? ", other settings: " + EscapeHtml(run.settings) : "") + "</title></circle>";
  }
  return "<svg class=\"trend\"><svg viewBox=\"0 0 1000 60\" preserveAspectRatio=\"none\"><path d=\"" + line +
         "\"/></svg>" + dots + "</svg>";
}

}  // namespace prefixmesh::bench
