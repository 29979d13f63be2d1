#include "impl/router/kv_feed.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "impl/base/printable.h"
#include "impl/base/seeded_bug.h"

namespace prefixmesh {

using kvevents::Actions;
using kvevents::EventKind;
using kvevents::KvEvent;

KvFeed::KvFeed(Clock& clock, Executor& loop, const Fleet& fleet, HeldIndex* index, kvevents::KvSource& source,
               kvevents::Contract contract, std::function<void(WorkerIndex)> cleared)
    : clock_(clock),
      loop_(loop),
      fleet_(fleet),
      index_(index),
      source_(source),
      recovery_(contract),
      cleared_(std::move(cleared)) {}

void KvFeed::Start(const std::vector<WorkerIndex>& workers) {
  for (const WorkerIndex worker : workers) {
    workers_.emplace(fleet_.name(worker), worker);
    {
      MutexLock lock(mutex_);
      streams_[KeyOf(worker, 0)].heard = clock_.Now();
    }
    source_.Listen(worker, *this);
  }
}

void KvFeed::Stop() {
  if (stopped_.exchange(true)) return;
  source_.Stop();
}

// ---- what the source brings -----------------------------------------------------------------------------------------

void KvFeed::OnOpen(WorkerIndex worker, std::uint32_t rank, std::uint64_t generation, std::uint64_t newest) {
  const kvevents::StreamKey key = KeyOf(worker, rank);
  bool heard_again = false;
  {
    MutexLock lock(mutex_);
    Stream& stream = streams_[key];
    heard_again = std::exchange(stream.told_closed, false);
    stream.open = true;
    stream.generation = generation;
    stream.heard = clock_.Now();
  }
  if (index_ != nullptr) index_->SetHeard(worker, true);
  if (heard_again) spdlog::info("worker {}: its KV events are heard again", fleet_.name(worker));
  Actions actions;
  recovery_.OnDiscovered(clock_.Now(), key, generation, actions);
  recovery_.OnNewest(clock_.Now(), key, newest, actions);
  Do(actions);
}

void KvFeed::OnLive(WorkerIndex worker, std::uint32_t rank, std::uint64_t generation, std::vector<KvEvent> events,
                    std::function<void()> taken) {
  const kvevents::StreamKey key = KeyOf(worker, rank);
  {
    MutexLock lock(mutex_);
    figures_.events += events.size();
    streams_[key].heard = clock_.Now();
  }
  Actions actions;
  for (const KvEvent& event : events) recovery_.OnLive(clock_.Now(), key, generation, event, actions);
  Do(actions);
  Push({.worker = worker, .stream = key, .taken = std::move(taken)});  // behind what they were made into
}

void KvFeed::OnClosed(WorkerIndex worker, std::uint32_t rank, const std::string& why) {
  {
    MutexLock lock(mutex_);
    streams_[KeyOf(worker, rank)].open = false;
  }
  if (index_ != nullptr) index_->SetHeard(worker, false);
  const auto held_back = log_.Allow(fleet_.name(worker), clock_.Now());
  if (!held_back) return;
  {
    MutexLock lock(mutex_);
    streams_[KeyOf(worker, rank)].told_closed = true;
  }
  spdlog::warn("worker {}: its KV events are not heard: {}{}", fleet_.name(worker), Printable(why),
               HeldBackNote(*held_back));
}

void KvFeed::OnAnswer(std::uint64_t ticket, WorkerIndex from, std::uint32_t rank, std::uint64_t generation,
                      kvevents::Received received, std::function<void()> taken) {
  {
    MutexLock lock(mutex_);
    if (const auto* events = std::get_if<kvevents::Events>(&received)) figures_.replayed += events->events.size();
    if (const auto* dump = std::get_if<kvevents::Dump>(&received)) figures_.replayed += dump->stores.size();
  }
  Actions actions;
  const kvevents::StreamKey key = KeyOf(from, rank);
  recovery_.OnReceived(clock_.Now(), ticket, key, generation, std::move(received), actions);
  Do(actions);
  Push({.worker = from, .stream = key, .taken = std::move(taken)});
}

// ---- what is done ---------------------------------------------------------------------------------------------------

void KvFeed::Do(Actions& actions) {
  for (kvevents::Action& action : actions) {
    if (auto* ask = std::get_if<kvevents::Ask>(&action)) {
      {
        MutexLock lock(mutex_);
        ++figures_.asked;
      }
      source_.Query(workers_.at(ask->stream.worker), ask->stream.rank, ask->ticket, ask->start);
    } else if (auto* apply = std::get_if<kvevents::Apply>(&action)) {
      Work work{.worker = workers_.at(apply->stream.worker), .stream = apply->stream};
      work.events.push_back(std::move(apply->event));
      Push(std::move(work));
    } else if (auto* replace = std::get_if<kvevents::Replace>(&action)) {
      Push({.worker = workers_.at(replace->stream.worker),
            .stream = replace->stream,
            .events = std::move(replace->stores),
            .forget = !Seeded(Bug::kkv_dump_adds)});
      MutexLock lock(mutex_);
      ++figures_.replaced;
    } else {
      const auto& forget = std::get<kvevents::Forget>(action);
      Push({.worker = workers_.at(forget.stream.worker),
            .stream = forget.stream,
            .forget = !Seeded(Bug::kkv_clear_ignored),
            .cleared = true});
      MutexLock lock(mutex_);
      ++figures_.cleared;
    }
  }
  actions.clear();
  Tick();
  MutexLock lock(mutex_);
  figures_.recovery = recovery_.counters();
}

void KvFeed::Push(Work work) {
  queue_.push_back(std::move(work));
  PostTurn();
}

void KvFeed::PostTurn() {
  if (queue_.empty() || std::exchange(turn_posted_, true)) return;
  loop_.Post([this] {
    turn_posted_ = false;
    if (!stopped_) Turn();
  });
}

void KvFeed::Turn() {
  constexpr std::size_t kBlocksInTurn = 2048;
  std::size_t blocks_left = kBlocksInTurn;
  Actions actions;
  while (!queue_.empty() && blocks_left > 0) {
    if (!Apply(queue_.front(), blocks_left, actions)) break;
    const std::function<void()> taken = std::move(queue_.front().taken);
    queue_.pop_front();
    done_of_front_ = 0;
    if (taken) taken();
  }
  Do(actions);
  PostTurn();
}

bool KvFeed::Apply(Work& work, std::size_t& blocks_left, Actions& actions) {
  if (std::exchange(work.forget, false)) {
    Clear(work.worker);
    --blocks_left;
  }
  if (std::exchange(work.cleared, false) && cleared_) cleared_(work.worker);
  while (done_of_front_ < work.events.size()) {
    if (blocks_left == 0) return false;
    const KvEvent& event = work.events[done_of_front_++];
    ApplyEvent(work, event, actions);
    blocks_left -= std::min(blocks_left, event.blocks.size() + 1);
  }
  return true;
}

void KvFeed::Clear(WorkerIndex worker) {
  if (index_ == nullptr) return;
  index_->Clear(worker);
  SweepTick();
}

void KvFeed::ApplyEvent(const Work& work, const KvEvent& event, Actions& actions) {
  if (index_ == nullptr) return;
  ids_.clear();
  for (const kvevents::BlockName& name : event.blocks) ids_.push_back(NodeId{name.low});
  HeldIndex::Stored stored;
  std::size_t removed = 0;
  switch (event.kind) {
    case EventKind::kStored: {
      const auto parent = event.parent ? std::optional<NodeId>(NodeId{event.parent->low}) : std::nullopt;
      stored = index_->Store(parent, ids_, work.worker);
      break;
    }
    case EventKind::kRemoved:
      removed = index_->Remove(ids_, work.worker);
      break;
    case EventKind::kCleared:
      Clear(work.worker);
      break;
  }
  if (stored.told == HeldIndex::Told::kOrphan) recovery_.OnOrphan(clock_.Now(), work.stream, actions);
  MutexLock lock(mutex_);
  figures_.stored += stored.blocks;
  figures_.removed += removed;
}

void KvFeed::Tick() {
  const std::optional<Time> next = recovery_.NextTick();
  if (!next || (tick_at_ && *tick_at_ <= *next)) return;
  tick_at_ = *next;
  loop_.PostAt(*next, [this, at = *next] {
    if (stopped_ || tick_at_ != at) return;
    tick_at_.reset();
    Actions actions;
    recovery_.OnTick(clock_.Now(), actions);
    Do(actions);
  });
}

void KvFeed::SweepTick() {
  constexpr Time kBetween = std::chrono::milliseconds(1);
  if (std::exchange(sweep_posted_, true)) return;
  loop_.PostAt(clock_.Now() + kBetween, [this] {
    sweep_posted_ = false;
    if (!stopped_ && index_->Sweep()) SweepTick();
  });
}

KvFeedFigures KvFeed::Figures() const {
  const HeldIndex::Counts counts = index_ != nullptr ? index_->counts() : HeldIndex::Counts();
  MutexLock lock(mutex_);
  KvFeedFigures figures = figures_;
  figures.refused = counts.full;
  figures.orphans = counts.orphans;
  figures.source = source_.Figures();
  const Time now = clock_.Now();
  for (const auto& [key, stream] : streams_) {
    if (stream.open) ++figures.streams;
    const double silent_s = std::chrono::duration<double>(now - stream.heard).count();
    if (!figures.oldest_s || silent_s > *figures.oldest_s) figures.oldest_s = silent_s;
  }
  return figures;
}

}  // namespace prefixmesh
