#include "bench/sim/ledger.h"

#include <algorithm>

namespace prefixmesh::sim {

using two_layer::OriginKey;
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
  log.floor = std::max(log.floor, own.window.floor());
  Record record;
  while (log.head() < own.window.head()) {
    std::uint64_t hash = 0;  // dropped before anyone could get it
    if (log.head() >= own.window.floor()) {
      own.window.Read(log.head(), record);
      hash = EntryHash(record, replica.scopes().hash(record.scope), replica.workers().hash(record.worker));
    }
    log.totals.push_back(log.totals.back() + hash);
    ++records_;
  }
}

std::string Ledger::Check(const Replica& replica, std::uint64_t life) {
  std::map<OriginKey, Seen>& seen_by_life = seen_[life];
  std::map<OriginKey, Seen> seen_now;  // what was dropped as dead may be learned again, from who heard its owner later
  for (const auto& held : replica.logs()) {
    const two_layer::Window& window = held->window;
    if (window.head() == 1 || excused_.count(held->key) > 0) continue;
    const std::string name = held->key.router + "/" + std::to_string(held->key.incarnation.value) + " [" +
                             std::to_string(window.floor()) + ", " + std::to_string(window.head()) + ")";
    const auto at = logs_.find(held->key);
    if (at == logs_.end()) return name + ": nobody ever wrote this log";
    const Log& log = at->second;
    if (window.head() > log.head()) return name + ": its owner wrote only up to " + std::to_string(log.head());
    if (window.floor() > log.floor) return name + ": its owner's floor is " + std::to_string(log.floor);
    if (window.floor() >= log.base &&
        window.sum != log.totals[window.head() - log.base] - log.totals[window.floor() - log.base])
      return name + ": holds other records than its owner wrote";
    Seen seen = seen_by_life[held->key];
    if (seen.serial != held->serial) seen = {};  // learned again: a copy of its own
    if (window.floor() < seen.floor) return name + ": its floor was " + std::to_string(seen.floor);
    if (window.head() < seen.have) return name + ": it was held up to " + std::to_string(seen.have);
    seen_now[held->key] = {held->serial, window.floor(), window.head()};
  }
  seen_by_life = std::move(seen_now);
  return {};
}

}  // namespace prefixmesh::sim
