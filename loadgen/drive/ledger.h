// ledger.h — what the peers know of the placements, judged in drain: pure rules over records and probe answers.
//
// A sampled placement (a request whose router learned it) is put to every other router. With `full` = the prompt's
// whole blocks and depth, held = the peer's answer for the worker it went to:
//   applied     depth reaches full
//   superseded  else the worker's incarnation has changed since, or it told of a removal
//   partial     else depth is above the baseline: the longest whole-block prefix this peer sent to that worker itself
//   forgotten   else the peer holds the record (its index gave the blocks up)
//   lost        the rest
//
// Threads: pure. Ownership: borrows plan and records. Errors: none. Bounds: O(samples x requests / workers) prefix
// comparisons on slice lists, no prompt bytes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "loadgen/plan/plan.h"
#include "loadgen/record/request_log.h"

namespace prefixmesh::load {

enum class PlacementFate : std::uint8_t { kApplied, kSuperseded, kPartial, kForgotten, kLost };

struct LedgerCounts {
  std::uint64_t learned = 0, sampled = 0, pairs = 0;
  std::uint64_t applied = 0, partial = 0, superseded = 0, forgotten = 0, lost = 0;
  std::uint64_t unanswered = 0;  // of lost: the probe failed
  void Add(PlacementFate fate);
};

struct ProbeAnswer {
  std::uint32_t prompt_blocks = 0;
  std::uint32_t depth_blocks = 0;
  bool held = false;
  std::uint64_t incarnation = 0;  // of the worker, as far as the peer knows
};

PlacementFate Judge(const ProbeAnswer& answer, std::uint64_t baseline_blocks, bool superseded);

// Requests whose placement was learned: ok and inserted, of warm-up and load. A prompt without one whole block is none:
// its chain is empty, so there is nothing that a peer could come to know.
std::vector<std::uint32_t> LearnedPlacements(const std::vector<RequestRecord>& records, std::uint64_t block_bytes);

// `count` of them (or all) by seed, ascending.
std::vector<std::uint32_t> SamplePlacements(std::vector<std::uint32_t> learned, std::uint64_t count,
                                            std::uint64_t seed);

// Who sent what where, from the run's own records.
class PlacementIndex {
 public:
  PlacementIndex(const Plan& plan, const std::vector<RequestRecord>& records);
  // The longest prefix, in bytes, of request `index` that `router` itself sent to `worker` under the same model.
  std::size_t LongestSent(std::uint32_t index, std::uint16_t router, std::uint16_t worker) const;
  // True when the worker was seen in a later life than the one that served the request, by a request or by a peer.
  bool Superseded(std::uint32_t index, std::uint64_t incarnation) const;

 private:
  const Plan& plan_;
  const std::vector<RequestRecord>& records_;
  std::map<std::tuple<std::uint16_t, std::uint16_t, std::uint16_t>, std::vector<std::uint32_t>> sent_;
  std::map<std::uint16_t, std::uint64_t> last_life_;
};

}  // namespace prefixmesh::load
