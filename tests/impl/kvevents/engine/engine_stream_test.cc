// Goal: batches are applied in their order, each once, and when something is lost for good all before it is forgotten.
// Oracle: a publisher that loses messages, keeps few batches, answers late or never and begins anew; what was applied
// since the last Forget is, once all is calm, the end of what this life of the publisher published.
#include "impl/kvevents/engine/engine_stream.h"

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "impl/base/prng.h"
#include "tests/support/properties.h"

namespace prefixmesh::kvevents {
namespace {

using Time = EngineStream::Time;
using std::chrono::milliseconds;

// What was done: payloads since the last Forget, and the last number that was asked for.
struct Done {
  void Take(EngineStream::Actions& actions) {
    for (EngineStream::Action& action : actions) {
      if (const auto* ask = std::get_if<EngineStream::Ask>(&action)) asked = ask->from;
      if (std::holds_alternative<EngineStream::Forget>(action)) {
        applied.clear();
        ++forgotten;
      }
      if (auto* apply = std::get_if<EngineStream::Apply>(&action)) applied.push_back(std::move(apply->payload));
    }
    actions.clear();
  }
  std::vector<std::string> applied;
  std::optional<std::uint64_t> asked;
  int forgotten = 0;
};

struct Fixture {
  explicit Fixture(bool replays = true) : stream(replays, 7) {}
  void Open() {
    now += EngineStream::kAskApart;
    stream.OnOpened(now, actions);
    done.Take(actions);
  }
  void Live(std::uint64_t number, const std::string& payload) {
    now += EngineStream::kAskApart;
    stream.OnLive(now, number, payload, actions);
    done.Take(actions);
  }
  // As far as it is not asked anew.
  void Replay(const std::vector<std::pair<std::uint64_t, std::string>>& batches, bool whole = true) {
    now += EngineStream::kAskApart;
    done.asked.reset();
    for (const auto& [number, payload] : batches) {
      if (done.asked) return;
      stream.OnReplayed(now, number, payload, actions);
      done.Take(actions);
    }
    if (!done.asked) stream.OnReplayEnd(now, whole, actions);
    done.Take(actions);
  }
  void Wait(Time time) {
    now += time;
    stream.OnTick(now, actions);
    done.Take(actions);
  }
  using Payloads = std::vector<std::string>;

  EngineStream stream;
  EngineStream::Actions actions;
  Done done;
  Time now{0};
};

TEST_CASE("what comes in order is applied; what was there before is asked for") {
  Fixture f;
  f.Open();
  CHECK(f.done.asked == 0);
  f.Live(2, "c");
  f.Replay({{0, "a"}, {1, "b"}, {2, "c"}});
  f.Live(3, "d");
  CHECK(f.done.applied == Fixture::Payloads{"a", "b", "c", "d"});
  CHECK(f.done.forgotten == 0);
  CHECK(f.stream.counts().gaps == 0);
}

TEST_CASE("a gap is asked for from the last batch on, and what came meanwhile follows") {
  Fixture f;
  f.Open();
  f.Replay({{0, "a"}});
  f.Live(3, "d");
  CHECK(f.done.asked == 0);  // the last that was applied must come again
  f.Live(4, "e");
  CHECK(f.done.applied == Fixture::Payloads{"a"});
  f.Replay({{0, "a"}, {1, "b"}, {2, "c"}, {3, "d"}});
  CHECK(f.done.applied == Fixture::Payloads{"a", "b", "c", "d", "e"});
  CHECK(f.stream.counts().gaps == 1);
  CHECK(f.stream.counts().incomplete == 0);
}

TEST_CASE("a replay that begins above what is wanted loses the past, and goes on from there") {
  Fixture f;
  f.Open();
  f.Replay({{0, "a"}, {1, "b"}});
  f.Live(9, "j");
  f.Replay({{5, "f"}, {6, "g"}, {7, "h"}, {8, "i"}});
  CHECK(f.done.applied == Fixture::Payloads{"f", "g", "h", "i", "j"});
  CHECK(f.done.forgotten == 1);
  CHECK(f.stream.counts().incomplete == 1);
  f.Open();
  f.Replay({{9, "j"}, {11, "l"}});  // a hole in the middle is the same
  CHECK(f.done.applied == Fixture::Payloads{"l"});
  CHECK(f.stream.counts().incomplete == 2);
}

TEST_CASE("an engine that began anew is noticed: live, by less than it had, by another batch of the same number") {
  Fixture live;
  live.Open();
  live.Replay({});
  live.Live(0, "a");
  live.Live(1, "b");
  live.Live(0, "A");
  CHECK(live.done.applied == Fixture::Payloads{"A"});
  CHECK(live.stream.counts().restarts == 1);

  Fixture fewer;
  fewer.Open();
  fewer.Replay({{0, "a"}, {1, "b"}});
  fewer.Open();
  CHECK(fewer.done.asked == 1);
  fewer.Replay({});
  CHECK(fewer.done.asked == 0);
  fewer.Replay({{0, "A"}});
  CHECK(fewer.done.applied == Fixture::Payloads{"A"});

  Fixture other;
  other.Open();
  other.Replay({{0, "a"}, {1, "b"}});
  other.Open();
  other.Replay({{1, "B"}, {2, "C"}});
  CHECK(other.done.asked == 0);
  other.Replay({{0, "A"}, {1, "B"}, {2, "C"}});
  CHECK(other.done.applied == Fixture::Payloads{"A", "B", "C"});
  CHECK(other.stream.counts().restarts == 1);
}

TEST_CASE("a live batch that a replay brought before is dropped") {
  Fixture f;
  f.Open();
  f.Replay({{0, "a"}, {1, "b"}});
  f.Live(0, "a");
  f.Live(1, "b");
  f.Live(2, "c");
  CHECK(f.done.applied == Fixture::Payloads{"a", "b", "c"});
  CHECK(f.stream.counts().restarts == 0);
}

TEST_CASE("who gets no replay asks again, less and less often, and then goes on without") {
  Fixture f;
  f.Open();
  f.Replay({{0, "a"}});
  f.Live(5, "f");
  for (int i = 0; i + 1 < EngineStream::kAttemptsMax; ++i) {
    f.Replay({}, false);
    REQUIRE(f.stream.NextTick() == f.now + EngineStream::kAskAgain * (1 << i));
    f.Wait(EngineStream::kAskAgain * (1 << i) - milliseconds(1));
    CHECK(!f.done.asked);
    f.Wait(milliseconds(1));
    CHECK(f.done.asked == 0);
  }
  f.Live(7, "h");
  f.Replay({}, false);
  CHECK(f.done.applied == Fixture::Payloads{"h"});
  CHECK(!f.stream.asking());
  f.Live(8, "i");
  CHECK(f.done.applied == Fixture::Payloads{"h", "i"});
}

TEST_CASE("without a replay a gap loses the past, and so does an opening") {
  Fixture f(false);
  f.Open();
  f.Live(0, "a");
  f.Live(1, "b");
  f.Live(3, "d");
  CHECK(f.done.applied == Fixture::Payloads{"d"});
  f.Open();
  CHECK(f.done.applied.empty());
  f.Live(0, "A");
  CHECK(f.done.applied == Fixture::Payloads{"A"});
  CHECK(f.stream.counts().incomplete == 2);
}

TEST_CASE("who opens and gets no replay does not believe what was before") {
  Fixture f;
  f.Open();
  f.Replay({{0, "a"}, {1, "b"}});
  f.Open();
  f.Live(2, "C");  // as it would go on, or of another life
  for (int i = 0; i < EngineStream::kAttemptsMax; ++i) {
    f.Replay({}, false);
    f.Wait(std::chrono::seconds(5));
  }
  CHECK(f.done.applied == Fixture::Payloads{"C"});
  f.Live(3, "D");
  f.Wait(EngineStream::kAskSlowly);
  CHECK(f.done.asked == 3);
  f.Replay({}, false);
  f.Live(4, "E");
  CHECK(f.done.applied == Fixture::Payloads{"C", "D", "E"});
  CHECK(f.stream.counts().incomplete == 1);
}

TEST_CASE("after an opening it is asked once more, because the engine hears late that somebody listens") {
  Fixture f;
  f.Open();
  f.Replay({{0, "a"}});
  f.done.asked.reset();
  f.Wait(EngineStream::kAskSettled);
  CHECK(f.done.asked == 0);
  f.Replay({{0, "a"}, {1, "b"}});
  CHECK(f.done.applied == Fixture::Payloads{"a", "b"});
  CHECK(!f.stream.NextTick());
}

TEST_CASE("what waits is bounded, the oldest go first, and what is lost so is seen") {
  Fixture f;
  f.Open();
  for (std::uint64_t i = 1; i <= EngineStream::kWaitingMax + 10; ++i) f.Live(i, "x");
  CHECK(f.stream.counts().dropped == 10);
  f.Replay({{0, "a"}});
  CHECK(f.stream.asking());  // for what was dropped
  Fixture bytes;
  bytes.Open();
  const std::string big(EngineStream::kWaitingBytesMax / 4, 'x');
  for (std::uint64_t i = 1; i <= 6; ++i) bytes.Live(i, big);
  CHECK(bytes.stream.counts().dropped == 2);
}

TEST_CASE("asks are apart, whatever is heard") {
  Fixture f;
  f.Open();
  std::size_t asks = 0;
  for (int i = 0; i < 1000; ++i) {
    f.done.asked.reset();
    f.stream.OnLive(f.now, 0, "a", f.actions);
    f.done.Take(f.actions);
    asks += f.done.asked ? 1 : 0;
  }
  CHECK(asks <= 1);
  f.Wait(EngineStream::kAskApart);
  CHECK(f.done.asked == 0);
}

TEST_CASE("a replay that told of more than there is is found out by what is live") {
  Fixture f;
  f.Open();
  f.Replay({{1'000'000'000, "z"}});
  CHECK(f.stream.next() == 1'000'000'001);
  for (std::uint64_t i = 0; i < EngineStream::kLateMax; ++i) f.Live(i, "x");
  CHECK(f.stream.counts().late == EngineStream::kLateMax);
  CHECK(f.done.asked == 0);
  CHECK(f.done.applied.empty());
}

TEST_CASE("in any history what is applied since the last Forget is the end of what was published") {
  test::ForAll("any history", [](std::uint64_t seed) {
    Prng prng(seed);
    EngineStream stream(true, seed);
    EngineStream::Actions actions;
    Done done;
    Time now{0};
    std::vector<std::string> published;  // in this life
    std::deque<std::pair<std::uint64_t, std::string>> wire;
    bool connected = false;
    int life = 0;
    const std::size_t kept = 1 + prng.Below(12);
    const auto publish = [&] {
      published.push_back("life " + std::to_string(life) + " batch " + std::to_string(published.size()));
      if (connected) wire.emplace_back(published.size() - 1, published.back());
    };
    const auto open = [&] {
      wire.clear();
      connected = true;
      stream.OnOpened(now, actions);
    };
    const auto answer = [&](bool whole) {
      if (!done.asked) return;
      const std::uint64_t from = *done.asked;
      done.asked.reset();
      const std::size_t oldest = published.size() > kept ? published.size() - kept : 0;
      for (std::size_t i = std::max<std::size_t>(oldest, from); i < published.size() && !done.asked; ++i) {
        if (!whole && prng.Below(3) == 0) break;
        stream.OnReplayed(now, i, published[i], actions);
        done.Take(actions);
      }
      if (!done.asked) stream.OnReplayEnd(now, whole, actions);
    };
    const auto deliver = [&](bool lossy) {
      while (!wire.empty()) {
        auto [number, payload] = wire.front();
        wire.pop_front();
        if (!lossy || prng.Below(5) != 0) stream.OnLive(now, number, payload, actions);
        done.Take(actions);
      }
    };
    open();
    for (int step = 0; step < 200; ++step) {
      done.Take(actions);
      switch (prng.Below(9)) {
        case 0:
          answer(true);
          break;
        case 1:
          answer(false);
          break;
        case 2:
          deliver(true);
          break;
        case 3:
          now += milliseconds(100 + prng.Below(2000));
          stream.OnTick(now, actions);
          break;
        case 4:
          if (prng.Below(4) == 0) {
            connected = false;
            if (prng.Below(2) == 0) {
              published.clear();
              ++life;
            }
          }
          break;
        case 5:
          if (!connected) open();
          break;
        default:
          publish();
      }
      done.Take(actions);
    }
    if (!connected) open();
    done.Take(actions);
    publish();                      // something is heard
    for (int i = 0; i < 50; ++i) {  // with what is asked slowly
      deliver(false);
      answer(true);
      done.Take(actions);
      now += std::chrono::seconds(10);
      stream.OnTick(now, actions);
      done.Take(actions);
    }
    RC_ASSERT(!stream.asking());
    RC_ASSERT(stream.next() == published.size());
    RC_ASSERT(!done.applied.empty());
    RC_ASSERT(done.applied.size() <= published.size());
    RC_ASSERT(std::equal(done.applied.rbegin(), done.applied.rend(), published.rbegin()));
    // All of it, if nothing had to be forgotten for good.
    if (stream.counts().incomplete == 0) RC_ASSERT(done.applied.size() == published.size());
  });
}

}  // namespace
}  // namespace prefixmesh::kvevents
