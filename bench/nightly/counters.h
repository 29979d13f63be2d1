// counters.h — the first gate of a night: figures on virtual time, the same on every machine, so that any change of
// them is a change of the code. They are held against golden ones in the repository; a change is accepted by a command
// that says why and keeps what was accepted.
//
//   results/golden/counters.json   {"counters": {"raw-ops,40s built_bytes": 930955003, …}, "accepted": [{at, commit,
//   why,
//                                   "changes": [{"name", "was", "is"}]}, …]}
//
// The file is one for all suites; a suite is held against what it counts, the words in front of the blank: a
// strategy, the length and the options that its figures are of.
//
// Threads: one. Time: seconds to a minute; `progress` hears of each part. Ownership: values. Errors: one line with the
// file. Bounds: the suite's, and kAcceptedMax acceptances, the oldest of which go (version control has them).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/nightly/suite.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

using Counters = std::map<std::string, std::uint64_t>;

struct SeedsOutcome {
  std::uint64_t seeds = 0;
  std::vector<std::string> broken;  // "seed 17: …", at most kBrokenMax
};
inline constexpr std::size_t kBrokenMax = 20;
inline constexpr std::size_t kAcceptedMax = 100;

using Progress = std::function<void(const std::string&)>;

// Both end early, with what they have, once `stop` is true.
using Stop = std::function<bool()>;
Counters CountOnVirtualTime(const std::vector<CounterCell>& cells, const Progress& progress, const Stop& stop = {});
// The rules of two-layer under drawn faults (bench/sim/simulation.h), seeds 1 to `seeds`.
SeedsOutcome HoldRules(std::uint64_t seeds, const Progress& progress, const Stop& stop = {});

struct CounterChange {
  std::string name;
  std::optional<std::uint64_t> was, is;  // nothing: not there
};
// Of what `now` counts; the rest of `golden` is for other suites.
std::vector<CounterChange> ChangesOf(const Counters& golden, const Counters& now);

std::string GoldenPath(const std::string& results);
// kNotFound when there is none yet.
Result<Counters> ReadGolden(const std::string& path);
// Makes `now` the golden ones and keeps that, when and why.
Status AcceptGolden(const std::string& path, const Counters& now, const std::string& at, const std::string& commit,
                    const std::string& why);

}  // namespace prefixmesh::bench
