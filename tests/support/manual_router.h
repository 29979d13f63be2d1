// manual_router.h — a router core on a clock, a loop and transports that a test moves by hand. Single-threaded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "impl/base/prng.h"
#include "impl/router/router_core.h"
#include "tests/support/manual_env.h"

namespace prefixmesh::test {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : prng_(seed) {}
  std::uint64_t Next() override { return prng_.Next(); }

 private:
  Prng prng_;
};

// Workers that reply at once, by WorkerIndex; those without an incarnation do not.
class ManualWorkers final : public WorkerTransport {
 public:
  struct Worker {
    std::optional<Incarnation> incarnation = Incarnation{1};
    std::vector<std::string> models = {"m"};
    std::vector<Incarnation> registered;  // what each check sent
  };
  explicit ManualWorkers(std::size_t count) : workers(count) {}
  void CheckHealth(WorkerIndex worker, Incarnation registered, Answer answer) override {
    Worker& asked = workers[worker.value];
    asked.registered.push_back(registered);
    if (!asked.incarnation.has_value()) return answer(Error{ErrorCode::kUnavailable, "down"});
    answer(HealthReply{*asked.incarnation, asked.models});
  }
  std::vector<Worker> workers;
};

struct ManualRouter {
  // "w0", "w1" and so on serve model "m"; the one peer is "router-b". All are healthy when it is made. two-layer,
  // unless the options say another strategy.
  explicit ManualRouter(std::size_t worker_count, RouterCoreOptions options = {}) : workers(worker_count) {
    options.name = "router-a";
    if (options.strategy.name.empty()) options.strategy = *FindStrategy("two-layer");
    options.incarnation = Incarnation{1};
    for (std::size_t i = 0; i < worker_count; ++i) options.workers.push_back("w" + std::to_string(i));
    options.peers = {"router-b"};
    options.health.idle_periods = 1;  // all are asked every period
    core.emplace(std::move(options), RouterEnv{clock, loop, random, identity, workers});
    core->Start(&transport, FrameForm::kPlain);
    loop.AdvanceBy(Time{0});
  }
  Result<RouteDecision> Decide(const std::string& text, const std::string& model = "m", bool again = false) {
    const Slices prompt(AsBytes(text));
    return core->Decide({model, Kind::kText, &prompt}, again);
  }

  ManualClock clock;
  ManualExecutor loop{clock};
  SeededRandom random{7}, identity{8};
  RecordingTransport transport;
  ManualWorkers workers;
  std::optional<RouterCore> core;
};

}  // namespace prefixmesh::test
