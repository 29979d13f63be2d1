// history.h — the third gate of a night: has the level of a figure changed since the nights before?
//
// A series is one figure of one scenario and strategy on one machine: a point per night, the median of its runs. A
// night is what its runs say (RunLine::night). A change point that the series shows with this night and did not show
// without it is news; the same one is not told again every night. What exports and dashboards show are all of them.
//
// Threads: pure. Time: change_points.h, a year of nights in milliseconds. Ownership: values. Units: the figures'.
// Errors: none; runs that are not comparable are left out. Bounds: the index's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/store/run_line.h"

namespace prefixmesh::bench {

inline constexpr std::size_t kNightsMin = 8;

enum class HistoryVerdict : std::uint8_t {
  kUnchanged,
  kRegressed,  // a new level, worse
  kImproved,
  kNotEnoughHistory,  // fewer than kNightsMin nights on this machine
  kMachineChanged,    // the night before was on another machine
};
std::string_view HistoryVerdictName(HistoryVerdict verdict);

struct HistoryFinding {
  std::string scenario, strategy;
  std::size_t figure = 0;  // of kHistoryFigures
  HistoryVerdict verdict = HistoryVerdict::kUnchanged;
  std::size_t nights = 0;
  std::string since;  // of a new level: its first night
  double before = 0, after = 0;
};

// The smallest change of level that counts, in percent: what `ab` has for the figure, or 5.
double MagnitudeFloorPercent(const HistoryFigure& figure);

// One finding per scenario, strategy and figure with a direction, of those that this night has.
std::vector<HistoryFinding> JudgeHistory(const std::vector<RunLine>& lines, std::string_view night);

struct LevelChange {
  std::string scenario, strategy, machine;
  std::size_t figure = 0;                               // of kHistoryFigures
  HistoryVerdict verdict = HistoryVerdict::kRegressed;  // or kImproved
  std::int64_t since_unix_s = 0;                        // the first run of the first night of the new level
  double before = 0, after = 0;
};

// Every change of level in these lines, which are in the order of time, of all figures with a direction, by scenario,
// strategy, machine and figure.
std::vector<LevelChange> LevelChanges(const std::vector<RunLine>& lines);

}  // namespace prefixmesh::bench
