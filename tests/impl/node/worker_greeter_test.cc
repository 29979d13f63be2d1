// Goal: every worker is asked again and again, what it answers or fails to answer is its health, and one that is below
// its register hears so at once. Method: a clock and an executor moved by hand; hellos are answered by the test.
#include "impl/node/worker_greeter.h"

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/manual_env.h"

namespace prefixmesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Workers 0 to count - 1, and the hellos that went out to them.
struct World {
  explicit World(std::size_t count) : executor(clock), fleet(0) {
    for (std::size_t i = 0; i < count; ++i) workers.push_back(*fleet.InternOwn("w" + std::to_string(i)));
    greeter = std::make_unique<WorkerGreeter>(
        options, clock, executor, fleet, workers,
        [this](WorkerIndex worker, Incarnation registered, WorkerGreeter::Answer answer) {
          hellos.push_back({worker, registered, std::move(answer)});
        },
        [this](WorkerIndex worker, const WorkerGreeting& greeting) {
          const bool first = fleet.incarnation(worker) == Incarnation{0};
          if (first) REQUIRE_FALSE(fleet.healthy(worker));  // nobody may choose it before its models are known
          fleet.RaiseIncarnation(worker, greeting.incarnation);
        });
  }
  struct Sent {
    WorkerIndex worker;
    Incarnation registered;
    WorkerGreeter::Answer answer;
  };
  // Takes the hellos to this worker off the list; there must be `count`.
  Sent TakeOne(std::uint16_t worker) {
    std::optional<Sent> found;
    for (auto at = hellos.begin(); at != hellos.end();) {
      if (at->worker != WorkerIndex{worker}) {
        ++at;
        continue;
      }
      REQUIRE_FALSE(found.has_value());
      found = *at;
      at = hellos.erase(at);
    }
    REQUIRE(found.has_value());
    return *found;
  }
  void AnswerOne(std::uint16_t worker, std::uint64_t incarnation) {
    TakeOne(worker).answer(WorkerGreeting{"", Incarnation{incarnation}, {}});
  }
  void MissOne(std::uint16_t worker) { TakeOne(worker).answer(Error{ErrorCode::kUnavailable, "deadline"}); }
  void StartAll() {
    greeter->Start();
    executor.AdvanceBy(Time{0});
    for (const WorkerIndex worker : workers) AnswerOne(worker.value, 1);
    executor.AdvanceBy(options.retry);  // the first beat that greets everyone
  }

  const GreeterOptions options{seconds(1), milliseconds(200), 3};
  test::ManualClock clock;
  test::ManualExecutor executor;
  Fleet fleet;
  std::vector<WorkerIndex> workers;
  std::vector<Sent> hellos;
  std::unique_ptr<WorkerGreeter> greeter;
};

TEST_CASE("WorkerGreeter: at the start a silent worker is greeted often, and the others as always") {
  World world(3);
  world.greeter->Start();
  world.executor.AdvanceBy(Time{0});
  REQUIRE(world.hellos.size() == 3);
  world.AnswerOne(0, 1);
  world.MissOne(1);  // refused at once: it is not there yet
  REQUIRE(world.fleet.healthy_count() == 1);
  REQUIRE(world.greeter->WaitForAll(world.clock.now).size() == 2);

  for (int again = 0; again < 20; ++again) {
    world.executor.AdvanceBy(milliseconds(200));
    const bool everyone = again % 5 == 4;                // a second is over
    REQUIRE(world.hellos.size() == (everyone ? 3 : 2));  // 1 anew; 2 has one under way
    world.MissOne(1);
    if (everyone) world.AnswerOne(0, 1);
  }
  world.executor.AdvanceBy(milliseconds(200));
  world.AnswerOne(1, 1);
  world.AnswerOne(2, 1);
  REQUIRE(world.fleet.healthy_count() == 3);
  REQUIRE(world.greeter->WaitForAll(world.clock.now + seconds(10)).empty());
}

TEST_CASE(
    "WorkerGreeter: a healthy worker is asked too; three misses in a row make it unhealthy, one answer heals it") {
  World world(2);
  world.StartAll();
  for (int round = 0; round < 3; ++round) {
    for (int miss = 1; miss <= 2; ++miss) {
      world.AnswerOne(0, 1);
      world.MissOne(1);
      REQUIRE(world.fleet.healthy(world.workers[1]));
      world.executor.AdvanceBy(seconds(1));
    }
    world.AnswerOne(0, 1);
    world.AnswerOne(1, 1);  // not three in a row
    world.executor.AdvanceBy(seconds(1));
  }
  for (int miss = 1; miss <= 3; ++miss) {
    world.AnswerOne(0, 1);
    world.MissOne(1);
    REQUIRE(world.fleet.healthy(world.workers[1]) == (miss < 3));
    world.executor.AdvanceBy(seconds(1));
  }
  REQUIRE(world.fleet.healthy(world.workers[0]));
  world.AnswerOne(0, 1);
  world.AnswerOne(1, 1);
  REQUIRE(world.fleet.healthy(world.workers[1]));
}

TEST_CASE("WorkerGreeter: one worker that never comes does not keep the others from being asked") {
  World world(2);
  world.greeter->Start();
  world.executor.AdvanceBy(Time{0});
  world.AnswerOne(0, 1);
  world.MissOne(1);
  int asked = 0;
  for (int beat = 0; beat < 50; ++beat) {
    world.executor.AdvanceBy(world.options.retry);
    world.MissOne(1);
    for (const World::Sent& hello : world.hellos) asked += hello.worker == WorkerIndex{0};
    if (!world.hellos.empty()) world.MissOne(0);
  }
  REQUIRE(asked == 10);  // once a second of the ten
  REQUIRE_FALSE(world.fleet.healthy(WorkerIndex{0}));
}

TEST_CASE("WorkerGreeter: a healthy worker that answered a request since the last beat is not asked") {
  World world(2);
  world.StartAll();
  world.AnswerOne(0, 1);
  for (int miss = 1; miss <= 2; ++miss) {
    world.MissOne(1);
    world.executor.AdvanceBy(seconds(1));
    world.AnswerOne(0, 1);
  }
  world.MissOne(1);
  REQUIRE_FALSE(world.fleet.healthy(world.workers[1]));
  world.greeter->Heard(world.workers[0]);
  world.greeter->Heard(world.workers[1]);
  world.executor.AdvanceBy(seconds(1));
  REQUIRE(world.hellos.size() == 1);
  world.AnswerOne(1, 1);  // only an answer to a hello heals
  REQUIRE(world.fleet.healthy(world.workers[1]));
  world.executor.AdvanceBy(seconds(1));
  REQUIRE(world.hellos.size() == 2);  // both are quiet again

  // An answer to a request counts among the misses as one to a hello does.
  world.AnswerOne(0, 1);
  for (int round = 0; round < 5; ++round) {
    world.MissOne(1);
    world.executor.AdvanceBy(seconds(1));
    world.AnswerOne(0, 1);
    world.MissOne(1);
    world.greeter->Heard(world.workers[1]);
    world.executor.AdvanceBy(seconds(1));
    world.AnswerOne(0, 1);
    world.executor.AdvanceBy(seconds(1));
    world.AnswerOne(0, 1);
  }
  REQUIRE(world.fleet.healthy(world.workers[1]));
}

TEST_CASE("WorkerGreeter: a worker that does not answer has one hello under way, however long it takes") {
  World world(1);
  world.StartAll();
  for (int beat = 0; beat < 10; ++beat) world.executor.AdvanceBy(seconds(1));
  REQUIRE(world.hellos.size() == 1);
  world.MissOne(0);
  world.executor.AdvanceBy(seconds(1));
  REQUIRE(world.hellos.size() == 1);
}

TEST_CASE("WorkerGreeter: a worker below its register is told at once, and once") {
  World world(2);
  world.StartAll();
  world.AnswerOne(0, 1);
  world.AnswerOne(1, 1);
  const WorkerIndex behind = world.workers[1];

  world.fleet.RaiseIncarnation(behind, Incarnation{7});  // a peer said so
  world.greeter->Tell(behind);
  REQUIRE(world.hellos.size() == 1);
  REQUIRE(world.hellos[0].registered == Incarnation{7});
  world.greeter->Tell(behind);  // it is on its way
  world.AnswerOne(1, 8);
  REQUIRE(world.hellos.empty());
  REQUIRE(world.fleet.incarnation(behind) == Incarnation{8});

  // One that was told and stays below is told by the beat only.
  world.fleet.RaiseIncarnation(behind, Incarnation{20});
  world.greeter->Tell(behind);
  world.AnswerOne(1, 8);
  world.greeter->Tell(behind);
  REQUIRE(world.hellos.empty());
  world.executor.AdvanceBy(seconds(1));
  REQUIRE(world.TakeOne(1).registered == Incarnation{20});

  // A worker of other routers is none of this one's business.
  world.greeter->Tell(*world.fleet.Intern("elsewhere"));
  REQUIRE(world.hellos.size() == 1);  // the beat's to worker 0
}

TEST_CASE("WorkerGreeter: a register that rises while a hello is under way is told when that one is answered") {
  World world(1);
  world.StartAll();
  world.fleet.RaiseIncarnation(world.workers[0], Incarnation{5});
  world.greeter->Tell(world.workers[0]);
  REQUIRE(world.hellos.size() == 1);  // the beat's, which told the old value
  world.AnswerOne(0, 1);
  REQUIRE(world.hellos.size() == 1);
  REQUIRE(world.hellos[0].registered == Incarnation{5});
  world.AnswerOne(0, 6);
  REQUIRE(world.hellos.empty());
}

TEST_CASE("WorkerGreeter: peers make it ask a worker once a second at most, and what came within it is not lost") {
  World world(2);
  world.StartAll();
  world.AnswerOne(0, 1);
  world.AnswerOne(1, 1);
  std::size_t hellos = 0;
  for (int i = 0; i < 500; ++i) {  // five seconds of a peer that never stops
    world.greeter->Check(world.workers[0]);
    world.executor.AdvanceBy(milliseconds(10));
    world.greeter->Heard(world.workers[0]);  // so that no beat greets it
    world.greeter->Heard(world.workers[1]);
    if (world.hellos.empty()) continue;
    ++hellos;
    REQUIRE(world.hellos[0].registered == Incarnation{1});  // what was heard is not told
    world.AnswerOne(0, 1);
  }
  REQUIRE(hellos >= 5);
  REQUIRE(hellos <= 6);
  world.executor.AdvanceBy(milliseconds(900));
  while (!world.hellos.empty()) world.hellos.pop_back();
  world.greeter->Check(*world.fleet.Intern("elsewhere"));
  REQUIRE(world.hellos.empty());
}

TEST_CASE("WorkerGreeter: after Stop no hello begins") {
  World world(1);
  world.StartAll();
  world.AnswerOne(0, 1);
  world.greeter->Stop();
  world.executor.AdvanceBy(seconds(5));
  world.fleet.RaiseIncarnation(world.workers[0], Incarnation{5});
  world.greeter->Tell(world.workers[0]);
  REQUIRE(world.hellos.empty());
}

}  // namespace
}  // namespace prefixmesh
