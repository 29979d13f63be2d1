#include "impl/sync/two_layer/replica.h"

#include <algorithm>
#include <utility>

#include "impl/base/prng.h"
#include "impl/base/seeded_bug.h"
#include "impl/sync/two_layer/frame_reader.h"

namespace prefixmesh::two_layer {

Replica::Replica(ReplicaOptions options)
    : options_(std::move(options)),
      names_(options_.peers.size()),
      registers_(names_.workers, options_.peers.size()),
      applier_(names_, registers_),
      table_(options_.self, options_.peers, 2 * options_.dead_after, applier_),
      deferred_(names_, registers_) {}

// ---- own log --------------------------------------------------------------------------------------------------------

bool Replica::Append(const Offer& offer, Actions& actions) {
  const WorkerName worker{offer.worker_name, offer.worker_incarnation};
  const auto scope_slot = names_.scopes.Acquire({offer.model, offer.kind}, kSelf);
  const auto worker_slot = names_.workers.Acquire(worker, kSelf);
  const bool fits = scope_slot && worker_slot && own().window.head() < kSeqMax;
  if (fits) {
    RegisterOwn(worker.name, worker.incarnation);  // a router places on its own workers only
    if (Seeded(Bug::kW15_seqs_restart) && own().window.head() % 64 == 0) own().window = Window();
    incoming_.scope = *scope_slot;
    incoming_.worker = *worker_slot;
    incoming_.has_branch = offer.has_branch;
    incoming_.ids = offer.ids;
    incoming_.seq = own().window.head();
    applier_.AppendOwn(own(), incoming_, actions);
  }
  if (scope_slot) names_.scopes.Release(*scope_slot);
  if (worker_slot) names_.workers.Release(*worker_slot);
  return fits;
}

void Replica::TrimOwn(Actions& actions) {
  while (own().window.bytes() > options_.window_bytes && !Seeded(Bug::kX2_log_unbounded)) applier_.DropOldest(own());
  Applier::MoveMark(own(), actions);
}

void Replica::Reincarnate(Time now, Incarnation incarnation, Actions& actions) {
  if (Seeded(Bug::kfork_kept)) return;
  const OriginKey old = own().key;
  table_.RenameOwn({old.router, incarnation});
  table_.Poison(now, old, actions);
  if (own().window.head() < kSeqMax) return;
  while (!own().window.empty()) applier_.DropOldest(own());
  own().window = Window();
  actions.push_back(RetractBelow{0, kSeqMax});  // nothing counts as announced
}

// ---- others' logs ---------------------------------------------------------------------------------------------------

// True when the range has another record under a seq that is here. Only this router writes its own log: who has more of
// it, or later, has it from another writer.
bool Replica::Contradicts(const Log& log, const RangeView& range, const SlotMap& slots) {
  if (log.own() && (range.end() > log.window.head() || range.floor > log.window.floor())) return true;
  for (RecordCursor cursor(range); cursor.seq() < log.window.head() && cursor.Next(incoming_);) {
    if (incoming_.seq < log.window.floor()) continue;
    log.window.Read(incoming_.seq, kept_);
    if (names_.HashOf(kept_) != EntryHash(incoming_, names_.scopes.hash(slots.scopes[incoming_.scope]),
                                          names_.workers.hash(slots.workers[incoming_.worker])))
      return true;
  }
  return false;
}

Accepted Replica::Accept(Time now, const RangeView& range, const SlotMap& slots, const OriginKey& key, Introducer by,
                         bool direct, RecordCounts& counts, Actions& actions) {
  if (table_.poisoned(key)) return Accepted::kPoisoned;
  Log* log = direct ? table_.FindOrMake(now, key, by, true, actions) : table_.Find(key);
  if (log == nullptr) return Accepted::kUnknown;
  if (direct) log->evidence_at = log->direct_at = now;
  if (!log->own() && !Seeded(Bug::kX7_floor_ignored)) applier_.RaiseFloor(*log, range.floor, actions);
  log->known_head = std::max(log->known_head, range.end());
  if (Contradicts(*log, range, slots)) {
    if (!log->own()) table_.Poison(now, key, actions);
    return Accepted::kFork;
  }
  if (log->own()) return Accepted::kYes;
  if (range.first_seq > log->window.head()) return Accepted::kHole;
  if (Seeded(Bug::khave_off_by_one) && range.first_seq == log->window.head() && range.first_seq > 9)
    return Accepted::kHole;
  for (RecordCursor cursor(range); cursor.Next(incoming_);) {
    incoming_.scope = slots.scopes[incoming_.scope];
    incoming_.worker = slots.workers[incoming_.worker];
    ++counts.received;
    if (incoming_.seq < log->window.head() || (Seeded(Bug::kW17_one_counter) && incoming_.seq < own().window.head())) {
      ++counts.stale;  // a duplicate, or below the floor
      continue;
    }
    if (log->window.bytes() + incoming_.bytes() > options_.copy_bytes) return Accepted::kTooBig;
    applier_.AppendCopied(*log, incoming_, by, counts, actions);
    log->progress_at = now;
  }
  Applier::MoveMark(*log, actions);
  return Accepted::kYes;
}

bool Replica::Merge(Time now, const Position& position, Introducer by, Actions& actions) {
  if (position.key == own().key)
    return position.have <= own().window.head() && position.floor <= own().window.floor() &&
           (position.floor != own().window.floor() || position.have != own().window.head() ||
            position.sum == own().window.sum);
  if (table_.poisoned(position.key)) return false;
  Log* log = table_.Find(position.key);
  const Time age = std::min<std::uint64_t>(position.age_ms, UINT32_MAX) * std::chrono::milliseconds(1);
  if (log == nullptr) {
    if (age > options_.dead_after * 3 / 4) return true;
    log = table_.FindOrMake(now, position.key, by, false, actions);
    if (log == nullptr) return true;
    log->evidence_at = now - age;
    log->heartbeat = position.heartbeat;
  }
  // Only the owner raises the heartbeat, so evidence that goes in circles, younger by every hop's delay, says nothing
  // new.
  if (position.heartbeat > log->heartbeat || Seeded(Bug::ktaught_is_alive)) {
    log->heartbeat = position.heartbeat;
    log->evidence_at = std::max(log->evidence_at, Seeded(Bug::ktaught_is_alive) ? now : now - age);
  }
  log->known_head = std::max(log->known_head, position.have);
  applier_.RaiseFloor(*log, position.floor, actions);
  if (position.floor == log->window.floor() && position.have == log->window.head() && position.sum != log->window.sum) {
    table_.Poison(now, position.key, actions);
    return false;
  }
  return true;
}

void Replica::MergeDirect(Time now, const OriginKey& key, const Digest& digest, Introducer by, Actions& actions) {
  Log* log = table_.FindOrMake(now, key, by, true, actions);
  if (log == nullptr) return;
  log->evidence_at = log->direct_at = now;
  log->heartbeat = std::max(log->heartbeat, digest.heartbeat);
  log->known_head = std::max(log->window.head(), digest.head);  // the owner knows best, also how little there is
  if (log->aged) {
    log->aged = false;
    Applier::MoveMark(*log, actions);
  }
  applier_.RaiseFloor(*log, digest.floor, actions);
}

void Replica::Expire(Time now, Actions& actions) {
  table_.ExpirePoison(now);
  own().evidence_at = now;
  std::vector<OriginKey> dead;
  for (const auto& log : logs()) {
    if (age(now, *log) > options_.dead_after && !Seeded(Bug::kdead_stay)) dead.push_back(log->key);
    if (!log->aged && age(now, *log) > options_.dead_after / 4) {
      log->aged = true;
      Applier::MoveMark(*log, actions);
    }
  }
  for (const OriginKey& key : dead) table_.Erase(key, actions);
}

void Replica::RegisterOwn(std::string_view worker, Incarnation incarnation) {
  if (registers_.RaiseOwn(worker, incarnation)) deferred_.Confirm(worker, logs());
}

// ---- where this router stands ---------------------------------------------------------------------------------------

std::vector<Position> Replica::Positions(Time now) const {
  std::vector<Position> positions;
  for (const auto& log : logs()) {
    if (log->window.head() == 1) continue;  // nothing was ever written
    const auto age_ms = log->own() || Seeded(Bug::kage_not_relayed)
                            ? 0
                            : std::chrono::duration_cast<std::chrono::milliseconds>(age(now, *log)).count();
    positions.push_back({log->key, log->window.floor(), log->window.head(), log->window.sum,
                         static_cast<std::uint64_t>(std::max<std::int64_t>(age_ms, 0)), log->heartbeat});
  }
  return positions;
}

std::uint64_t Replica::VectorHash() const {
  std::uint64_t hash = 0;  // a sum: the order of the logs does not matter
  for (const auto& log : logs()) {
    if (log->window.head() == 1) continue;
    if (Seeded(Bug::kH4_scalar_vector)) {
      hash += log->window.head() - log->window.floor();
      continue;
    }
    if (Seeded(Bug::kX8_digest_of_live_counter)) hash += log->heartbeat;
    const std::uint64_t entry = Mix64(log->key_hash ^ (std::uint64_t{log->window.floor()} << 32 | log->window.head()));
    hash += Mix64(entry ^ log->window.sum);
  }
  return hash;
}

bool Replica::Holds(std::string_view model, Kind kind, NodeId leaf, std::string_view worker) const {
  Record record;
  for (const auto& log : logs()) {
    for (std::uint32_t seq = log->window.floor(); seq < log->window.head(); ++seq) {
      log->window.Read(seq, record);
      if (record.leaf() == leaf && workers()[record.worker].name == worker && scopes()[record.scope].model == model &&
          scopes()[record.scope].kind == kind)
        return true;
    }
  }
  return false;
}

std::uint64_t Replica::copies_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& log : logs()) bytes += !log->own() ? log->window.bytes() : 0;
  return bytes;
}

std::uint64_t Replica::copies_count() const {
  std::uint64_t count = 0;
  for (const auto& log : logs()) count += !log->own() ? log->window.count() : 0;
  return count;
}

std::string Replica::Dump() const {
  std::vector<const Log*> sorted;
  for (const auto& log : logs())
    if (log->window.head() > 1) sorted.push_back(log.get());
  std::sort(sorted.begin(), sorted.end(), [](const Log* a, const Log* b) { return a->key < b->key; });
  std::string out;
  Record record;
  for (const Log* log : sorted) {
    out += "log " + log->key.router + "/" + std::to_string(log->key.incarnation.value) + " [" +
           std::to_string(log->window.floor()) + ", " + std::to_string(log->window.head()) + ")\n";
    for (std::uint32_t seq = log->window.floor(); seq < log->window.head(); ++seq) {
      log->window.Read(seq, record);
      out += std::to_string(seq) + " " + scopes()[record.scope].model + "/" + KindName(scopes()[record.scope].kind) +
             " " + workers()[record.worker].name + "/" + std::to_string(workers()[record.worker].incarnation.value) +
             (record.has_branch ? " b" : " -");
      for (const NodeId id : record.ids) out += " " + std::to_string(id.value);
      out += "\n";
    }
  }
  for (const WorkerName& worker : registers_.Since(0))
    out += "register " + worker.name + " " + std::to_string(worker.incarnation.value) + "\n";
  return out;
}

}  // namespace prefixmesh::two_layer
