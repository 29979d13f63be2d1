// Goal: no order of callbacks makes a stream's end start what gRPC forbids, or never come to its end.
// Method: every reachable state of the machine beside a model of gRPC's rules, all events tried in each of them.
#include "impl/env/stream_state.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace prefixmesh {
namespace {

// What gRPC knows of the call: checks each operation against the rules, and says which callbacks may come next.
struct Call {
  explicit Call(StreamEnd which) : end(which) {}
  StreamEnd end;
  bool open = false, reading = false, writing = false, finished = false, cancelled = false, held = true;
  bool handing = false;  // the observer has a frame
  int queued = 0;
  std::string broken;

  bool served() const { return end == StreamEnd::kServed; }
  bool over() const { return (served() ? finished : !held) && !reading && !writing; }

  void Start(const StreamState::Ops& ops) {
    const auto rule = [this](bool holds, const char* what) {
      if (!holds && broken.empty()) broken = what;
    };
    if (ops.deliver) handing = true;
    if (ops.start_read) {
      rule(open, "read before the call is open");
      rule(!reading, "two reads at once");
      rule(!(served() && finished), "a read after Finish");
      rule(served() || held, "a read without the hold");
      rule(!handing, "a read while a frame is in hand");
      reading = true;
    }
    if (ops.start_write) {
      rule(open, "write before the call is open");
      rule(!writing, "two writes at once");
      rule(!finished, "a write after Finish");
      rule(served() || held, "a write without the hold");
      rule(queued > 0, "a write of nothing");
      writing = true;
    }
    if (ops.cancel) cancelled = true;
    if (ops.finish) {
      rule(!finished, "Finish twice");
      rule(!writing, "Finish overtakes a write");
      rule(served() || held, "Finish without the hold");
      finished = true;
    }
    if (ops.release) {
      rule(!served() && held, "the hold released twice");
      held = false;
    }
  }
  auto key() const { return std::tuple(open, reading, writing, finished, cancelled, held, handing, queued); }
};

struct World {
  explicit World(StreamEnd end) : state(end), call(end) {}
  StreamState state;
  Call call;
  bool drained = false;
};

enum class Event { kOpened, kReadOk, kReadFails, kHandled, kQueue, kWriteOk, kWriteFails, kDrain, kEnd };
constexpr Event kEvents[] = {Event::kOpened,  Event::kReadOk,     Event::kReadFails, Event::kHandled, Event::kQueue,
                             Event::kWriteOk, Event::kWriteFails, Event::kDrain,     Event::kEnd};

// False: gRPC or the owner cannot do this now.
bool Happens(Event event, World& world) {
  StreamState& state = world.state;
  Call& call = world.call;
  switch (event) {
    case Event::kOpened:
      if (call.open || (call.served() ? call.finished : !call.held)) return false;
      call.open = true;
      call.Start(state.Opened());
      return true;
    case Event::kReadOk:
    case Event::kReadFails:
      if (!call.reading || (event == Event::kReadOk && call.cancelled)) return false;
      call.reading = false;
      call.Start(state.ReadDone(event == Event::kReadOk));
      return true;
    case Event::kHandled:
      call.handing = false;  // the loop may say so of any stream, at any time
      call.Start(state.Handled());
      return true;
    case Event::kQueue:
      if (!state.writable() || call.queued == 2) return false;
      ++call.queued;
      call.Start(state.Queued());
      return true;
    case Event::kWriteOk:
    case Event::kWriteFails:
      if (!call.writing || (event == Event::kWriteOk && call.cancelled)) return false;
      call.writing = false;
      --call.queued;
      call.Start(state.WriteDone(event == Event::kWriteOk));
      return true;
    case Event::kDrain:
      world.drained = true;
      call.Start(state.Drain());
      return true;
    case Event::kEnd:
      call.Start(state.End());
      return true;
  }
  return false;
}

auto KeyOf(const World& world) {
  return std::tuple(world.call.key(), world.drained, world.state.writable(), world.state.ended(), world.state.opened());
}

TEST_CASE("Stream state: no order of callbacks breaks gRPC's rules") {
  for (const StreamEnd end : {StreamEnd::kDialed, StreamEnd::kServed}) {
    std::vector<World> open{World(end)};
    std::set<decltype(KeyOf(open.front()))> seen{KeyOf(open.front())};
    std::size_t over = 0, tried = 0;
    while (!open.empty()) {
      const World world = open.back();
      open.pop_back();
      over += world.call.over();
      for (const Event event : kEvents) {
        World next = world;
        if (!Happens(event, next)) continue;
        ++tried;
        INFO("event " << static_cast<int>(event) << " of a " << (end == StreamEnd::kDialed ? "dialed" : "served")
                      << " end: " << next.call.broken);
        REQUIRE(next.call.broken.empty());
        // A call that is over is gone with its stream: nothing may be started on it.
        if (world.call.over() && event != Event::kHandled && event != Event::kEnd && event != Event::kDrain)
          REQUIRE(next.call.key() == world.call.key());
        if (seen.insert(KeyOf(next)).second) open.push_back(next);
      }
    }
    REQUIRE(tried > 200);
    REQUIRE(over > 0);
  }
}

// From every state the stream comes to its end once it is drained or ended, the handler deals with its frame and what
// is under way completes: no stream stays for ever.
TEST_CASE("Stream state: whatever happened, an end that is ended becomes done") {
  for (const StreamEnd end : {StreamEnd::kDialed, StreamEnd::kServed}) {
    std::vector<World> open{World(end)};
    std::set<decltype(KeyOf(open.front()))> seen{KeyOf(open.front())};
    while (!open.empty()) {
      const World world = open.back();
      open.pop_back();
      World last = world;
      Happens(Event::kEnd, last);
      for (int i = 0; i < 4; ++i)
        for (const Event event : {Event::kHandled, Event::kReadFails, Event::kWriteFails}) Happens(event, last);
      REQUIRE(last.call.broken.empty());
      REQUIRE(last.call.over());
      for (const Event event : kEvents) {
        World next = world;
        if (Happens(event, next) && seen.insert(KeyOf(next)).second) open.push_back(next);
      }
    }
  }
}

TEST_CASE("Stream state: a drain lets out what is queued, and a dialed end reads on until the peer is done") {
  StreamState dialed(StreamEnd::kDialed);
  REQUIRE(dialed.Opened().start_read);
  REQUIRE(dialed.Queued().start_write);
  REQUIRE_FALSE(dialed.Queued().start_write);
  REQUIRE_FALSE(dialed.Drain().finish);
  REQUIRE(dialed.WriteDone(true).start_write);
  REQUIRE(dialed.ReadDone(true).deliver);
  REQUIRE(dialed.WriteDone(true).finish);
  REQUIRE(dialed.Handled().start_read);
  REQUIRE(dialed.ReadDone(true).deliver);
  REQUIRE(dialed.Handled().start_read);
  REQUIRE(dialed.ReadDone(false).release);

  StreamState served(StreamEnd::kServed);
  REQUIRE(served.Opened().start_read);
  REQUIRE(served.ReadDone(true).deliver);
  REQUIRE(served.Queued().start_write);
  REQUIRE_FALSE(served.Drain().finish);
  REQUIRE(served.WriteDone(true).finish);
  // What ended the healthy router: the frame that was in hand is dealt with after Finish.
  REQUIRE_FALSE(served.Handled().start_read);
}

}  // namespace
}  // namespace prefixmesh
