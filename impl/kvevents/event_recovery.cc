#include "impl/kvevents/event_recovery.h"

#include <algorithm>
#include <utility>

#include "impl/base/seeded_bug.h"

namespace prefixmesh::kvevents {

// ---- streams --------------------------------------------------------------------------------------------------------

const EventRecovery::Rank* EventRecovery::Find(const StreamKey& stream) const {
  const auto worker = workers_.find(stream.worker);
  if (worker == workers_.end()) return nullptr;
  const auto rank = worker->second.ranks.find(stream.rank);
  return rank != worker->second.ranks.end() ? &rank->second : nullptr;
}

EventRecovery::Rank* EventRecovery::FindOrMake(const StreamKey& stream) {
  if (Rank* rank = Find(stream)) return rank;
  const auto worker = workers_.find(stream.worker);
  if (streams_ >= kStreamsMax || (worker != workers_.end() && worker->second.ranks.size() >= kRanksMax)) {
    ++counters_.refused;
    return nullptr;
  }
  ++streams_;
  return &workers_[stream.worker].ranks[stream.rank];
}

void EventRecovery::SetCursor(const StreamKey& stream, Cursor cursor) {
  if (Rank* rank = FindOrMake(stream)) rank->cursor = cursor;
}

std::optional<EventRecovery::Cursor> EventRecovery::CursorOf(const StreamKey& stream) const {
  const Rank* rank = Find(stream);
  return rank != nullptr ? std::optional(rank->cursor) : std::nullopt;
}

bool EventRecovery::asking(const StreamKey& stream) const {
  const Rank* rank = Find(stream);
  return rank != nullptr && rank->asking;
}

void EventRecovery::OnDiscovered(Time now, const StreamKey& stream, std::uint64_t instance, Actions& actions) {
  Rank* rank = FindOrMake(stream);
  if (rank == nullptr) return;
  if (rank->instance != 0 && rank->instance != instance && !Seeded(Bug::kkv_new_life_ignored)) {
    if (!v3()) ++workers_[stream.worker].epoch;
    BeginAnew(stream, *rank, actions);
  } else if (rank->asking || (rank->cursor.state != State::kInitial && !rank->fenced)) {
    rank->instance = instance;
    return;
  }
  rank->fenced = false;
  rank->instance = instance;
  StartAsking(now, stream, *rank, std::nullopt, actions);
}

void EventRecovery::OnNewest(Time now, const StreamKey& stream, std::uint64_t newest, Actions& actions) {
  Rank* rank = Find(stream);
  if (!v3() || rank == nullptr) return;
  rank->from_one = true;
  if (rank->fenced || Seeded(Bug::kkv_newest_ignored)) return;
  const std::optional<std::uint64_t> applied = rank->cursor.applied;
  if (newest <= applied.value_or(0)) return;
  rank->high_water = std::max(rank->high_water.value_or(newest), newest);
  if (rank->asking) return;
  ++counters_.gaps;
  StartAsking(now, stream, *rank, applied ? std::optional(*applied + 1) : std::nullopt, actions);
}

void EventRecovery::OnGone(Time now, const StreamKey& stream, std::uint64_t instance, Actions& actions) {
  Rank* rank = Find(stream);
  if (rank == nullptr || rank->instance != instance) return;
  StopAsking(*rank);
  DropPending(*rank, UINT64_MAX);
  Worker& worker = workers_[stream.worker];
  worker.ranks.erase(stream.rank);
  --streams_;
  if (v3()) actions.push_back(Forget{stream});
  if (worker.ranks.empty()) {
    workers_.erase(stream.worker);
    if (!v3()) actions.push_back(Forget{stream, true});
  }
  SendDue(now, actions);
}

void EventRecovery::BeginAnew(const StreamKey& stream, Rank& rank, Actions& actions) {
  StopAsking(rank);
  DropPending(rank, UINT64_MAX);
  const bool from_one = rank.from_one;
  rank = Rank{};
  rank.from_one = from_one;
  actions.push_back(Forget{stream});
}

// ---- live events ----------------------------------------------------------------------------------------------------

void EventRecovery::OnLive(Time now, const StreamKey& stream, std::uint64_t generation, const KvEvent& event,
                           Actions& actions) {
  Rank* rank = FindOrMake(stream);
  if (rank == nullptr) return;
  if (v3()) {
    if (rank->fenced) return;
    if (generation != rank->generation && rank->generation != 0 && generation != 0 &&
        !Seeded(Bug::kkv_new_life_ignored)) {
      const std::uint64_t instance = rank->instance;
      BeginAnew(stream, *rank, actions);
      rank->instance = instance;
    }
    if (generation != 0) rank->generation = generation;
  }
  const std::optional<std::uint64_t> applied = rank->cursor.applied;
  if (applied && event.id <= *applied && !Seeded(Bug::kkv_stale_applied)) {
    ++counters_.stale;
    return;
  }
  if (event.cleared()) {
    Barrier(stream, event.id, actions);
    if (v3()) ApplyHeld(now, stream, *rank, true, actions);
    return SendDue(now, actions);
  }
  if (rank->asking) return Hold(*rank, event);
  if (rank->cursor.state == State::kInitial) {
    Hold(*rank, event);
    return StartAsking(now, stream, *rank, std::nullopt, actions);
  }
  if (rank->cursor.state == State::kLive && event.id > *applied + 1 && !Seeded(Bug::kkv_gap_applied)) {
    ++counters_.gaps;
    Hold(*rank, event);
    return StartAsking(now, stream, *rank, *applied + 1, actions);
  }
  rank->cursor = {State::kLive, event.id};
  ReachedHighWater(*rank, event.id);
  actions.push_back(Apply{stream, event});
  if (v3()) ApplyHeld(now, stream, *rank, true, actions);
}

void EventRecovery::Hold(Rank& rank, const KvEvent& event) {
  rank.high_water = std::max(rank.high_water.value_or(event.id), event.id);
  if (!v3()) return;
  const auto at = std::lower_bound(rank.pending.begin(), rank.pending.end(), event.id,
                                   [](const KvEvent& held, std::uint64_t id) { return held.id < id; });
  if (at != rank.pending.end() && at->id == event.id) return;
  pending_bytes_ += BytesOf(event);
  rank.pending.insert(at, event);
  while (!rank.pending.empty() && (rank.pending.size() > kPendingMax || pending_bytes_ > kPendingBytesMax)) {
    pending_bytes_ -= BytesOf(rank.pending.front());
    rank.pending.pop_front();
    ++counters_.dropped;
  }
}

void EventRecovery::DropPending(Rank& rank, std::uint64_t through) {
  while (!rank.pending.empty() && rank.pending.front().id <= through) {
    pending_bytes_ -= BytesOf(rank.pending.front());
    rank.pending.pop_front();
  }
}

void EventRecovery::ReachedHighWater(Rank& rank, std::uint64_t reached) {
  if (rank.high_water && *rank.high_water <= reached) rank.high_water.reset();
}

// Everything of the stream below the clear is dead; in v2 of the whole worker.
void EventRecovery::Barrier(const StreamKey& stream, std::uint64_t id, Actions& actions) {
  if (v3()) {
    Rank& rank = *Find(stream);
    StopAsking(rank);
    DropPending(rank, Seeded(Bug::kkv_barrier_forgets) ? UINT64_MAX : id);
    ReachedHighWater(rank, Seeded(Bug::kkv_barrier_forgets) ? UINT64_MAX : id);
    rank.cursor = {State::kLive, id};
    rank.orphaned = false;
    actions.push_back(Forget{stream});
    return;
  }
  Worker& worker = workers_[stream.worker];
  ++worker.epoch;
  for (auto& [number, rank] : worker.ranks) {
    ReachedHighWater(rank, id);
    rank.cursor = {State::kInvalidated, rank.cursor.applied};
    rank.asking = false;
  }
  worker.ranks[stream.rank].cursor = {State::kLive, id};
  actions.push_back(Forget{stream, true});
}

// ---- asking ---------------------------------------------------------------------------------------------------------

void EventRecovery::StartAsking(Time now, const StreamKey& stream, Rank& rank, std::optional<std::uint64_t> start,
                                Actions& actions) {
  rank.asking = true;
  rank.ticket = next_ticket_++;
  if (!start) rank.orphaned = false;
  asks_.emplace(rank.ticket, Asked{stream, workers_[stream.worker].epoch, start, 0, false, false, now});
  SendDue(now, actions);
}

// What is under way is answered some time, and counts until then. v2 finds out by the epoch.
void EventRecovery::StopAsking(Rank& rank) {
  if (const auto asked = asks_.find(rank.ticket); v3() && rank.asking && asked != asks_.end()) {
    asked->second.abandoned = true;
    if (!asked->second.sent) asks_.erase(asked);
  }
  rank.asking = false;
}

std::size_t EventRecovery::UnderWay() const {
  return static_cast<std::size_t>(std::count_if(asks_.begin(), asks_.end(), [&](const auto& entry) {
    return entry.second.sent || (!v3() && entry.second.attempts > 0);
  }));
}

void EventRecovery::SendDue(Time now, Actions& actions) {
  std::size_t room = kAsksMax - std::min(kAsksMax, UnderWay());
  for (auto& [ticket, asked] : asks_) {
    if (asked.sent || asked.due > now) continue;
    const bool holds_its_place = !v3() && asked.attempts > 0;
    if (!holds_its_place && room == 0) continue;
    if (!holds_its_place) --room;
    asked.sent = true;
    actions.push_back(Ask{asked.stream, ticket, asked.start});
  }
}

void EventRecovery::OnTick(Time now, Actions& actions) {
  for (auto& [name, worker] : workers_)
    for (auto& [number, rank] : worker.ranks) ResyncIfDue(now, {name, number}, rank, actions);
  SendDue(now, actions);
}

std::optional<Time> EventRecovery::NextTick() const {
  std::optional<Time> next;
  const bool room = !v3() || UnderWay() < kAsksMax;  // without, an answer makes some
  for (const auto& [ticket, asked] : asks_)
    if (!asked.sent && asked.attempts > 0 && room && (!next || asked.due < *next)) next = asked.due;
  for (const auto& [name, worker] : workers_)
    for (const auto& [number, rank] : worker.ranks)
      if (rank.orphaned && !rank.asking && (!next || rank.resync_at < *next)) next = rank.resync_at;
  return next;
}

void EventRecovery::OnReceived(Time now, std::uint64_t ticket, const StreamKey& from, std::uint64_t generation,
                               Received received, Actions& actions) {
  const auto at = asks_.find(ticket);
  if (at == asks_.end()) {
    ++counters_.discarded;
    return;
  }
  Asked& asked = at->second;
  if (!asked.sent || (asked.abandoned && !Seeded(Bug::kkv_late_answer_applied))) {
    ++counters_.discarded;
    if (asked.abandoned) asks_.erase(at);
    return SendDue(now, actions);
  }
  asked.sent = false;
  const bool failed = std::holds_alternative<NoAnswer>(received) || std::holds_alternative<DumpFailed>(received);
  if (failed && ++asked.attempts < kAttemptsMax) {
    asked.due = now + kRetryAfter * (1 << (asked.attempts - 1));
    return SendDue(now, actions);
  }
  const Asked done = asked;
  asks_.erase(at);
  const auto worker = workers_.find(done.stream.worker);
  Rank* rank = Find(done.stream);
  if (rank == nullptr || (!v3() && worker->second.epoch != done.epoch)) {
    ++counters_.discarded;
    return SendDue(now, actions);
  }
  rank->asking = false;
  if (v3() && from != done.stream && !failed) {
    ++counters_.fenced;
    const std::uint64_t instance = rank->instance;
    BeginAnew(done.stream, *rank, actions);
    rank->instance = instance;
    rank->fenced = true;
  } else if (failed) {
    ++counters_.failed;  // the next live event finds the gap again
    if (v3()) GoOnWithout(now, done.stream, *rank, actions);
  } else if (v3() && generation != 0 && rank->generation != 0 && generation != rank->generation &&
             !Seeded(Bug::kkv_new_life_ignored)) {
    const std::uint64_t instance = rank->instance;
    BeginAnew(done.stream, *rank, actions);
    rank->instance = instance;
    rank->generation = generation;
    StartAsking(now, done.stream, *rank, std::nullopt, actions);
  } else {
    if (v3() && generation != 0) rank->generation = generation;
    OnAnswered(now, done, *rank, received, actions);
    ResyncIfDue(now, done.stream, *rank, actions);
  }
  SendDue(now, actions);
}

void EventRecovery::OnAnswered(Time now, const Asked& asked, Rank& rank, Received& received, Actions& actions) {
  const std::optional<std::uint64_t> before = rank.cursor.applied;
  std::uint64_t reached = before.value_or(0);
  bool had_clear = false;
  if (auto* events = std::get_if<Events>(&received)) {
    for (KvEvent& event : events->events) {
      if (v3() && before && event.id <= *before) continue;
      had_clear = had_clear || event.cleared();
      if (event.cleared()) {
        Barrier(asked.stream, event.id, actions);
      } else {
        actions.push_back(Apply{asked.stream, std::move(event)});
      }
      reached = event.id;
    }
    reached = v3() ? std::max(reached, events->last) : events->last;
  } else if (auto* dump = std::get_if<Dump>(&received)) {
    actions.push_back(Replace{asked.stream, std::move(dump->stores)});
    reached = dump->last;
    if (v3() && dump->empty && !rank.from_one) {  // whatever number is first is the first
      rank.cursor = {State::kInvalidated, std::nullopt};
      if (rank.pending.empty()) return rank.high_water.reset();
      reached = rank.pending.front().id;
      actions.push_back(Apply{asked.stream, rank.pending.front()});
    }
  } else {
    // The numbers that are known here are above all that the worker has: they began anew without a word.
    if (v3() && asked.start && std::holds_alternative<TooNew>(received)) {
      actions.push_back(Forget{asked.stream});
      rank.cursor = {};
      DropPending(rank, UINT64_MAX);
      rank.high_water.reset();
      StartAsking(now, asked.stream, rank, std::nullopt, actions);
    }
    return;
  }
  rank.cursor = {State::kLive, reached};
  ReachedHighWater(rank, reached);
  if (Seeded(Bug::kkv_held_dropped)) {
    DropPending(rank, UINT64_MAX);
    rank.high_water.reset();
  }
  if (Seeded(Bug::kkv_tail_skipped) && had_clear) return;
  ApplyHeld(now, asked.stream, rank, !asked.start || !before || reached > *before, actions);
}

// What waited and follows; what is missing above is asked for.
void EventRecovery::ApplyHeld(Time now, const StreamKey& stream, Rank& rank, bool progress, Actions& actions) {
  while (!rank.pending.empty()) {
    const KvEvent& next = rank.pending.front();
    if (next.id > *rank.cursor.applied + 1) break;
    if (next.id == *rank.cursor.applied + 1) {
      rank.cursor.applied = next.id;
      actions.push_back(Apply{stream, next});
    }
    DropPending(rank, next.id);
  }
  ReachedHighWater(rank, *rank.cursor.applied);
  if (!rank.high_water || rank.asking || (v3() && !progress)) return;
  StartAsking(now, stream, rank, *rank.cursor.applied + 1, actions);
}

void EventRecovery::OnOrphan(Time now, const StreamKey& stream, Actions& actions) {
  Rank* rank = Find(stream);
  if (!v3() || rank == nullptr || rank->fenced) return;
  rank->orphaned = true;
  ResyncIfDue(now, stream, *rank, actions);
}

// A hint that may be wrong is better than an index that stands still.
void EventRecovery::GoOnWithout(Time now, const StreamKey& stream, Rank& rank, Actions& actions) {
  for (const KvEvent& held : rank.pending) {
    actions.push_back(Apply{stream, held});
    rank.cursor = {State::kLive, held.id};
  }
  DropPending(rank, UINT64_MAX);
  rank.high_water.reset();
  rank.orphaned = true;
  rank.resync_at = now + kSlowRetry;
}

void EventRecovery::ResyncIfDue(Time now, const StreamKey& stream, Rank& rank, Actions& actions) {
  if (!rank.orphaned || rank.asking || now < rank.resync_at) return;
  // Long without one: the last did help.
  const bool helped = now - rank.resync_at > 4 * rank.resync_after;
  rank.resync_after = helped ? kResyncAfter : std::min(2 * rank.resync_after, kResyncAfterMax);
  rank.resync_at = now + rank.resync_after;
  StartAsking(now, stream, rank, std::nullopt, actions);
}

}  // namespace prefixmesh::kvevents
