// suite.h — what a night runs, as a TOML file says it.
//
//   description = "…"
//   [simulator]  seeds = 500                         rules of two-layer under faults, from seed 1
//   [[counter]]  strategy, routers | options, seconds   figures on virtual time that must not change at all
//   [fuzz]       seconds = 20, targets = ["result", …]   each fuzz target (all of them unless named), tests/fuzz/run.sh
//   [[cell]]     scenario, strategy, pairs, set = ["key=value", …]   real runs, paired with the baseline's build
//   [micro]      pairs = 9, filter = "text/decision/"    bench_micro of both builds, by its ratios to the floor
//   [[profile]]  scenario, strategy, set                 one router's heap under heaptrack, of both builds
//   [[mute]]     figure = "reference/two-layer routers.sync.cpu_s", reason, until = "2026-12-31"
//
// Threads: pure but for the file. Units: seconds of virtual time. Ownership: values. Errors: kInvalid, one line with
// file, line and key; everything that can be known before a night is checked here: scenarios, strategies, settings,
// options, figures, dates. Bounds: kSuiteBytesMax, kCellsMax of each kind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/result.h"

namespace prefixmesh::bench {

inline constexpr std::size_t kSuiteBytesMax = 1u << 20;
inline constexpr std::size_t kCellsMax = 200;

struct CounterCell {
  std::string strategy;
  std::uint64_t routers = 2;  // of two-layer
  std::string options = {};   // of the others, as in `sim --faults`
  std::uint64_t seconds = 40;
};
struct ProfileCell {
  std::string scenario, strategy;
  std::vector<std::string> set;
  std::string Name() const { return scenario + "/" + strategy; }
};
struct RunCell : ProfileCell {
  std::uint64_t pairs = 9;
};
struct MicroCell {
  std::uint64_t pairs = 0;  // 0: none
  std::string filter = ".";
};
struct FuzzCell {
  std::uint64_t seconds = 0;  // of each target; 0: none
  std::vector<std::string> targets;
};
struct Mute {
  std::string figure, reason, until;  // until: the last day, 2026-12-31
};
struct Suite {
  std::string name, description;
  std::string text;  // of the file
  std::uint64_t simulator_seeds = 0;
  std::vector<CounterCell> counters;
  FuzzCell fuzz;
  std::vector<RunCell> cells;
  MicroCell micro;
  std::vector<ProfileCell> profiles;
  std::vector<Mute> mutes;
};

// "short", "full", or a file.
Result<Suite> LoadSuite(const std::string& name_or_path);
Result<Suite> ParseSuite(std::string_view text, const std::string& name);

}  // namespace prefixmesh::bench
