#include "bench/sim/rules/ledger.h"

namespace prefixmesh::sim {

using two_layer::Record;
using two_layer::Replica;

void Ledger::Wrote(const Replica& replica) {
  const Replica::Log& own = replica.own();
  if (own.window.head() == 1) return;
  auto [at, made] = logs_.try_emplace(own.key);
  Log& log = at->second;
  if (made) {
    log.base = own.window.floor();
    log.totals.push_back(0);
  }
  Record record;
  while (log.head() < own.window.head()) {
    std::uint64_t hash = 0;  // dropped before anyone could get it
    if (log.head() >= own.window.floor()) {
      own.window.Read(log.head(), record);
      hash = EntryHash(record, replica.scopes().hash(record.scope), replica.workers().hash(record.worker));
    }
    log.totals.push_back(log.totals.back() + hash);
  }
}

bool Ledger::HoldsWhatWasWritten(const Replica::Log& copy) const {
  const two_layer::Window& window = copy.window;
  const auto at = logs_.find(copy.key);
  if (at == logs_.end() || window.head() > at->second.head() || window.floor() < at->second.base) return true;
  const Log& log = at->second;
  return window.sum == log.totals[window.head() - log.base] - log.totals[window.floor() - log.base];
}

}  // namespace prefixmesh::sim
