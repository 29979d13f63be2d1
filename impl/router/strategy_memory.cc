#include "impl/router/strategy_memory.h"

#include <algorithm>

namespace prefixmesh {
namespace {

// Of a list that is kept between its half and its whole.
constexpr double kUsualFill = 0.75;
// What JSON makes of a prompt's bytes as numbers.
constexpr double kJsonTimes = 7.17;
constexpr std::uint64_t kUsualCheckpointRounds = 10, kRebuiltCheckpointRounds = 60;

// Bytes of the values of the first `requests`, each the whole list at its time: square at first, linear then.
double ListValues(double requests, double list_max, double kept, double prompt_bytes) {
  const double growing = std::min(requests, list_max);
  return prompt_bytes * (growing * growing / 2 + (kept - growing) * list_max * kUsualFill);
}

}  // namespace

double MemoryEstimate::CheckpointSeconds(std::uint64_t usual_rounds) const {
  const std::uint64_t rounds = constants.checkpoint_rounds > 0 ? constants.checkpoint_rounds : usual_rounds;
  return static_cast<double>(rounds) * static_cast<double>(constants.round_ms) / 1000;
}

double MemoryEstimate::ListPrompts(double lists) const {
  return lists * static_cast<double>(constants.list_operations) * load.prompt_bytes;
}

double MemoryEstimate::BlockIndex() const { return load.index_budget_bytes; }

double MemoryEstimate::TwoLayer() const { return load.index_budget_bytes + 2 * load.window_bytes; }

double MemoryEstimate::TextTree() const {
  return load.requests * load.prompt_bytes * (1 - load.shared) + load.templates * load.prompt_bytes;
}

// The list, and what is made of it while a round is built and sent.
double MemoryEstimate::CrdtValues() const {
  const double list = std::min(load.own_requests, static_cast<double>(constants.list_operations));
  return TextTree() + 5 * list * load.prompt_bytes;
}

// The log keeps every value ever written, until it is compacted.
double MemoryEstimate::CrdtOps() const {
  const double kept = std::min(load.own_requests, static_cast<double>(constants.log_entries));
  return CrdtValues() +
         ListValues(load.own_requests, static_cast<double>(constants.list_operations), kept, load.prompt_bytes);
}

// Never compacted.
double MemoryEstimate::CrdtOpsJson() const {
  return CrdtValues() + kJsonTimes * ListValues(load.own_requests, static_cast<double>(constants.list_operations),
                                                load.own_requests, load.prompt_bytes);
}

// Empty values until the first checkpoint, then its list with each request.
double MemoryEstimate::CrdtOpsRebuilt() const {
  const double before = CheckpointSeconds(kRebuiltCheckpointRounds) * load.own_rps;
  const double kept = std::clamp(load.own_requests - before, 0.0, static_cast<double>(constants.log_entries));
  return CrdtValues() + kept * std::min(before, static_cast<double>(constants.list_operations)) * load.prompt_bytes;
}

// Pending until a checkpoint, and a list with three transient copies.
double MemoryEstimate::RawOps() const {
  return TextTree() + CheckpointSeconds(kUsualCheckpointRounds) * load.own_rps * load.prompt_bytes + ListPrompts(4);
}

// A second's prompts once more.
double MemoryEstimate::PathDeltas() const { return RawOps() + load.own_rps * load.prompt_bytes; }

// No checkpoint commits under load: all that was ever pending stays.
double MemoryEstimate::SnapshotOps() const { return 5 * TextTree() + load.own_requests * load.prompt_bytes; }

// Nodes, encoded, compressed, the body, and a frame of each peer.
double MemoryEstimate::TreeBodies() const { return 6 * TextTree(); }

double MemoryEstimate::TreeAndListBodies() const { return TreeBodies() + ListPrompts(3); }

// The index keeps what had matched of every prompt.
double MemoryEstimate::TenantDeltas() const {
  constexpr double kEntryBytes = 200;
  return TextTree() + load.own_requests * (load.prompt_bytes * load.shared + kEntryBytes);
}

double MemoryEstimate::TenantDeltasAndTree() const { return TenantDeltas() + 5 * TextTree(); }

double MemoryEstimate::TenantDeltasAndList() const { return TenantDeltasAndTree() + ListPrompts(3); }

}  // namespace prefixmesh
