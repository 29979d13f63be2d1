// Goal: every worker is asked again and again, what it answers or fails to answer is its health, and one that is below
// its register hears so at once. Method: a clock and an executor moved by hand; checks are answered by the test.
#include "impl/router/worker_health.h"

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/manual_env.h"

namespace prefixmesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Workers 0 to count - 1, and the checks that went out to them.
struct World final : WorkerTransport {
  explicit World(std::size_t count, std::uint32_t idle_periods = 1)
      : options{seconds(1), milliseconds(200), 3, idle_periods}, executor(clock), fleet(3) {
    for (std::size_t i = 0; i < count; ++i) workers.push_back(*fleet.InternOwn("w" + std::to_string(i)));
    checker = std::make_unique<WorkerHealthChecker>(
        options, clock, executor, fleet, workers, *this, [this](WorkerIndex worker, const HealthReply& reply) {
          const bool first = fleet.incarnation(worker) == Incarnation{0};
          if (first) REQUIRE_FALSE(fleet.healthy(worker));  // nobody may choose it before its models are known
          if (reply.incarnation > kWorkerIncarnationMax) return false;
          fleet.RaiseIncarnation(worker, reply.incarnation);
          return true;
        });
  }
  void CheckHealth(WorkerIndex worker, Incarnation registered, Answer answer) override {
    checks.push_back({worker, registered, std::move(answer)});
  }
  struct Sent {
    WorkerIndex worker;
    Incarnation registered;
    WorkerTransport::Answer answer;
  };
  // Takes the checks to this worker off the list; there must be `count`.
  Sent TakeOne(std::uint16_t worker) {
    std::optional<Sent> found;
    for (auto at = checks.begin(); at != checks.end();) {
      if (at->worker != WorkerIndex{worker}) {
        ++at;
        continue;
      }
      REQUIRE_FALSE(found.has_value());
      found = *at;
      at = checks.erase(at);
    }
    REQUIRE(found.has_value());
    return *found;
  }
  void AnswerOne(std::uint16_t worker, std::uint64_t incarnation) {
    TakeOne(worker).answer(HealthReply{Incarnation{incarnation}, {}});
  }
  void MissOne(std::uint16_t worker) { TakeOne(worker).answer(Error{ErrorCode::kUnavailable, "deadline"}); }
  void StartAll() {
    checker->Start();
    executor.AdvanceBy(Time{0});
    for (const WorkerIndex worker : workers) AnswerOne(worker.value, 1);
    executor.AdvanceBy(options.retry);  // the first beat that greets everyone
  }

  const HealthOptions options;
  test::ManualClock clock;
  test::ManualExecutor executor;
  Fleet fleet;
  std::vector<WorkerIndex> workers;
  std::vector<Sent> checks;
  std::unique_ptr<WorkerHealthChecker> checker;
};

TEST_CASE("WorkerHealthChecker: at the start a silent worker is checked often, and the others as always") {
  World world(3);
  world.checker->Start();
  world.executor.AdvanceBy(Time{0});
  REQUIRE(world.checks.size() == 3);
  world.AnswerOne(0, 1);
  world.MissOne(1);  // refused at once: it is not there yet
  REQUIRE(world.fleet.healthy_count() == 1);
  REQUIRE(world.checker->Silent().size() == 2);

  for (int again = 0; again < 20; ++again) {
    world.executor.AdvanceBy(milliseconds(200));
    const bool everyone = again % 5 == 4;                // a second is over
    REQUIRE(world.checks.size() == (everyone ? 3 : 2));  // 1 anew; 2 has one under way
    world.MissOne(1);
    if (everyone) world.AnswerOne(0, 1);
  }
  world.executor.AdvanceBy(milliseconds(200));
  world.AnswerOne(1, 1);
  world.AnswerOne(2, 1);
  REQUIRE(world.fleet.healthy_count() == 3);
  REQUIRE(world.checker->Silent().empty());
}

TEST_CASE(
    "WorkerHealthChecker: a healthy worker is asked too; three misses in a row make it unhealthy, one answer heals "
    "it") {
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

TEST_CASE("WorkerHealthChecker: one worker that never comes does not keep the others from being asked") {
  World world(2);
  world.checker->Start();
  world.executor.AdvanceBy(Time{0});
  world.AnswerOne(0, 1);
  world.MissOne(1);
  int asked = 0;
  for (int beat = 0; beat < 50; ++beat) {
    world.executor.AdvanceBy(world.options.retry);
    world.MissOne(1);
    for (const World::Sent& check : world.checks) asked += check.worker == WorkerIndex{0};
    if (!world.checks.empty()) world.MissOne(0);
  }
  REQUIRE(asked == 10);  // once a second of the ten
  REQUIRE_FALSE(world.fleet.healthy(WorkerIndex{0}));
}

TEST_CASE("WorkerHealthChecker: a healthy worker that answered a request since the last beat is not asked") {
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
  world.checker->NoteReply(world.workers[0]);
  world.checker->NoteReply(world.workers[1]);
  world.executor.AdvanceBy(seconds(1));
  REQUIRE(world.checks.size() == 1);
  world.AnswerOne(1, 1);  // only an answer to a check heals
  REQUIRE(world.fleet.healthy(world.workers[1]));
  world.executor.AdvanceBy(seconds(1));
  REQUIRE(world.checks.size() == 2);  // both are quiet again

  // An answer to a request counts among the misses as one to a check does.
  world.AnswerOne(0, 1);
  for (int round = 0; round < 5; ++round) {
    world.MissOne(1);
    world.executor.AdvanceBy(seconds(1));
    world.AnswerOne(0, 1);
    world.MissOne(1);
    world.checker->NoteReply(world.workers[1]);
    world.executor.AdvanceBy(seconds(1));
    world.AnswerOne(0, 1);
    world.executor.AdvanceBy(seconds(1));
    world.AnswerOne(0, 1);
  }
  REQUIRE(world.fleet.healthy(world.workers[1]));
}

// Ticks in which the worker was asked; it answers, or not.
std::vector<int> AskedIn(
    World& world, int ticks, bool answers, const std::function<void()>& meanwhile = [] {}) {
  std::vector<int> asked;
  for (int tick = 0; tick < ticks; ++tick) {
    if (!world.checks.empty()) {
      asked.push_back(tick);
      answers ? world.AnswerOne(0, 1) : world.MissOne(0);
    }
    meanwhile();
    world.executor.AdvanceBy(seconds(1));
  }
  return asked;
}

// As many as that, each so many after the one before.
void RequireEvery(const std::vector<int>& asked, int periods, std::size_t times) {
  REQUIRE(asked.size() == times);
  for (std::size_t i = 1; i < times; ++i) REQUIRE(asked[i] == asked[i - 1] + periods);
}

TEST_CASE("WorkerHealthChecker: an idle worker is asked every few periods, by all that tell their loads together") {
  World world(1, 4);
  world.StartAll();
  RequireEvery(AskedIn(world, 16, true), 4, 4);
  for (std::uint16_t peer = 0; peer < 3; ++peer) world.fleet.SetPeerLoad(PeerIndex{peer}, world.workers[0], 0);
  RequireEvery(AskedIn(world, 64, true), 16, 4);
  world.fleet.ForgetPeerLoads(PeerIndex{0});
  world.fleet.ForgetPeerLoads(PeerIndex{2});
  RequireEvery(AskedIn(world, 32, true), 8, 4);
}

TEST_CASE("WorkerHealthChecker: peers that come and go when its turn is do not keep an idle worker from being asked") {
  World world(1, 4);
  world.StartAll();
  const std::vector<int> usual = AskedIn(world, 8, true);
  int tick = 0;
  const auto come_and_go = [&] {  // away from every turn of four but each fourth
    const bool its_turn = tick++ % 4 == (usual.back() + 3) % 4;
    for (std::uint16_t peer = 0; peer < 3; ++peer) {
      if (its_turn) world.fleet.SetPeerLoad(PeerIndex{peer}, world.workers[0], 0);
      if (!its_turn) world.fleet.ForgetPeerLoads(PeerIndex{peer});
    }
  };
  REQUIRE(AskedIn(world, 64, true, come_and_go).size() >= 6);
}

TEST_CASE("WorkerHealthChecker: a worker that a request waits for is asked every period, and so is one that missed") {
  World world(1, 4);
  world.StartAll();
  AskedIn(world, 4, true);
  world.fleet.BeginRequest(world.workers[0]);
  REQUIRE(AskedIn(world, 5, true).size() >= 4);
  world.fleet.EndRequest(world.workers[0]);
  AskedIn(world, 1, true);
  RequireEvery(AskedIn(world, 16, true), 4, 4);
  std::vector<int> asked = AskedIn(world, 8, false);  // from its turn on
  REQUIRE(asked.size() >= 5);
  RequireEvery(asked, 1, asked.size());
  REQUIRE_FALSE(world.fleet.healthy(world.workers[0]));
  AskedIn(world, 1, true);
  REQUIRE(world.fleet.healthy(world.workers[0]));
}

TEST_CASE("WorkerHealthChecker: one that serves a peer is left out, but not for ever") {
  World world(1, 4);
  world.StartAll();
  AskedIn(world, 4, true);
  world.fleet.BeginRequest(world.workers[0]);
  AskedIn(world, 1, true);
  const auto serves = [&] {
    world.fleet.SetPeerLoad(PeerIndex{1}, world.workers[0], 2);
    world.fleet.SetPeerLoad(PeerIndex{1}, world.workers[0], 1);
  };
  serves();
  RequireEvery(AskedIn(world, 15, true, serves), 3, 5);
  // A request more there, or one that the peer lost with the worker, says nothing.
  const auto loses = [&] {
    world.fleet.SetPeerLoad(PeerIndex{1}, world.workers[0], 0, true);
    world.fleet.SetPeerLoad(PeerIndex{1}, world.workers[0], 5);
  };
  REQUIRE(AskedIn(world, 8, true, loses).size() >= 7);
}

TEST_CASE("WorkerHealthChecker: what a peer does not reach is asked at once, and one miss is enough") {
  World world(2, 1000);
  world.StartAll();
  const auto answer_all = [&] {
    while (!world.checks.empty()) world.AnswerOne(world.checks[0].worker.value, 1);
  };
  answer_all();
  world.checker->Suspect(world.workers[0]);
  REQUIRE(world.checks.empty());  // it has just replied
  world.executor.AdvanceBy(seconds(4));
  answer_all();
  std::size_t checks = 0;
  for (int i = 0; i < 3000; ++i) {  // half a minute of a peer that never stops: one in three periods
    world.checker->Suspect(world.workers[0]);
    world.executor.AdvanceBy(milliseconds(10));
    checks += world.checks.size();
    answer_all();
  }
  REQUIRE((checks >= 8 && checks <= 12));
  REQUIRE(world.fleet.healthy(world.workers[0]));
  world.executor.AdvanceBy(seconds(4));
  answer_all();

  world.checker->Suspect(world.workers[0]);
  world.executor.AdvanceBy(seconds(1));  // it is left out no more
  world.MissOne(0);
  REQUIRE_FALSE(world.fleet.healthy(world.workers[0]));
  REQUIRE(world.fleet.healthy(world.workers[1]));
  world.checker->Suspect(*world.fleet.Intern("elsewhere"));
  REQUIRE(world.checks.empty());
}

TEST_CASE("WorkerHealthChecker: a worker that does not answer has one check under way, however long it takes") {
  World world(1);
  world.StartAll();
  for (int beat = 0; beat < 10; ++beat) world.executor.AdvanceBy(seconds(1));
  REQUIRE(world.checks.size() == 1);
  world.MissOne(0);
  world.executor.AdvanceBy(seconds(1));
  REQUIRE(world.checks.size() == 1);
}

TEST_CASE("WorkerHealthChecker: a worker below its register is told at once, and once") {
  World world(2);
  world.StartAll();
  world.AnswerOne(0, 1);
  world.AnswerOne(1, 1);
  const WorkerIndex behind = world.workers[1];

  world.fleet.RaiseIncarnation(behind, Incarnation{7});  // a peer said so
  world.checker->NotifyRegister(behind);
  REQUIRE(world.checks.size() == 1);
  REQUIRE(world.checks[0].registered == Incarnation{7});
  world.checker->NotifyRegister(behind);  // it is on its way
  world.AnswerOne(1, 8);
  REQUIRE(world.checks.empty());
  REQUIRE(world.fleet.incarnation(behind) == Incarnation{8});

  // One that was told and stays below is told by the beat only.
  world.fleet.RaiseIncarnation(behind, Incarnation{20});
  world.checker->NotifyRegister(behind);
  world.AnswerOne(1, 8);
  world.checker->NotifyRegister(behind);
  REQUIRE(world.checks.empty());
  world.executor.AdvanceBy(seconds(1));
  REQUIRE(world.TakeOne(1).registered == Incarnation{20});

  // A worker of other routers is none of this one's business.
  world.checker->NotifyRegister(*world.fleet.Intern("elsewhere"));
  REQUIRE(world.checks.size() == 1);  // the beat's to worker 0
}

TEST_CASE("WorkerHealthChecker: a register that rises while a check is under way is told when that one is answered") {
  World world(1);
  world.StartAll();
  world.fleet.RaiseIncarnation(world.workers[0], Incarnation{5});
  world.checker->NotifyRegister(world.workers[0]);
  REQUIRE(world.checks.size() == 1);  // the beat's, which told the old value
  world.AnswerOne(0, 1);
  REQUIRE(world.checks.size() == 1);
  REQUIRE(world.checks[0].registered == Incarnation{5});
  world.AnswerOne(0, 6);
  REQUIRE(world.checks.empty());
}

TEST_CASE(
    "WorkerHealthChecker: peers make it ask a worker once a second at most, and what came within it is not lost") {
  World world(2);
  world.StartAll();
  world.AnswerOne(0, 1);
  world.AnswerOne(1, 1);
  std::size_t checks = 0;
  for (int i = 0; i < 500; ++i) {  // five seconds of a peer that never stops
    world.checker->Recheck(world.workers[0]);
    world.executor.AdvanceBy(milliseconds(10));
    world.checker->NoteReply(world.workers[0]);  // so that no beat greets it
    world.checker->NoteReply(world.workers[1]);
    if (world.checks.empty()) continue;
    ++checks;
    REQUIRE(world.checks[0].registered == Incarnation{1});  // what was heard is not told
    world.AnswerOne(0, 1);
  }
  REQUIRE(checks >= 5);
  REQUIRE(checks <= 6);
  world.executor.AdvanceBy(milliseconds(900));
  while (!world.checks.empty()) world.checks.pop_back();
  world.checker->Recheck(*world.fleet.Intern("elsewhere"));
  REQUIRE(world.checks.empty());
}

TEST_CASE("WorkerHealthChecker: after Stop no check begins") {
  World world(1);
  world.StartAll();
  world.AnswerOne(0, 1);
  world.checker->Stop();
  world.executor.AdvanceBy(seconds(5));
  world.fleet.RaiseIncarnation(world.workers[0], Incarnation{5});
  world.checker->NotifyRegister(world.workers[0]);
  REQUIRE(world.checks.empty());
}

}  // namespace
}  // namespace prefixmesh
