#include "bench/fleet/fleet_sim.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "impl/base/check.h"
#include "impl/env/sim/sim_env.h"
#include "impl/router/router_core.h"
#include "impl/tree/block_hash.h"
#include "loadgen/worker/service_settings.h"

namespace prefixmesh::bench {
namespace {

constexpr Time kHop = std::chrono::microseconds(200);

struct Worker {
  explicit Worker(const load::ServiceOptions& service) : model(service), slots(service.concurrency) {}
  load::ServiceModel model;
  std::size_t slots;
  Time armed = Time::max();
  std::uint64_t requests = 0;  // counted ones
};

// One router: its core, its clock and its way to the workers.
class Router final : public WorkerTransport {
 public:
  Router(RouterCoreOptions options, std::uint64_t seed, SimWorld& world, std::vector<Worker>& workers,
         const std::vector<std::string>& models)
      : world_(world),
        workers_(workers),
        models_(models),
        clock_(world, Time{0}, 1),
        executor_(world, clock_),
        random_(Prng::ForPurpose(seed, "route " + options.name).Next()),
        identity_(Prng::ForPurpose(seed, "identity " + options.name).Next()),
        core_(std::move(options), RouterEnv{clock_, executor_, random_, identity_, *this}) {}

  void CheckHealth(WorkerIndex worker, Incarnation, Answer answer) override {
    ++health_checks_;
    world_.At(world_.now() + kHop, [this, worker, answer = std::move(answer)] {
      const Worker& asked = workers_[worker.value];
      const HealthReply reply{Incarnation{1}, models_, asked.slots, asked.model.running() + asked.model.waiting()};
      world_.At(world_.now() + kHop, [reply, answer] { answer(reply); });
    });
  }
  RouterCore& core() { return core_; }
  std::uint64_t health_checks() const { return health_checks_; }

 private:
  SimWorld& world_;
  std::vector<Worker>& workers_;
  const std::vector<std::string>& models_;
  SimClock clock_;
  SimExecutor executor_;
  SimRandom random_, identity_;
  RouterCore core_;
  std::uint64_t health_checks_ = 0;
};

// A request under way.
struct Asked {
  const load::PlannedRequest* request = nullptr;
  Router* router = nullptr;
  WorkerIndex worker;
  bool counted = false, prefilled = false;
  bool soon = false;  // its first token, as goodput asks
};

class Model {
 public:
  Model(const load::Plan& plan, const load::Settings& settings, const FleetOptions& options)
      : plan_(plan), settings_(settings), options_(options), asked_(plan.requests().size()) {
    BlockHashOptions blocks;
    blocks.text_block_bytes = static_cast<std::uint32_t>(settings.worker_block_bytes());
    blocks.tokens_block_tokens = static_cast<std::uint32_t>(settings.worker_block_bytes() / kBytesPerToken);
    for (const std::string& model : plan.models()) hashers_.emplace_back(blocks, model, plan.kind());
    for (load::ServiceOptions service : load::ServicesOf(settings.workers)) {
      service.held = &held_;
      workers_.emplace_back(service);
    }
  }

  Status Start(const StrategyDescription& strategy) {
    const std::size_t count = options_.one_router ? 1 : settings_.routers.count;
    SimNetworkOptions network;
    network.checksummed = false;
    network_ = std::make_unique<SimNetwork>(world_, count, network, options_.seed);
    for (std::size_t i = 0; i < count; ++i) {
      RouterCoreOptions core;
      if (Status applied = Apply(settings_, strategy, core); !applied.ok()) return applied;
      if (core.trees.source != IndexSource::kRouted)
        return Invalid("index.source: workers of virtual time tell no KV events; `prefixmesh run` has some that do");
      core.name = NameOf(i);
      core.incarnation = Incarnation{1000 + i};
      core.prompt_bytes_max = UINT64_MAX;
      for (std::size_t worker = 0; worker < workers_.size(); ++worker)
        core.workers.push_back("w" + std::to_string(worker));
      for (std::size_t peer = 0; peer < count; ++peer)
        if (peer != i) core.peers.push_back(NameOf(peer));
      routers_.push_back(std::make_unique<Router>(std::move(core), options_.seed, world_, workers_, plan_.models()));
    }
    for (std::size_t i = 0; i < count; ++i) {
      RouterCore& core = routers_[i]->core();
      if (core.has_sync()) {
        const StrategyTraits& traits = core.strategy()->traits();
        network_->SetLimits(traits.queue_frames, traits.queue_bytes, traits.frame_bytes);
      }
      core.Start(core.has_sync() ? &network_->Attach(i, *core.mesh()) : nullptr, FrameForm::kPlain);
    }
    world_.RunUntil(kReady);  // the routers know their workers, and each other
    return {};
  }

  FleetFigures Run() {
    for (std::size_t i = 0; i < plan_.requests().size(); ++i) {
      world_.RunUntil(kReady + Time(plan_.requests()[i].intended_ns));
      Serve(i);
    }
    constexpr Time kStep = std::chrono::seconds(1), kMost = std::chrono::hours(1);
    for (const Time end = world_.now() + kMost; under_way_ > 0 && world_.now() < end;)
      world_.RunUntil(world_.now() + kStep);
    for (const Asked& asked : asked_) figures_.failed += asked.counted && !asked.prefilled;
    Finish();
    for (std::size_t i = 0; i < routers_.size(); ++i)
      if (routers_[i]->core().has_sync()) network_->Detach(i);
    return figures_;
  }

 private:
  static constexpr Time kReady = std::chrono::seconds(3);
  static std::string NameOf(std::size_t router) { return "router-" + std::to_string(router); }

  void Serve(std::size_t index) {
    const load::PlannedRequest& request = plan_.requests()[index];
    plan_.Prompt(request, prompt_);
    Router& router = *routers_[options_.one_router ? 0 : request.router];
    const bool counted = request.phase == load::Phase::kLoad;
    std::vector<NodeId> chain;
    hashers_[request.model].Hash(prompt_, chain);
    CountRepeat(chain, counted);
    const Result<RouteDecision> decision =
        router.core().Decide({plan_.models()[request.model], plan_.kind(), &prompt_}, false);
    if (!decision.ok()) {
      figures_.failed += counted;
      return;
    }
    if (counted) ++figures_.decisions[static_cast<std::size_t>(decision->reason)];
    asked_[index] = {&request, &router, decision->worker, counted, false};
    ++under_way_;
    world_.At(world_.now() + 2 * kHop, [this, index, chain = std::move(chain)]() mutable {
      const std::size_t number = asked_[index].worker.value;
      Worker& worker = workers_[number];
      Advance(number);
      worker.requests += asked_[index].counted;
      worker.model.Arrive(world_.now(), index, std::move(chain));
      const auto queue = static_cast<std::uint32_t>(worker.model.running() + worker.model.waiting());
      if (asked_[index].counted) figures_.queue_max = std::max(figures_.queue_max, queue);
      Arm(number);
    });
  }

  // The part of the prompt that came before, in whole blocks.
  void CountRepeat(const std::vector<NodeId>& chain, bool counted) {
    std::size_t depth = 0;
    while (depth < chain.size() && seen_.count(chain[depth].value) > 0) ++depth;
    for (std::size_t i = depth; i < chain.size(); ++i) seen_.insert(chain[i].value);
    if (counted) figures_.repeat_bytes += depth * settings_.worker_block_bytes();
  }

  void Arm(std::size_t number) {
    Worker& worker = workers_[number];
    const auto next = worker.model.NextEvent();
    if (!next || *next >= worker.armed) return;
    worker.armed = *next;
    world_.At(*next, [this, number] {
      workers_[number].armed = Time::max();
      Advance(number);
      Arm(number);
    });
  }

  void Advance(std::size_t number) {
    std::vector<load::ServiceEvent> events;
    workers_[number].model.Advance(world_.now(), events);
    for (const load::ServiceEvent& event : events) {
      Asked& asked = asked_[event.ticket];
      const Time at = event.at + 2 * kHop;  // worker, router, client
      const auto us = static_cast<std::uint64_t>((at - kReady - Time(asked.request->intended_ns)).count() / 1000);
      if (event.type == load::ServiceEvent::Type::kPrefillEnded) {
        asked.prefilled = true;
        const std::uint64_t block_bytes = settings_.worker_block_bytes();
        if (asked.counted) {
          ++figures_.requests;
          figures_.prompt_bytes += asked.request->prompt_bytes;
          figures_.cached_bytes += event.cached_blocks * block_bytes;
          figures_.again_bytes += (event.held_blocks - event.cached_blocks) * block_bytes;
          figures_.ttft_us.Record(us);
          asked.soon = static_cast<double>(us) <= settings_.goodput.ttft_ms * 1e3;
        }
        world_.At(event.at + kHop, [&asked] { asked.router->core().OnReply(asked.worker, Incarnation{1}); });
      } else {
        if (asked.counted) figures_.latency_us.Record(us);
        figures_.good += asked.soon && static_cast<double>(us) <= settings_.goodput.latency_ms * 1e3;
        world_.At(event.at + kHop, [this, &asked] {
          asked.router->core().Finish(asked.worker, Forwarded::kServed);
          --under_way_;
        });
      }
    }
  }

  void Finish() {
    double sum = 0, squares = 0;
    for (const Worker& worker : workers_) {
      const auto requests = static_cast<double>(worker.requests);
      sum += requests;
      squares += requests * requests;
      figures_.idle_workers += worker.requests == 0;
    }
    const double count = static_cast<double>(workers_.size()), mean = sum / count;
    if (mean > 0) figures_.load_cov = std::sqrt(std::max(0.0, squares / count - mean * mean)) / mean;
    for (const auto& router : routers_) {
      figures_.health_checks += router->health_checks();
      if (!router->core().has_sync()) continue;
      const MeshStats stats = router->core().mesh()->Stats();
      figures_.sync_bytes += stats.built_bytes;
      figures_.sync_messages += stats.messages;
    }
  }

  const load::Plan& plan_;
  const load::Settings& settings_;
  const FleetOptions options_;
  SimWorld world_;
  std::unique_ptr<SimNetwork> network_;
  load::HeldBlocks held_;
  std::vector<Worker> workers_;
  std::vector<std::unique_ptr<Router>> routers_;
  std::vector<BlockHasher> hashers_;  // by model
  std::vector<Asked> asked_;          // by request
  std::uint64_t under_way_ = 0;
  std::unordered_set<std::uint64_t> seen_;  // blocks, ever
  Slices prompt_;
  FleetFigures figures_;
};

double Share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double FleetFigures::goodput_share() const { return Share(good, requests + failed); }
double FleetFigures::cached_share() const { return Share(cached_bytes, prompt_bytes); }
double FleetFigures::again_share() const { return Share(again_bytes, prompt_bytes); }
double FleetFigures::repeat_share() const { return Share(repeat_bytes, prompt_bytes); }

Result<FleetFigures> RunFleet(const load::Plan& plan, const load::Settings& settings,
                              const StrategyDescription& strategy, const FleetOptions& options) {
  const bool faults = settings.partition.direction != "none" || settings.join.at > 0 ||
                      settings.stop.from != settings.stop.to || settings.clear.at > 0 || settings.restart.at > 0;
  if (faults)
    return Error{ErrorCode::kInvalid,
                 "scenario '" + settings.scenario +
                     "': partition, join, stop, clear and restart are faults, which a fleet on virtual time has not"};
  Model model(plan, settings, options);
  if (Status started = model.Start(strategy); !started.ok()) return started.error();
  return model.Run();
}

}  // namespace prefixmesh::bench
