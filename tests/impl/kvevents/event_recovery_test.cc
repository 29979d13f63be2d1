// Goal: the index holds what the workers hold, whatever is lost on the way, and nobody is asked for what is dead or for
// what is here. Method: the rows of the peer's own tables by their numbers, under both contracts where they agree; the
// weak spots of the older contract, which v3 has not; and any history with losses against the truth.
// Long: a case for every row of those tables.
#include "impl/kvevents/event_recovery.h"

#include <map>
#include <set>

#include "impl/base/prng.h"
#include "tests/support/properties.h"

namespace prefixmesh::kvevents {
namespace {

using Ids = std::vector<std::uint64_t>;
using Call = std::pair<StreamKey, std::optional<std::uint64_t>>;

KvEvent Stored(std::uint64_t id) { return {id, EventKind::kStored, std::nullopt, {{0, id}}}; }
KvEvent Cleared(std::uint64_t id) { return {id, EventKind::kCleared, std::nullopt, {}}; }
std::vector<KvEvent> StoredFrom(std::uint64_t first, std::uint64_t last) {
  std::vector<KvEvent> events;
  for (std::uint64_t id = first; id <= last; ++id) events.push_back(Stored(id));
  return events;
}
StreamKey Stream(std::uint32_t rank = 0, const char* worker = "w1") { return {worker, rank}; }

// A recovery with an index of sets beside it; what is asked waits for the test.
struct Router {
  explicit Router(Contract contract) : recovery(contract) {}

  void Live(const StreamKey& stream, const KvEvent& event, std::uint64_t generation = 0) {
    recovery.OnLive(now, stream, generation, event, actions);
    Do();
  }
  void Discover(const StreamKey& stream, std::uint64_t instance = 1) {
    recovery.OnDiscovered(now, stream, instance, actions);
    Do();
  }
  void Gone(const StreamKey& stream, std::uint64_t instance = 1) {
    recovery.OnGone(now, stream, instance, actions);
    Do();
  }
  // To the oldest ask that is not answered.
  void Answer(const Received& received, std::uint64_t generation = 0) {
    AnswerTo(asks.begin()->first, received, generation);
  }
  void AnswerTo(std::uint64_t ticket, const Received& received, std::uint64_t generation = 0) {
    const StreamKey stream = asks.at(ticket).stream;
    asks.erase(ticket);
    recovery.OnReceived(now, ticket, stream, generation, received, actions);
    Do();
  }
  void Tick() {
    recovery.OnTick(now, actions);
    Do();
  }
  void Do() {
    for (const Action& action : std::exchange(actions, {})) {
      if (const auto* ask = std::get_if<Ask>(&action)) {
        asks[ask->ticket] = *ask;
        calls.emplace_back(ask->stream, ask->start);
      } else if (const auto* apply = std::get_if<Apply>(&action)) {
        std::set<std::uint64_t>& held = index[apply->stream];
        for (const BlockName& block : apply->event.blocks)
          apply->event.kind == EventKind::kStored ? (void)held.insert(block.low) : (void)held.erase(block.low);
      } else if (const auto* replace = std::get_if<Replace>(&action)) {
        std::set<std::uint64_t>& held = index[replace->stream];
        held.clear();
        for (const KvEvent& store : replace->stores)
          for (const BlockName& block : store.blocks) held.insert(block.low);
      } else {
        const Forget& forget = std::get<Forget>(action);
        for (auto& [stream, held] : index)
          if (stream == forget.stream || (forget.all_ranks && stream.worker == forget.stream.worker)) held.clear();
      }
    }
  }
  Ids Holds(const StreamKey& stream = Stream()) { return {index[stream].begin(), index[stream].end()}; }
  std::optional<std::uint64_t> Applied(const StreamKey& stream = Stream()) const {
    const auto cursor = recovery.CursorOf(stream);
    return cursor ? cursor->applied : std::nullopt;
  }

  Time now{0};
  EventRecovery recovery;
  Actions actions;
  std::map<std::uint64_t, Ask> asks;
  std::vector<Call> calls;
  std::map<StreamKey, std::set<std::uint64_t>> index;
};

Router LiveAt(Contract contract, std::uint64_t applied) {
  Router router(contract);
  router.recovery.SetCursor(Stream(), {EventRecovery::State::kLive, applied});
  return router;
}
Ids IdsFrom(std::uint64_t first, std::uint64_t last) {
  Ids ids;
  for (std::uint64_t id = first; id <= last; ++id) ids.push_back(id);
  return ids;
}

constexpr Contract kBoth[] = {Contract::kV2, Contract::kV3};

TEST_CASE("EventRecovery: B1, B8, one stream that is being asked stops no other") {
  for (const Contract contract : kBoth) {
    Router router = LiveAt(contract, 10);
    router.recovery.SetCursor(Stream(0, "w2"), {EventRecovery::State::kLive, 20});
    router.Discover(Stream(0, "w3"));
    router.Discover(Stream(0, "w4"));
    REQUIRE(router.calls.size() == 2);
    router.Live(Stream(), Stored(15));
    router.Live(Stream(0, "w2"), Stored(21));
    CHECK(router.Holds(Stream(0, "w2")) == Ids{21});
  }
}

TEST_CASE("EventRecovery: B2, what came while a gap was asked for is asked for once") {
  Router router = LiveAt(Contract::kV2, 10);
  for (const std::uint64_t id : {15u, 16u, 17u, 18u}) router.Live(Stream(), Stored(id));
  router.Answer(Events{StoredFrom(11, 15), 15});
  router.Answer(Events{StoredFrom(16, 18), 18});
  CHECK(router.calls == std::vector<Call>{{Stream(), 11}, {Stream(), 16}});
  CHECK(router.Applied() == 18);
  CHECK_FALSE(router.recovery.asking(Stream()));
  CHECK(router.Holds() == IdsFrom(11, 18));

  Router keeps = LiveAt(Contract::kV3, 10);  // v3 has them
  for (const std::uint64_t id : {15u, 16u, 17u, 18u}) keeps.Live(Stream(), Stored(id));
  keeps.Answer(Events{StoredFrom(11, 15), 15});
  CHECK(keeps.calls == std::vector<Call>{{Stream(), 11}});
  CHECK(keeps.Applied() == 18);
  CHECK(keeps.Holds() == IdsFrom(11, 18));
}

TEST_CASE("EventRecovery: B3 to B7, what a dump says is what the rank holds, and its siblings keep theirs") {
  for (const Contract contract : kBoth) {
    Router router(contract);
    router.Discover(Stream());
    router.Answer(Dump{{}, 10});
    router.Live(Stream(), Stored(11));
    CHECK((router.Applied() == 11 && router.calls.size() == 1));
    router.Live(Stream(), Stored(13));
    router.Answer(Events{StoredFrom(12, 13), 13});
    CHECK((router.Applied() == 13 && router.calls.size() == 2));
    CHECK(router.Holds() == IdsFrom(11, 13));

    Router replaces(contract);
    replaces.index = {{Stream(0), {90, 91}}, {Stream(1), {77}}};
    replaces.Discover(Stream());
    replaces.Answer(Dump{{Stored(0), Stored(11)}, 11});
    CHECK((replaces.Applied() == 11 && replaces.calls.size() == 1));
    CHECK(replaces.Holds() == Ids{0, 11});
    CHECK(replaces.Holds(Stream(1)) == Ids{77});

    Router empties(contract);
    empties.index = {{Stream(0), {90, 91}}, {Stream(1), {77}}};
    empties.Discover(Stream());
    empties.Answer(Dump{{}, 11});
    CHECK(empties.Holds().empty());
    CHECK(empties.Holds(Stream(1)) == Ids{77});
  }
}

TEST_CASE("EventRecovery: B9, B15, B16, an answer for a stream that is gone or another's is discarded") {
  for (const Contract contract : kBoth) {
    Router router(contract);
    router.Discover(Stream());
    router.Answer(Dump{{}, 10});
    router.Live(Stream(), Stored(12));
    router.Gone(Stream(), 7);  // another instance: nothing
    CHECK(router.recovery.asking(Stream()));
    router.Gone(Stream());
    router.Answer(Events{StoredFrom(11, 12), 12});
    CHECK(router.Holds().empty());
    CHECK_FALSE(router.recovery.CursorOf(Stream()).has_value());
    CHECK(router.recovery.counters().discarded == 1);

    Router replaced(contract);
    replaced.Discover(Stream(4), 11);
    replaced.Answer(Dump{{Stored(5)}, 90});
    replaced.Discover(Stream(4), 12);
    CHECK(replaced.Holds(Stream(4)).empty());
    replaced.Answer(Dump{{Stored(1)}, 1});
    CHECK((replaced.Applied(Stream(4)) == 1 && replaced.Holds(Stream(4)) == Ids{1}));
    replaced.Discover(Stream(4), 12);
    CHECK(replaced.calls.size() == 2);
  }
}

TEST_CASE("EventRecovery: B10, a live clear makes an answer that is under way worthless, and asks for nothing") {
  for (const Contract contract : kBoth) {
    Router router = LiveAt(contract, 10);
    router.recovery.SetCursor(Stream(1), {EventRecovery::State::kLive, 20});
    router.Live(Stream(), Stored(13));
    router.Live(Stream(), Cleared(14));
    router.Answer(Events{StoredFrom(11, 13), 13});
    CHECK(router.Holds().empty());
    CHECK((router.Applied() == 14 && !router.recovery.asking(Stream())));
    router.Live(Stream(), Stored(15));
    CHECK(router.Holds() == Ids{15});
    CHECK(router.calls.size() == 1);
    const EventRecovery::State sibling = router.recovery.CursorOf(Stream(1))->state;
    CHECK(sibling == (contract == Contract::kV2 ? EventRecovery::State::kInvalidated : EventRecovery::State::kLive));
    if (contract == Contract::kV2) {  // the whole worker is cleared, and what the sibling says next is applied
      router.Live(Stream(1), Stored(30));
      CHECK((router.Holds(Stream(1)) == Ids{30} && router.calls.size() == 1));
    }
  }
}

TEST_CASE("EventRecovery: B11, B12, a recovered clear keeps what was live above it: the tail is asked for once") {
  for (const Contract contract : kBoth) {
    Router router = LiveAt(contract, 10);
    router.recovery.SetCursor(Stream(1), {EventRecovery::State::kLive, 20});
    router.Live(Stream(), Stored(13));
    router.Answer(Events{{Stored(11), Cleared(12), Stored(13)}, 13});
    CHECK((router.Applied() == 13 && router.calls.size() == 1 && router.Holds() == Ids{13}));
    router.Live(Stream(), Stored(14));
    CHECK(router.Holds() == Ids{13, 14});
  }
  Router router = LiveAt(Contract::kV2, 10);
  router.Live(Stream(), Stored(13));
  router.Live(Stream(), Stored(15));
  router.Answer(Events{{Stored(11), Cleared(12), Stored(13)}, 13});
  CHECK(router.recovery.asking(Stream()));
  router.Answer(Events{StoredFrom(14, 15), 15});
  CHECK(router.calls == std::vector<Call>{{Stream(), 11}, {Stream(), 14}});
  CHECK((router.Applied() == 15 && router.Holds() == Ids{13, 14, 15}));

  Router keeps = LiveAt(Contract::kV3, 10);  // v3 has 15, and still needs 14
  keeps.Live(Stream(), Stored(13));
  keeps.Live(Stream(), Stored(15));
  keeps.Answer(Events{{Stored(11), Cleared(12), Stored(13)}, 13});
  keeps.Answer(Events{StoredFrom(14, 15), 15});
  CHECK(keeps.calls == std::vector<Call>{{Stream(), 11}, {Stream(), 14}});
  CHECK(keeps.Holds() == Ids{13, 14, 15});
}

TEST_CASE("EventRecovery: C8, C9, what waited is applied in its order, and a hole in it is asked for") {
  Router router = LiveAt(Contract::kV3, 1);
  router.Live(Stream(), Stored(4));
  router.Live(Stream(), Stored(3));
  router.Answer(Events{StoredFrom(2, 2), 2});
  CHECK((router.Applied() == 4 && router.calls.size() == 1 && router.Holds() == Ids{2, 3, 4}));

  Router from_dump(Contract::kV3);
  from_dump.Discover(Stream());
  for (const std::uint64_t id : {5u, 3u, 4u, 4u}) from_dump.Live(Stream(), Stored(id));
  from_dump.Answer(Dump{StoredFrom(1, 3), 3});
  CHECK((from_dump.Applied() == 5 && from_dump.calls.size() == 1 && from_dump.Holds() == IdsFrom(1, 5)));

  Router hole = LiveAt(Contract::kV3, 1);
  for (const std::uint64_t id : {3u, 6u}) hole.Live(Stream(), Stored(id));
  hole.Answer(Events{StoredFrom(2, 3), 3});
  CHECK(hole.calls == std::vector<Call>{{Stream(), 2}, {Stream(), 4}});
  hole.Answer(Events{StoredFrom(4, 6), 6});
  CHECK(hole.Holds() == IdsFrom(2, 6));
}

// ---- what v2 gets wrong ---------------------------------------------------------------------------------------------

// Runs one history under both contracts; returns what each holds.
template <typename History>
std::pair<Ids, Ids> HeldUnderBoth(History&& history) {
  std::pair<Ids, Ids> held;
  for (const Contract contract : kBoth) {
    Router router(contract);
    history(router);
    (contract == Contract::kV2 ? held.first : held.second) = router.Holds();
  }
  return held;
}

TEST_CASE("EventRecovery: D1, numbers that begin anew under a new generation are not taken for old") {
  const auto [v2, v3] = HeldUnderBoth([](Router& router) {
    router.recovery.SetCursor(Stream(), {EventRecovery::State::kLive, 50});
    router.index[Stream()] = {40};
    router.Live(Stream(), Stored(51), 1);
    router.Live(Stream(), Stored(1), 2);
    if (!router.asks.empty()) router.Answer(Dump{{Stored(1)}, 1});
  });
  CHECK(v2 == Ids{40, 51});
  CHECK(v3 == Ids{1});

  Router after_dump(Contract::kV3);  // the dump's generation counts, too
  after_dump.Discover(Stream());
  after_dump.Answer(Dump{{Stored(900)}, 1000}, 1);
  after_dump.Live(Stream(), Stored(1), 2);
  after_dump.Answer(Dump{{Stored(1)}, 1}, 2);
  CHECK((after_dump.Holds() == Ids{1} && after_dump.Applied() == 1));

  Router in_answer = LiveAt(Contract::kV3, 10);
  in_answer.Live(Stream(), Stored(11), 1);
  in_answer.Live(Stream(), Stored(13), 1);
  in_answer.Answer(Events{StoredFrom(12, 13), 13}, 2);  // numbers of another life
  in_answer.Answer(Dump{{Stored(5)}, 13}, 2);
  CHECK(in_answer.Holds() == Ids{5});
}

TEST_CASE("EventRecovery: a stream that begins at 0 loses nothing, whatever was answered before it said anything") {
  Router router(Contract::kV3);
  router.Discover(Stream());
  router.Answer(Dump{{}, 0, true});
  router.Live(Stream(), Stored(0));
  router.Live(Stream(), Stored(1));
  CHECK((router.Holds() == Ids{0, 1} && router.calls.size() == 1));

  Router waited(Contract::kV3);
  waited.Discover(Stream());
  waited.Live(Stream(), Stored(7));
  waited.Live(Stream(), Stored(8));
  waited.Answer(Dump{{}, 0, true});
  CHECK((waited.Holds() == Ids{7, 8} && waited.calls.size() == 1));
}

TEST_CASE("EventRecovery: D2, another rank's replacement does not silence a rank that was being asked") {
  const auto [v2, v3] = HeldUnderBoth([](Router& router) {
    router.Discover(Stream(1), 1);
    router.Answer(Dump{{}, 1});
    router.recovery.SetCursor(Stream(), {EventRecovery::State::kLive, 10});
    router.Live(Stream(), Stored(12));
    router.Discover(Stream(1), 2);
    router.Answer(Events{StoredFrom(11, 12), 12});
    router.Live(Stream(), Stored(13));
    while (!router.asks.empty() && router.asks.begin()->second.stream == Stream())
      router.Answer(Events{StoredFrom(11, 13), 13});
  });
  CHECK(v2.empty());
  CHECK(v3 == IdsFrom(11, 13));
}

TEST_CASE("EventRecovery: D3, a worker that has nothing of what was seen is not asked in circles") {
  std::map<Contract, std::size_t> calls;
  for (const Contract contract : kBoth) {
    Router router(contract);
    router.Live(Stream(), Stored(15));
    for (int i = 0; i < 20 && !router.asks.empty(); ++i) router.Answer(Dump{{}, 0});
    calls[contract] = router.calls.size();
  }
  CHECK(calls[Contract::kV2] >= 20);
  CHECK(calls[Contract::kV3] <= 2);
}

TEST_CASE("EventRecovery: what is still missing after an answer that did not help is asked for with the next event") {
  Router router(Contract::kV3);
  router.Live(Stream(), Stored(15));
  while (!router.asks.empty()) router.Answer(Dump{{}, 0});
  router.Live(Stream(), Stored(1));
  CHECK(router.calls == std::vector<Call>{{Stream(), std::nullopt}, {Stream(), 1}, {Stream(), 2}});
}

TEST_CASE("EventRecovery: without any answer v3 goes on with what it has, and v2 waits") {
  for (const Contract contract : kBoth) {
    Router router = LiveAt(contract, 10);
    router.Live(Stream(), Stored(12));
    while (router.recovery.counters().failed == 0) {
      while (!router.asks.empty()) router.Answer(NoAnswer{});
      if (const auto next = router.recovery.NextTick()) router.now = std::max(router.now, *next);
      if (router.recovery.counters().failed == 0) router.Tick();
    }
    const bool v3 = contract == Contract::kV3;
    CHECK(router.Holds() == (v3 ? Ids{12} : Ids{}));
    CHECK(router.Applied() == (v3 ? 12u : 10u));
    CHECK(router.recovery.NextTick().has_value() == v3);  // everything is asked for, later
  }
}

TEST_CASE("EventRecovery: D4, D5, a rank that went takes its blocks along, and its late answer is nobody's") {
  std::map<Contract, Ids> left, late;
  for (const Contract contract : kBoth) {
    Router router(contract);
    for (const std::uint32_t rank : {0u, 1u}) {
      router.Discover(Stream(rank));
      router.Answer(Dump{{Stored(rank + 1)}, 1});
    }
    router.Gone(Stream(0));
    left[contract] = router.Holds();

    Router again(contract);
    again.Discover(Stream());
    const std::uint64_t old = again.asks.begin()->first;
    again.Gone(Stream());
    again.Discover(Stream());
    again.AnswerTo(old, Dump{{Stored(66)}, 1});
    late[contract] = again.Holds();
  }
  CHECK(left[Contract::kV2] == Ids{1});
  CHECK(left[Contract::kV3].empty());
  CHECK(late[Contract::kV2] == Ids{66});
  CHECK(late[Contract::kV3].empty());
}

TEST_CASE("EventRecovery: D6, what was seen above a late clear is not forgotten") {
  const auto [v2, v3] = HeldUnderBoth([](Router& router) {
    router.recovery.SetCursor(Stream(), {EventRecovery::State::kLive, 10});
    router.Live(Stream(), Stored(15));
    router.Live(Stream(), Cleared(14));
    while (router.asks.size() > 1) router.AnswerTo(router.asks.rbegin()->first, Events{{Stored(15)}, 15});
  });
  CHECK(v2.empty());
  CHECK(v3 == Ids{15});
}

TEST_CASE("EventRecovery: D7, a rank's clear loses nothing of its siblings") {
  std::map<Contract, std::size_t> calls;
  for (const Contract contract : kBoth) {
    Router router = LiveAt(contract, 5);
    router.recovery.SetCursor(Stream(1), {EventRecovery::State::kLive, 20});
    router.Live(Stream(), Cleared(6));
    router.Live(Stream(1), Stored(30));  // 21 to 29 were lost
    calls[contract] = router.calls.size();
  }
  CHECK(calls[Contract::kV2] == 0);
  CHECK(calls[Contract::kV3] == 1);
}

TEST_CASE("EventRecovery: D8, an answer does not move the watermark back") {
  std::map<Contract, std::optional<std::uint64_t>> applied;
  for (const Contract contract : kBoth) {
    Router router = LiveAt(contract, 10);
    router.Live(Stream(), Stored(12));
    router.Answer(Events{{}, 8});
    applied[contract] = router.Applied();
  }
  CHECK(applied[Contract::kV2] < 10);
  CHECK(applied[Contract::kV3] == 10);
}

TEST_CASE("EventRecovery: D10, D11, an unknown parent asks for everything, and a failed dump changes nothing") {
  Router router = LiveAt(Contract::kV3, 10);
  router.index[Stream()] = {7};
  router.recovery.OnOrphan(router.now, Stream(), router.actions);
  router.Do();
  REQUIRE(router.calls == std::vector<Call>{{Stream(), std::nullopt}});
  router.recovery.OnOrphan(router.now, Stream(), router.actions);  // it is on its way
  router.Do();
  for (int i = 0; i < kAttemptsMax; ++i) {
    router.Answer(DumpFailed{});
    router.now += std::chrono::seconds(60);
    router.Tick();
  }
  CHECK(router.recovery.counters().failed == 1);
  CHECK((router.Applied() == 10 && router.Holds() == Ids{7}));
  while (!router.asks.empty()) router.Answer(Dump{{Stored(8)}, 10});  // asked for once more, a minute later
  CHECK(router.Holds() == Ids{8});
  router.Live(Stream(), Stored(11));
  CHECK(router.Holds() == Ids{8, 11});

  Router fenced = LiveAt(Contract::kV3, 10);
  fenced.Live(Stream(), Stored(12));
  const std::uint64_t ticket = fenced.asks.begin()->first;
  fenced.recovery.OnReceived(fenced.now, ticket, Stream(3), 0, Events{StoredFrom(11, 12), 12}, fenced.actions);
  fenced.Do();
  fenced.Live(Stream(), Stored(13));
  CHECK((fenced.Holds().empty() && fenced.recovery.counters().fenced == 1));
  fenced.Discover(Stream());
  CHECK(fenced.calls.back() == Call{Stream(), std::nullopt});
}

TEST_CASE("EventRecovery: asks are few at a time, are repeated later and later, and end") {
  for (const Contract contract : kBoth) {
    Router router(contract);
    for (std::uint32_t rank = 0; rank < 40; ++rank) router.Discover(Stream(rank));
    CHECK(router.calls.size() == kAsksMax);
    router.Answer(NoAnswer{});
    CHECK(router.calls.size() == kAsksMax + (contract == Contract::kV3 ? 1 : 0));  // v2 keeps its place while it waits
    std::size_t rounds = 0;
    for (; rounds < 1000 && router.recovery.counters().failed < 40; ++rounds) {
      while (!router.asks.empty()) {
        CHECK(router.asks.size() <= kAsksMax);
        router.Answer(NoAnswer{});
      }
      if (const auto next = router.recovery.NextTick()) router.now = std::max(router.now, *next);
      router.Tick();
    }
    CHECK(rounds < 1000);
    CHECK(router.calls.size() >= 40 * kAttemptsMax);
    CHECK(router.now >= std::chrono::milliseconds(25400));
    if (contract == Contract::kV2) CHECK_FALSE(router.recovery.NextTick().has_value());
    if (const auto next = router.recovery.NextTick(); contract == Contract::kV3 && next) CHECK(*next >= router.now);
  }
}

TEST_CASE("EventRecovery: clears that follow each other leave no more questions under way than there may be") {
  Router router = LiveAt(Contract::kV3, 10);
  for (std::uint64_t id = 20; id < 2000; id += 20) {
    router.Live(Stream(), Stored(id));
    router.Live(Stream(), Cleared(id + 1));
    CHECK(router.asks.size() <= kAsksMax);
  }
  router.Live(Stream(), Stored(3000));
  while (!router.asks.empty()) router.Answer(Events{StoredFrom(1982, 3000), 3000});
  CHECK(router.Holds() == IdsFrom(1982, 3000));
}

TEST_CASE("EventRecovery: parents that stay unknown are asked for less and less often") {
  Router router = LiveAt(Contract::kV3, 10);
  for (int i = 0; i < 6000; ++i) {  // ten minutes, ten orphans a second
    router.recovery.OnOrphan(router.now, Stream(), router.actions);
    router.Do();
    router.now += std::chrono::milliseconds(100);
    router.Tick();
    while (!router.asks.empty()) router.Answer(Dump{{}, 10});
  }
  CHECK(router.calls.size() >= 8);
  CHECK(router.calls.size() <= 20);

  Router asked = LiveAt(Contract::kV3, 10);  // while a gap is asked for, it is not forgotten
  asked.now = std::chrono::hours(1);
  asked.Live(Stream(), Stored(12));
  asked.recovery.OnOrphan(asked.now, Stream(), asked.actions);
  asked.Do();
  asked.Answer(Events{StoredFrom(11, 12), 12});
  CHECK(asked.calls == std::vector<Call>{{Stream(), 11}, {Stream(), std::nullopt}});
}

TEST_CASE("EventRecovery: one worker's ranks do not keep the others out, and what waits has a bound") {
  Router router(Contract::kV3);
  for (std::uint32_t rank = 0; rank < 1000; ++rank) router.Live(Stream(rank), Stored(1));
  CHECK(router.recovery.counters().refused == 1000 - kRanksMax);
  router.Discover(Stream(0, "w2"));
  CHECK(router.recovery.CursorOf(Stream(0, "w2")).has_value());
  KvEvent big{0, EventKind::kStored, std::nullopt, std::vector<BlockName>(100'000)};
  for (std::uint64_t id = 2; id < 200; ++id) {
    big.id = id;
    router.Live(Stream(), big);
  }
  CHECK(router.recovery.counters().dropped > 100);
}

// ---- any history ----------------------------------------------------------------------------------------------------

TEST_CASE("EventRecovery: whatever is lost, the index is the truth once the last event is heard") {
  test::ForAll("any history, any losses", [](std::uint64_t seed) {
    Prng prng(seed);
    const double loss = prng.Unit(), late = prng.Unit();
    Router router(Contract::kV3);
    EventBuffer buffer(1 + prng.Below(20));
    std::set<std::uint64_t> truth;
    std::uint64_t newest = prng.Below(100);
    std::vector<KvEvent> held_back;
    const auto answer_one = [&](bool fails) {
      const auto& [ticket, ask] = *router.asks.begin();
      if (fails) return router.AnswerTo(ticket, NoAnswer{});
      const Answer answer = buffer.Query(ask.start);
      if (const auto* events = std::get_if<Events>(&answer)) return router.AnswerTo(ticket, *events);
      if (const auto* too_new = std::get_if<TooNew>(&answer)) return router.AnswerTo(ticket, *too_new);
      Dump dump{{}, std::get<TreeDump>(answer).last, std::get<TreeDump>(answer).empty};
      for (const std::uint64_t block : truth)
        dump.stores.push_back({dump.stores.size(), EventKind::kStored, std::nullopt, {{0, block}}});
      router.AnswerTo(ticket, dump);
    };
    const auto say = [&](bool lost) {
      KvEvent event{++newest, EventKind::kStored, std::nullopt, {{0, prng.Below(30)}}};
      if (prng.Below(12) == 0) event = {newest, EventKind::kCleared, std::nullopt, {}};
      if (event.kind == EventKind::kStored && prng.Below(3) == 0) event.kind = EventKind::kRemoved;
      if (event.cleared()) truth.clear();
      if (event.kind == EventKind::kStored) truth.insert(event.blocks[0].low);
      if (event.kind == EventKind::kRemoved) truth.erase(event.blocks[0].low);
      RC_ASSERT(buffer.Record(event));
      if (lost) return;
      if (prng.Unit() < 0.1) {
        held_back.push_back(event);  // overtaken by what follows
        return;
      }
      router.Live(Stream(), event);
      for (const KvEvent& late_one : std::exchange(held_back, {})) router.Live(Stream(), late_one);
    };
    router.Discover(Stream());
    for (int step = 0; step < 200; ++step) {
      say(prng.Unit() < loss);
      if (!router.asks.empty() && prng.Unit() > late) answer_one(prng.Below(10) == 0);
      router.now += std::chrono::milliseconds(prng.Below(300));
      router.Tick();
    }
    for (const KvEvent& late_one : std::exchange(held_back, {})) router.Live(Stream(), late_one);
    // The end: one more is heard, and everything is answered.
    KvEvent last{++newest, EventKind::kStored, std::nullopt, {{0, 1000 + newest}}};
    truth.insert(last.blocks[0].low);
    RC_ASSERT(buffer.Record(last));
    router.Live(Stream(), last);
    for (int round = 0; round < 100 && (!router.asks.empty() || router.recovery.NextTick()); ++round) {
      while (!router.asks.empty()) answer_one(false);
      if (const auto next = router.recovery.NextTick()) router.now = std::max(router.now, *next);
      router.Tick();
    }
    RC_ASSERT(router.Applied() == newest);
    RC_ASSERT(router.index[Stream()] == truth);
  });
}

// A stream that was away says where it is when it is open again: what was the last before silence is not lost.
TEST_CASE("v3: what the newest number shows to be missing is asked for, once") {
  Router router(Contract::kV3);
  router.recovery.SetCursor(Stream(), {EventRecovery::State::kLive, 7});
  const auto newest = [&](std::uint64_t id) {
    router.recovery.OnNewest(router.now, Stream(), id, router.actions);
    router.Do();
  };
  newest(7);
  CHECK(router.asks.empty());
  newest(9);
  REQUIRE(router.asks.size() == 1);
  CHECK(router.asks.begin()->second.start == 8u);
  newest(10);  // while it is asked
  CHECK(router.asks.size() == 1);
  router.Answer(Events{StoredFrom(8, 9), 9});
  REQUIRE(router.asks.size() == 1);  // the tail
  CHECK(router.asks.begin()->second.start == 10u);
  router.Answer(Events{StoredFrom(10, 10), 10});
  CHECK(router.asks.empty());
  CHECK(router.recovery.CursorOf(Stream())->applied == 10u);
}

TEST_CASE("v3: a newest number that is told while everything is asked for is not forgotten") {
  Router router(Contract::kV3);
  router.Discover(Stream());
  router.recovery.OnNewest(router.now, Stream(), 9, router.actions);  // it was away once more
  router.Do();
  router.Answer(Dump{{Stored(0)}, 6, false});  // made before that
  REQUIRE(router.asks.size() == 1);
  CHECK(router.asks.begin()->second.start == 7u);
}

TEST_CASE("v3: of a stream that was empty, the newest number asks for everything") {
  Router router(Contract::kV3);
  router.Discover(Stream());
  router.Answer(Dump{{}, 0, true});
  router.recovery.OnNewest(router.now, Stream(), 3, router.actions);
  router.Do();
  REQUIRE(router.asks.size() == 1);
  CHECK(!router.asks.begin()->second.start.has_value());
}

}  // namespace
}  // namespace prefixmesh::kvevents
