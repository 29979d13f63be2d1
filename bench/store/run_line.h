// run_line.h — a run in one line: who, when, where, how it ended, and the figures of impl/figures/history_figures.h.
//
//   {"commit":"0123…","figures":{"routers.peak_rss_bytes":26525696,…},"machine":"AMD EPYC, 2 cores, 23.5 GiB, …",…}
//
// Indexes are made of such lines (index.h), and everything that looks at many runs reads them: exports, history,
// baselines. The whole result stays where it is.
//
// Threads: pure. Ownership: values. Units: a figure's row has them; a whole number is kept exactly, another one to
// seven significant digits. Errors: kInvalid for a result or a line that lacks what every run has, or says it in a form
// that no run has. Bounds: kRunLineBytesMax a line; `why` is cut to what is left. A figure that was not measured is
// nothing and is not in the line.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/result.h"
#include "impl/figures/history_figures.h"

namespace prefixmesh::bench {

inline constexpr std::size_t kRunLineBytesMax = 2048;

// Cpu, cores, memory and kernel of a result, as its line has them: equal text is the same machine.
std::string KeptMachine(const nlohmann::json& result);

struct RunLine {
  std::string run_id, started_at;  // 20261129T080600Z-two-layer-1-c20c0f, 2026-11-29T08:06:00Z
  std::string scenario, strategy, verdict, plan_fingerprint;
  std::string why;                        // of what is not ok: the objectives that were missed, or the first note
  std::string machine, commit, compiler;  // machine: cpu, cores, memory, kernel
  std::uint64_t seed = 0;
  bool dirty = false, trusted = false;
  std::string night;  // of a nightly: its name; else empty
  // What was set otherwise than the scenario has it today: "load.rps=300, routers.count=8", if that is long a hash of
  // it, "none"; empty: nobody knows, as of a line of an older release or of a scenario of one's own.
  std::string settings;
  std::array<std::optional<double>, kHistoryFigureCount> figures;

  std::int64_t started_unix_s = 0;  // of started_at

  // Whole and driven as planned, so its figures may be set beside others'.
  bool comparable() const { return (verdict == "ok" || verdict == "slo_missed") && trusted; }
};

// `result`: as ReadResult gives it (bench/result/read_json.h).
Result<RunLine> RunLineOf(const nlohmann::json& result);

// A whole number without a point.
nlohmann::json NumberJson(double value);
std::string ToJsonLine(const RunLine& line);  // without the line's end
Result<RunLine> ParseRunLine(std::string_view text);

// Both say how they were set, and not the same.
inline bool SetOtherwise(const RunLine& a, const RunLine& b) {
  return !a.settings.empty() && !b.settings.empty() && a.settings != b.settings;
}

// Sorted by start, then by run.
void SortByStart(std::vector<RunLine>& lines);

// The numbers of one figure in these runs, in their order, without those that have none.
std::vector<double> ValuesOf(std::span<const RunLine> lines, std::size_t figure);

}  // namespace prefixmesh::bench
