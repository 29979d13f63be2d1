#include "bench/sim/kv_sim.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "impl/base/prng.h"
#include "impl/env/sim/sim_env.h"
#include "impl/kvevents/event_buffer.h"
#include "impl/kvevents/kv_source.h"
#include "impl/route/fleet.h"
#include "impl/router/kv_feed.h"
#include "impl/tree/held_index.h"

namespace prefixmesh::sim {
namespace {

using kvevents::KvEvent;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kFaults = seconds(30), kCalm = seconds(300);
constexpr std::uint32_t kKvBlockBytes = 64;

// A chain is a path through a tree of three children; a block's name is its path.
using Chain = std::vector<NodeId>;
Chain DrawChain(Prng& prng) {
  Chain chain;
  std::uint64_t path = 1;
  for (std::uint64_t i = 0; i <= prng.Below(6); ++i) {
    path = path * 3 + prng.Below(3);
    chain.push_back(NodeId{path});
  }
  return chain;
}
// And beside them some that begin and end a prompt.
constexpr std::uint64_t kAlone = 1'000'000;
std::optional<NodeId> ParentOf(NodeId block) {
  const std::uint64_t parent = block.value / 3;
  return parent > 1 && block.value < kAlone ? std::optional<NodeId>(NodeId{parent}) : std::nullopt;
}

struct Faults {
  double lost = 0, repeated = 0, answer_lost = 0;
  Time late{0};
  static Faults Draw(Prng& prng) {
    Faults faults;
    if (prng.Below(3) > 0) faults.lost = 0.3 * prng.Unit();
    if (prng.Below(3) > 0) faults.repeated = 0.3 * prng.Unit();
    if (prng.Below(3) > 0) faults.answer_lost = 0.5 * prng.Unit();
    if (prng.Below(3) > 0) faults.late = milliseconds(prng.Below(400));
    return faults;
  }
};

class Worker {
 public:
  explicit Worker(std::size_t kept) : kept_(kept), buffer_(std::in_place, kept) {}

  void Store(const Chain& chain) {
    std::size_t known = 0;
    while (known < chain.size() && held_.count(chain[known]) > 0) ++known;
    if (known == chain.size()) return;
    KvEvent event;
    if (known > 0) event.parent = kvevents::BlockName{0, chain[known - 1].value};
    for (std::size_t i = known; i < chain.size(); ++i) {
      held_.insert(chain[i]);
      event.blocks.push_back({0, chain[i].value});
    }
    Record(std::move(event));
  }
  void EvictLeaf(Prng& prng) {
    std::vector<NodeId> leaves;
    for (const NodeId block : held_)
      if (std::none_of(held_.begin(), held_.end(), [&](NodeId other) { return ParentOf(other) == block; }))
        leaves.push_back(block);
    if (leaves.empty()) return;
    const NodeId leaf = leaves[prng.Below(leaves.size())];
    held_.erase(leaf);
    KvEvent event;
    event.kind = kvevents::EventKind::kRemoved;
    event.blocks = {{0, leaf.value}};
    Record(std::move(event));
  }
  void Clear() {
    held_.clear();
    KvEvent event;
    event.kind = kvevents::EventKind::kCleared;
    Record(std::move(event));
  }
  void Restart() {
    held_.clear();
    buffer_.emplace(kept_);
    ++generation_;
  }

  kvevents::Received Answer(std::optional<std::uint64_t> start) const {
    kvevents::Answer answer = buffer_->Query(start);
    if (auto* events = std::get_if<kvevents::Events>(&answer)) return std::move(*events);
    if (auto* too_new = std::get_if<kvevents::TooNew>(&answer)) return *too_new;
    if (auto* invalid = std::get_if<kvevents::InvalidRange>(&answer)) return *invalid;
    const auto& whole = std::get<kvevents::TreeDump>(answer);
    kvevents::Dump dump{{}, whole.last, whole.empty};
    for (const NodeId block : held_) {  // by path, so parents first
      KvEvent event;
      if (const auto parent = ParentOf(block)) event.parent = kvevents::BlockName{0, parent->value};
      event.blocks = {{0, block.value}};
      dump.stores.push_back(std::move(event));
    }
    return dump;
  }
  std::vector<KvEvent> TakeNew() { return std::exchange(new_, {}); }
  std::uint64_t generation() const { return generation_; }
  std::uint64_t newest() const { return buffer_->newest(); }
  const std::set<NodeId>& held() const { return held_; }

 private:
  void Record(KvEvent event) {
    event.id = buffer_->newest() + 1;
    new_.push_back(event);
    buffer_->Record(std::move(event));
  }
  const std::size_t kept_;
  std::set<NodeId> held_;
  std::optional<kvevents::EventBuffer> buffer_;
  std::vector<KvEvent> new_;
  std::uint64_t generation_ = 1;
};

// One router: its feed and index, and the streams that it has.
class Listener final : private kvevents::KvSource {
 public:
  Listener(SimWorld& world, Prng prng, const Faults& faults, std::vector<Worker>& workers, std::set<std::size_t> hears,
           KvOutcome& outcome)
      : world_(world),
        prng_(prng),
        faults_(faults),
        workers_(workers),
        hears_(std::move(hears)),
        outcome_(outcome),
        clock_(world, Time(static_cast<Time::rep>(prng_.Below(1'000'000'000))), 1.0),
        loop_(world, clock_),
        fleet_(1),
        index_({.text_block_bytes = kKvBlockBytes}),
        feed_(clock_, loop_, fleet_, &index_, *this, kvevents::Contract::kV3),
        open_(workers.size()) {
    std::vector<WorkerIndex> heard;
    for (std::size_t i = 0; i < workers.size(); ++i) {
      const WorkerIndex worker = *fleet_.InternOwn("w" + std::to_string(i));
      if (hears_.count(i) > 0) heard.push_back(worker);
    }
    feed_.Start(heard);
  }

  const std::set<std::size_t>& hears() const { return hears_; }
  void Open(std::size_t worker) {
    if (hears_.count(worker) == 0 || open_[worker]) return;
    open_[worker] = true;
    const std::uint64_t stream = ++streams_[worker], generation = workers_[worker].generation();
    At(Delay(), [this, worker, stream, generation, newest = workers_[worker].newest()] {
      if (stream == streams_[worker]) sink_->OnOpen(IndexOf(worker), 0, generation, newest);
    });
  }
  void Close(std::size_t worker) {
    if (!open_[worker]) return;
    open_[worker] = false;
    ++streams_[worker];
    sink_->OnClosed(IndexOf(worker), 0, "cut");
  }
  void Tell(std::size_t worker, const std::vector<KvEvent>& events) {
    if (!open_[worker] || events.empty()) return;
    if (!calm_ && prng_.Unit() < faults_.lost) return;
    const int copies = !calm_ && prng_.Unit() < faults_.repeated ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      At(Delay(), [this, worker, stream = streams_[worker], generation = workers_[worker].generation(), events] {
        if (stream != streams_[worker] || !open_[worker]) return;  // it went with its stream
        ++brought_;
        outcome_.events += events.size();
        sink_->OnLive(IndexOf(worker), 0, generation, events, [this] { ++taken_; });
      });
    }
  }
  // A prompt comes, goes to a worker, and is over some time later.
  void Request() {
    const Chain chain = DrawChain(prng_);
    const Prompt prompt{Kind::kText, nullptr, chain};
    const WorkerIndex worker = IndexOf(prng_.Below(workers_.size()));
    const Insertion insertion =
        index_.MatchAndInsert(prompt, [&](const TreeMatch&) { return std::optional<WorkerIndex>(worker); });
    At(Time(static_cast<Time::rep>(prng_.Below(3'000'000'000))),
       [this, expectation = insertion.expectation] { index_.Forget(expectation); });
  }
  // Nothing is lost any more; late, and so out of order, things come until Settle.
  void BeCalm() { calm_ = true; }
  void Settle() { settled_ = true; }

  // The first rule that does not hold.
  std::string Broken() const {
    if (asked_ != answered_) return std::to_string(asked_ - answered_) + " questions without an answer";
    if (brought_ != taken_) return std::to_string(brought_ - taken_) + " messages that were not taken";
    for (const std::size_t worker : hears_) {
      const std::set<NodeId>& held = workers_[worker].held();
      const std::string name = "w" + std::to_string(worker);
      if (const std::uint64_t told = index_.SumOf(IndexOf(worker)).blocks; told != held.size())
        return name + " holds " + std::to_string(held.size()) + " blocks, the index says " + std::to_string(told);
      for (const NodeId block : held)
        if (!index_.Holds(block, IndexOf(worker)))
          return name + " holds block " + std::to_string(block.value) + ", the index does not know";
    }
    const HeldIndex::Counts counts = index_.counts();
    if (counts.expected > 0) return std::to_string(counts.expected) + " chains are expected of nobody";
    if (counts.cleared > 0) return std::to_string(counts.cleared) + " cleared caches are kept";
    return dead_replayed_ > 0 ? std::to_string(dead_replayed_) + " answers had dead events before a clear" : "";
  }
  void Count(KvOutcome& outcome) const {
    const KvFeedFigures figures = feed_.Figures();
    outcome.asked += figures.asked;
    outcome.replayed += figures.replayed;
  }

 private:
  static WorkerIndex IndexOf(std::size_t worker) { return WorkerIndex{static_cast<std::uint16_t>(worker)}; }
  Time Delay() {
    const Time most = settled_ ? Time(milliseconds(1)) : faults_.late + milliseconds(1);
    return Time(static_cast<Time::rep>(prng_.Below(static_cast<std::uint64_t>(most.count()))));
  }
  void At(Time after, std::function<void()> task) { loop_.PostAt(clock_.Now() + after, std::move(task)); }

  // KvSource
  void Listen(WorkerIndex, kvevents::KvSourceSink& sink) override { sink_ = &sink; }
  void Query(WorkerIndex worker, std::uint32_t, std::uint64_t ticket, std::optional<std::uint64_t> start) override {
    ++asked_;
    At(Delay(), [this, worker, ticket, start] {  // it reaches the worker
      const Worker& asked = workers_[worker.value];
      kvevents::Received received = asked.Answer(start);
      if (const auto* events = std::get_if<kvevents::Events>(&received)) {
        const auto clear = std::find_if(events->events.rbegin(), events->events.rend(),
                                        [](const KvEvent& event) { return event.cleared(); });
        if (clear != events->events.rend() && std::next(clear) != events->events.rend()) ++dead_replayed_;
      }
      if (!calm_ && prng_.Unit() < faults_.answer_lost) received = kvevents::NoAnswer{};
      // Answers are long, and live events overtake them.
      At(4 * Delay(),
         [this, worker, ticket, generation = asked.generation(), received = std::move(received)]() mutable {
           ++answered_;
           ++brought_;
           sink_->OnAnswer(ticket, worker, 0, generation, std::move(received), [this] { ++taken_; });
         });
    });
  }
  void Stop() override {}

  SimWorld& world_;
  Prng prng_;
  const Faults faults_;
  std::vector<Worker>& workers_;
  const std::set<std::size_t> hears_;
  KvOutcome& outcome_;
  SimClock clock_;
  SimExecutor loop_;
  Fleet fleet_;
  HeldIndex index_;
  kvevents::KvSourceSink* sink_ = nullptr;
  KvFeed feed_;
  std::vector<bool> open_;
  std::map<std::size_t, std::uint64_t> streams_;  // by worker: which one it is
  bool calm_ = false, settled_ = false;
  std::uint64_t asked_ = 0, answered_ = 0, brought_ = 0, taken_ = 0, dead_replayed_ = 0;
};

class KvWorld {
 public:
  explicit KvWorld(std::uint64_t seed) : prng_(Prng::ForPurpose(seed, "kv events")) {
    const Faults faults = Faults::Draw(prng_);
    const std::size_t workers = 1 + prng_.Below(4), routers = 1 + prng_.Below(2);
    for (std::size_t i = 0; i < workers; ++i) workers_.emplace_back(4 + prng_.Below(12));
    for (std::size_t i = 0; i < routers; ++i) {
      std::set<std::size_t> hears;
      for (std::size_t worker = 0; worker < workers; ++worker)
        if (i == 0 || prng_.Below(2) == 0) hears.insert(worker);  // some are heard by one router only
      listeners_.push_back(std::make_unique<Listener>(world_, Prng::ForPurpose(seed, "router " + std::to_string(i)),
                                                      faults, workers_, std::move(hears), outcome_));
    }
  }

  KvOutcome Run() {
    for (auto& listener : listeners_)
      for (const std::size_t worker : listener->hears()) listener->Open(worker);
    while (world_.now() < kFaults) {
      Step();
      world_.RunUntil(world_.now() + Time(static_cast<Time::rep>(prng_.Below(200'000'000))));
    }
    for (auto& listener : listeners_) listener->BeCalm();
    for (std::size_t at = 0; at < workers_.size(); ++at) {
      const bool anew = prng_.Below(2) == 0;
      for (auto& listener : listeners_) {
        if (anew) listener->Close(at);
        listener->Open(at);
      }
      if (!anew || prng_.Below(2) == 0) LastWords(at);
    }
    world_.RunUntil(world_.now() + seconds(6));
    for (auto& listener : listeners_) listener->Settle();
    world_.RunUntil(world_.now() + kCalm);
    for (std::size_t i = 0; i < listeners_.size() && outcome_.broken.empty(); ++i) {
      if (std::string broken = listeners_[i]->Broken(); !broken.empty())
        outcome_.broken = "KV events, router " + std::to_string(i) + ": " + broken;
      listeners_[i]->Count(outcome_);
    }
    return outcome_;
  }

 private:
  void Step() {
    const std::size_t at = prng_.Below(workers_.size());
    Worker& worker = workers_[at];
    Listener& listener = *listeners_[prng_.Below(listeners_.size())];
    const std::uint64_t what = prng_.Below(100);
    if (what < 4) {
      listener.Close(at);
    } else if (what < 12) {
      listener.Open(at);
    } else if (what < 14) {
      ++outcome_.clears;
      worker.Clear();
    } else if (what < 15) {
      ++outcome_.lives;
      worker.Restart();
      (void)worker.TakeNew();
      for (auto& each : listeners_) each->Close(at);
    } else if (what < 45) {
      worker.EvictLeaf(prng_);
    } else if (what < 60) {
      listener.Request();
    } else {
      worker.Store(DrawChain(prng_));
    }
    const std::vector<KvEvent> news = worker.TakeNew();
    for (auto& each : listeners_) each->Tell(at, news);
  }

  // What an open stream lost shows in the next number: so there are some more, for two seconds. A stream that is opened
  // anew says where it is.
  void LastWords(std::size_t at) {
    for (std::uint64_t words = 1 + prng_.Below(6); words > 0; --words)
      world_.At(world_.now() + seconds(1) + Time(static_cast<Time::rep>(prng_.Below(1'500'000'000))),
                [this, at, words] {
                  Worker& worker = workers_[at];
                  if (prng_.Below(2) == 0) {
                    worker.Clear();
                  } else {
                    worker.Store({NodeId{kAlone + words}});
                  }
                  const std::vector<KvEvent> news = worker.TakeNew();
                  for (auto& each : listeners_) each->Tell(at, news);
                });
  }

  Prng prng_;
  SimWorld world_;
  KvOutcome outcome_;
  std::vector<Worker> workers_;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

}  // namespace

KvOutcome SimulateKvEvents(std::uint64_t seed) { return KvWorld(seed).Run(); }

}  // namespace prefixmesh::sim
