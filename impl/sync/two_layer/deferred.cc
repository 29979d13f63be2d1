#include "impl/sync/two_layer/deferred.h"

#include <algorithm>
#include <vector>

#include "impl/base/seeded_bug.h"

namespace prefixmesh::two_layer {

void DeferredRecords::Defer(Log& log, std::uint32_t seq) {
  if (log.deferred.empty()) log.deferred = {seq, seq};
  log.deferred.first = std::min(log.deferred.first, seq);
  log.deferred.end = std::max(log.deferred.end, seq + 1);
}

void DeferredRecords::Confirm(std::string_view worker, const Logs& logs) {
  const bool any = std::any_of(logs.begin(), logs.end(),
                               [](const auto& log) { return !log->deferred.empty() || !log->replay.empty(); });
  if (!any || Seeded(Bug::kahead_not_replayed)) return;
  if (const auto at = applied_.find(worker); at != applied_.end()) applied_.erase(at);
  due_.emplace(worker);
}

void DeferredRecords::Begin(const Logs& logs) {
  running_ = true;
  applied_ = std::move(due_);
  due_.clear();
  for (const auto& log : logs) {
    log->replay = log->deferred;
    log->deferred = {};
  }
}

DeferredRecords::Fate DeferredRecords::FateOf(const WorkerName& worker) const {
  switch (registers_.StandingOf(worker)) {
    case Registers::Standing::kOlder:
      return Fate::kPass;
    case Registers::Standing::kAhead:
      return Fate::kDefer;
    case Registers::Standing::kPresent:
      break;
  }
  if (due_.count(worker.name) > 0) return Fate::kDefer;  // it rose during this pass
  return applied_.count(worker.name) > 0 ? Fate::kApply : Fate::kPass;
}

void DeferredRecords::Replay(const Logs& logs, RecordCounts& counts, Actions& actions) {
  if (!running_ && due_.empty()) return;
  if (!running_) Begin(logs);
  std::vector<Fate> fates(names_.workers.size(), Fate::kUnknown);  // by slot, as far as it is known
  std::size_t read = 0, applied = 0;
  for (const auto& log : logs) {
    Log::Seqs& replay = log->replay;
    replay.first = std::max(replay.first, std::min(log->window.floor(), replay.end));
    for (; replay.first < replay.end; ++replay.first) {
      if (++read > kReadMax || applied >= kAppliedMax) return;
      const std::uint32_t seq = replay.first;
      const Slot slot = log->window.WorkerOf(seq);
      if (fates[slot] == Fate::kUnknown) fates[slot] = FateOf(names_.workers[slot]);
      if (fates[slot] == Fate::kDefer) Defer(*log, seq);
      if (fates[slot] != Fate::kApply) continue;
      log->window.Read(seq, record_);
      const ScopeName& scope = names_.scopes[record_.scope];
      const WorkerName& worker = names_.workers[record_.worker];
      ++counts.applied;
      ++applied;
      actions.push_back(
          ApplyIds{scope.model, scope.kind, worker.name, worker.incarnation, log->index_slot, seq, record_.ids});
    }
  }
  running_ = false;
}

}  // namespace prefixmesh::two_layer
