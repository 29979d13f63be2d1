// figure.h — start here for figures: what a row of the tables says about one figure, and the rules every table keeps.
//
// A figure is one number that a run can have. It is described once, in a row (router_figures.h, load_figures.h,
// run_figures.h, fault_figures.h), and what names it is made of that row: its place in result.json and in
// results/schema.json, the tables of docs/results.md and dashboards/metrics.md, the /metrics page, the rows of the
// report and of the terminal, what `ab` compares, the names that objectives may use. What was measured travels as
// readings (readings.h) from the process that measured it into the result.
//
// Threads: constants. Ownership: static storage. Errors: Problem names what is wrong with a table; each table has a
// static_assert that it finds nothing, so a bad row does not compile. Bounds: none; tables are code.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

namespace prefixmesh {

// What a value is counted in. Result and objectives use it as it is, Prometheus the base unit.
enum class Unit : std::uint8_t {
  kCount,
  kBytes,
  kBytesPerSecond,
  kMicroseconds,
  kMilliseconds,
  kSeconds,
  kPerSecond,
  kShare,   // 0 to 1
  kPoints,  // of a share: 0.01 is one percentage point
  kRatio,
  kCores,
};
inline constexpr Unit kLastUnit = Unit::kCores;

// An exact count is the same in every run of one plan and build, but for what time decides; it is an integer.
// A measured value has the noise of the machine in it.
enum class Nature : std::uint8_t { kCounted, kMeasured };

enum class Better : std::uint8_t { kNeither, kLower, kHigher };

// How one number is made of several routers': of the largest, or of all together.
enum class Fold : std::uint8_t { kOne, kLargest, kSum };

// Where reports show a figure, in their order. Figures of a part that is only in some runs (FigureGroup::optional)
// stand together, under that part's title.
enum class Section : std::uint8_t { kNone, kMemory, kSync, kPlacements, kRouting, kDecision, kLoad, kOptional };

// What stands for the `*` of a path. An open set has no values: its names are data, such as peers' or reasons'.
struct LabelValue {
  std::string_view name, meaning;
  bool shown = true;  // in reports
};
struct Label {
  std::string_view name;  // as in Prometheus
  std::span<const LabelValue> values;
};

struct Figure {
  // In its group, dotted; its last name, or the one before, ends in the unit (_bytes, _us, _ms, _s). At most one `*`.
  std::string_view path;
  Unit unit = Unit::kCount;
  Nature nature = Nature::kCounted;
  Better better = Better::kNeither;
  std::string_view meaning;
  // When there is no value though the process was heard; also the reason that a result gives, unless the place that
  // did not measure knows better.
  std::string_view null_when = {};
  Fold fold = Fold::kOne;
  Label label = {};  // of the `*`; by value, because sanitizers make no constant of an address that is compared
  // The Prometheus family: `_total` for what only grows. None: not on /metrics by this row.
  std::string_view metric = {};
  // In reports: its name (`*` is the label's value), where, and how.
  std::string_view title = {};
  Section section = Section::kNone;
  bool terminal = false;  // in the terminal's table, too
  bool bar = false;       // with a bar of its share of the row's largest
  bool in_result = true;  // false: of the moment only, so it is on /metrics and in status, and no result has it
  bool negative = false;  // may be below 0

  constexpr bool labelled() const { return !label.name.empty(); }
};

// A group is one object of the result, or one in each item of a list.
struct FigureGroup {
  std::string_view name;  // "routers", "load", …
  std::string_view meaning;
  std::span<const Figure> figures;
  bool each = false;  // a list of objects that are told apart by `name`
  // There only in some runs, with a title for its part of a report; otherwise always, with nulls for what was not
  // measured.
  bool optional = false;
  std::string_view title = {};
  // What a result says when the process that measures the group was not heard at all.
  std::string_view unheard = {};
};

constexpr bool IsPath(std::string_view path) {
  if (path.empty() || path.front() == '.' || path.back() == '.') return false;
  return std::all_of(path.begin(), path.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '*';
  });
}

// `prefixmesh_` and the base unit at the end, before `_total`.
constexpr bool IsMetricOf(std::string_view metric, Unit unit) {
  if (!metric.starts_with("prefixmesh_")) return false;
  if (metric.ends_with("_total")) metric.remove_suffix(std::string_view("_total").size());
  const bool bytes = metric.ends_with("_bytes"), seconds = metric.ends_with("_seconds");
  switch (unit) {
    case Unit::kBytes:
      return bytes;
    case Unit::kMicroseconds:
    case Unit::kMilliseconds:
    case Unit::kSeconds:
      return seconds;
    case Unit::kCount:
      return !bytes && !seconds;
    default:
      return false;  // rates and shares are for the reader of /metrics to make
  }
}

// What is wrong with a table, or nothing. A row's own path is the answer's `path`.
struct TableProblem {
  std::string_view path, what;
  constexpr explicit operator bool() const { return !what.empty(); }
};
constexpr TableProblem Problem(std::span<const Figure> figures) {
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const Figure& figure = figures[i];
    const auto stars = std::count(figure.path.begin(), figure.path.end(), '*');
    if (!IsPath(figure.path)) return {figure.path, "is no path"};
    if (figure.unit > kLastUnit) return {figure.path, "has no unit"};
    if (stars != (figure.labelled() ? 1 : 0)) return {figure.path, "needs a label for its one *"};
    if (figure.meaning.empty()) return {figure.path, "has no meaning"};
    if (figure.nature == Nature::kCounted && figure.unit != Unit::kCount && figure.unit != Unit::kBytes)
      return {figure.path, "is counted in a unit that is no count"};
    if (!figure.metric.empty() && !IsMetricOf(figure.metric, figure.unit))
      return {figure.path, "has a metric without its unit suffix"};
    if (figure.title.empty() != (figure.section == Section::kNone)) return {figure.path, "needs title and section"};
    for (std::size_t j = 0; j < i; ++j) {
      if (figures[j].path == figure.path) return {figure.path, "is there twice"};
      if (!figure.metric.empty() && figures[j].metric == figure.metric) return {figure.path, "repeats a metric"};
    }
  }
  return {};
}

// The row of a path; a path that is in no row does not compile.
template <std::size_t n>
consteval const Figure& RowOf(const Figure (&figures)[n], std::string_view path) {
  for (const Figure& figure : figures)
    if (figure.path == path) return figure;
  throw "no figure has this path";
}

// ---- labels ---------------------------------------------------------------------------------------------------------

inline constexpr LabelValue kLayerValues[] = {
    {"placements", "news of placements"},
    {"structure", "what makes records resolvable: branches, anchors, whole trees"},
    {"repair", "what was asked for again"},
    {"digest", "digests of logs and trees"},
    {"control", "hello, acks, loads"},
    {"membership", "who is there"},
    {"crdt", "the replicated store"},
};
inline constexpr Label kLayer{"layer", kLayerValues};

inline constexpr LabelValue kSpectrumValues[] = {
    {"p50", "half are at or below"},           {"p90", "90 % are at or below", false}, {"p99", "99 % are at or below"},
    {"p999", "99.9 % are at or below", false}, {"max", "the largest", false},
};
inline constexpr Label kSpectrum{"percentile", kSpectrumValues};

inline constexpr LabelValue kShortSpectrumValues[] = {
    {"p50", "half are at or below"},
    {"p99", "99 % are at or below"},
    {"max", "the largest", false},
};
inline constexpr Label kShortSpectrum{"percentile", kShortSpectrumValues};

inline constexpr LabelValue kMedianAndTailValues[] = {
    {"p50", "half are at or below"},
    {"p99", "99 % are at or below"},
};
inline constexpr Label kMedianAndTail{"percentile", kMedianAndTailValues};

inline constexpr Label kReason{"reason", {}};
inline constexpr Label kPeer{"peer", {}};
inline constexpr Label kOutcome{"outcome", {}};
inline constexpr Label kBuffer{"buffer", {}};

}  // namespace prefixmesh
