// Goal: whatever streams lose, delay or repeat, and whatever workers do to their caches, the index holds in the end
// what the workers hold, block by block. Method: naive workers with a buffer of eight events; a source that drops
// messages, breaks streams and answers late, early or not at all; then it does none of that, until nothing is asked any
// more.
#include "impl/router/kv_feed.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "impl/base/prng.h"
#include "impl/kvevents/event_buffer.h"
#include "tests/impl/tree/block_index_oracle.h"
#include "tests/support/manual_env.h"

namespace prefixmesh {
namespace {

using kvevents::KvEvent;
using test::kBlock;
using test::Word;

// A cache of words: a block is the word that ends with it. Parents are there as long as their children are.
class NaiveWorker {
 public:
  void Store(const std::string& word) {
    std::size_t known = 0;
    while (known < word.size() && held_.count(word.substr(0, known + 1)) > 0) ++known;
    if (known == word.size()) return;
    for (std::size_t n = known + 1; n <= word.size(); ++n) held_.insert(word.substr(0, n));
    Record(StoredOf(word, known));
  }
  void Clear() {
    held_.clear();
    KvEvent event;
    event.kind = kvevents::EventKind::kCleared;
    Record(event);
  }

  kvevents::Received Answer(std::optional<std::uint64_t> start) const {
    const kvevents::Answer answer = buffer_->Query(start);
    if (const auto* events = std::get_if<kvevents::Events>(&answer)) return *events;
    if (const auto* too_new = std::get_if<kvevents::TooNew>(&answer)) return *too_new;
    if (const auto* invalid = std::get_if<kvevents::InvalidRange>(&answer)) return *invalid;
    kvevents::Dump dump{{}, std::get<kvevents::TreeDump>(answer).last, std::get<kvevents::TreeDump>(answer).empty};
    for (const std::string& block : held_) dump.stores.push_back(StoredOf(block, block.size() - 1));  // parents first
    return dump;
  }
  std::vector<KvEvent> TakeUntold() { return std::exchange(untold_, {}); }
  std::uint64_t generation() const { return generation_; }
  std::uint64_t newest() const { return buffer_->newest(); }
  const std::set<std::string>& held() const { return held_; }

 private:
  static constexpr std::size_t kKept = 8;
  static kvevents::BlockName NameOf(const std::string& block) { return {0, Word(block).ids.back().value}; }
  static KvEvent StoredOf(const std::string& word, std::size_t known) {
    KvEvent event;
    if (known > 0) event.parent = NameOf(word.substr(0, known));
    for (std::size_t n = known + 1; n <= word.size(); ++n) event.blocks.push_back(NameOf(word.substr(0, n)));
    return event;
  }
  void Record(KvEvent event) {
    event.id = buffer_->newest() + 1;
    untold_.push_back(event);
    buffer_->Record(event);
  }
  std::set<std::string> held_;
  std::optional<kvevents::EventBuffer> buffer_{std::in_place, kKept};
  std::vector<KvEvent> untold_;
  std::uint64_t generation_ = 1;
};

class ManualSource final : public kvevents::KvSource {
 public:
  struct Question {
    WorkerIndex worker;
    std::uint64_t ticket;
    std::optional<std::uint64_t> start;
  };
  void Listen(WorkerIndex, kvevents::KvSourceSink& listener) override { sink = &listener; }
  void Query(WorkerIndex worker, std::uint32_t, std::uint64_t ticket, std::optional<std::uint64_t> start) override {
    questions.push_back({worker, ticket, start});
  }
  void Stop() override {}
  kvevents::KvSourceSink* sink = nullptr;
  std::vector<Question> questions;
};

constexpr std::uint16_t kToldWorkers = 3;

struct Place {
  explicit Place(bool indexed = true)
      : fleet(1),
        feed(clock, loop, fleet, indexed ? &index : nullptr, source, kvevents::Contract::kV3,
             [this](WorkerIndex worker) { cleared.emplace_back(worker.value, index.SumOf(worker).blocks); }),
        workers(kToldWorkers),
        open(kToldWorkers, false) {
    std::vector<WorkerIndex> own;
    for (std::uint16_t i = 0; i < kToldWorkers; ++i) own.push_back(*fleet.InternOwn("w" + std::to_string(i)));
    feed.Start(own);
  }
  void Open(std::uint16_t worker) {
    workers[worker].TakeUntold();  // nobody was told
    open[worker] = true;
    source.sink->OnOpen(WorkerIndex{worker}, 0, workers[worker].generation(), workers[worker].newest());
  }
  void Close(std::uint16_t worker) {
    open[worker] = false;
    source.sink->OnClosed(WorkerIndex{worker}, 0, "cut");
  }
  // Lost ones are not told, and not told of.
  void Tell(std::uint16_t worker, bool lost) {
    std::vector<KvEvent> events = workers[worker].TakeUntold();
    if (!open[worker] || lost || events.empty()) return;
    source.sink->OnLive(WorkerIndex{worker}, 0, workers[worker].generation(), std::move(events), [this] { ++taken; });
    ++told;
  }
  void AnswerOne(std::size_t at, bool lost) {
    const ManualSource::Question question = source.questions[at];
    source.questions.erase(source.questions.begin() + static_cast<std::ptrdiff_t>(at));
    const NaiveWorker& worker = workers[question.worker.value];
    source.sink->OnAnswer(question.ticket, question.worker, 0, worker.generation(),
                          lost ? kvevents::Received(kvevents::NoAnswer{}) : worker.Answer(question.start),
                          [this] { ++taken; });
    ++told;
  }

  test::ManualClock clock;
  test::ManualExecutor loop{clock};
  Fleet fleet;
  HeldIndex index{{.text_block_bytes = kBlock}};
  ManualSource source;
  std::vector<std::pair<std::uint16_t, std::uint64_t>> cleared;  // who, and what the index had of it by then
  KvFeed feed;
  std::vector<NaiveWorker> workers;
  std::vector<bool> open;
  int told = 0, taken = 0;
};

TEST_CASE("KvFeed: a dump is applied in turns, and what comes meanwhile waits behind it") {
  Place place;
  NaiveWorker& worker = place.workers[0];
  Prng prng(3);
  for (int i = 0; i < 1200; ++i) {
    std::string word;
    for (int n = 0; n < 8; ++n) word += static_cast<char>('a' + prng.Below(4));
    worker.Store(word);
  }
  place.Open(0);
  REQUIRE(place.source.questions.size() == 1);
  place.AnswerOne(0, false);
  CHECK(place.index.SumOf(WorkerIndex{0}).blocks == 0);
  place.loop.RunOne();
  CHECK(place.index.SumOf(WorkerIndex{0}).blocks > 0);
  CHECK(place.index.SumOf(WorkerIndex{0}).blocks < worker.held().size());  // one turn
  worker.Store("zzzz");
  place.Tell(0, false);
  CHECK(place.taken == 0);
  place.loop.AdvanceBy(Time{0});
  CHECK(place.taken == 2);
  CHECK(place.index.SumOf(WorkerIndex{0}).blocks == worker.held().size());
}

TEST_CASE("KvFeed: events that are told in one piece are applied in turns, too") {
  Place place;
  place.Open(0);
  place.AnswerOne(0, false);
  place.loop.AdvanceBy(Time{0});
  std::vector<KvEvent> events(3000);
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i].id = i + 1;
    events[i].blocks = {{0, 1000 + i}};
  }
  place.source.sink->OnLive(WorkerIndex{0}, 0, 1, events, [&] { ++place.taken; });
  place.loop.RunOne();
  CHECK(place.index.SumOf(WorkerIndex{0}).blocks > 500);
  CHECK(place.index.SumOf(WorkerIndex{0}).blocks < 2000);
  place.loop.AdvanceBy(Time{0});
  CHECK(place.index.SumOf(WorkerIndex{0}).blocks == 3000);
}

TEST_CASE("KvFeed: what is heard, missed and silent is counted") {
  Place place;
  CHECK(place.feed.Figures().oldest_s == 0.0);
  place.Open(0);
  place.AnswerOne(0, false);  // an empty cache
  place.loop.AdvanceBy(Time{0});
  place.workers[0].Store("abc");
  place.Tell(0, false);
  place.workers[0].Store("abd");
  place.Tell(0, true);  // lost
  place.workers[0].Store("abe");
  place.Tell(0, false);
  REQUIRE(place.source.questions.size() == 1);
  CHECK(place.source.questions[0].start == 2u);
  place.AnswerOne(0, false);
  place.loop.AdvanceBy(std::chrono::seconds(7));
  const KvFeedFigures figures = place.feed.Figures();
  CHECK(figures.events == 2);
  CHECK(figures.stored == 5);
  CHECK(figures.asked == 2);
  CHECK(figures.replayed == 2);
  CHECK(figures.recovery.gaps == 1);
  CHECK(figures.streams == 1);
  CHECK(figures.oldest_s.value_or(0) >= 7);
  place.workers[0].Clear();
  place.Tell(0, false);
  place.loop.AdvanceBy(Time{0});
  CHECK(place.feed.Figures().cleared == 1);
  CHECK(place.index.SumOf(WorkerIndex{0}).blocks == 0);
}

// Gaps and dumps are this router's own trouble; what the worker did is told on once, in its place among the events.
TEST_CASE("KvFeed: a clear and a new life are told on, and neither a dump nor a gap is") {
  for (const bool indexed : {true, false}) {
    INFO("an index: " << indexed);
    Place place(indexed);
    place.workers[1].Store("ab");
    place.Open(1);
    place.AnswerOne(0, false);  // a dump
    place.workers[1].Store("cd");
    place.Tell(1, true);  // lost
    place.workers[1].Store("ef");
    place.Tell(1, false);
    REQUIRE(place.source.questions.size() == 1);
    place.AnswerOne(0, false);
    place.loop.AdvanceBy(Time{0});
    CHECK(place.cleared.empty());
    CHECK(place.index.SumOf(WorkerIndex{1}).blocks == (indexed ? 6 : 0));

    place.workers[1].Clear();
    place.workers[1].Store("gh");
    place.Tell(1, false);
    place.loop.AdvanceBy(Time{0});
    REQUIRE(place.cleared.size() == 1);
    CHECK(place.cleared[0] == std::pair(std::uint16_t{1}, std::uint64_t{0}));
    CHECK(place.index.SumOf(WorkerIndex{1}).blocks == (indexed ? 2 : 0));

    place.Close(1);
    place.source.sink->OnOpen(WorkerIndex{1}, 0, 77, 0);  // another life, with nothing
    place.loop.AdvanceBy(Time{0});
    CHECK(place.cleared.size() == 2);
    CHECK(place.index.SumOf(WorkerIndex{1}).blocks == 0);
    CHECK(place.feed.Figures().streams == 1);
  }
}

}  // namespace
}  // namespace prefixmesh
