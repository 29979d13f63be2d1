// worker_fault.cc — at clear.at of the load the first worker's KV cache is emptied; at restart.at the last worker dies,
// and restart.down_s later another life of it begins. From then on: how long until it has prefilled a request again,
// until each router knows that its cache is another one, and until the index of each is that cache, block by block?
#include <algorithm>
#include <functional>
#include <utility>

#include "bench/run/agreement.h"
#include "bench/run/faults/fault.h"
#include "bench/run/worker_client.h"
#include "impl/figures/fault_figures.h"
#include "impl/wire/prefixmesh.pb.h"
#include "loadgen/plan/plan.h"

namespace prefixmesh::bench {
namespace {

constexpr std::string_view kNobodyBelieves = "no router has an index of what workers say (index.source)";

// What each router has to come to, and how long that takes the last of them.
class PerRouter {
 public:
  // `each` and `all` are set in `readings`; nothing is asked where `why_not` says why.
  PerRouter(const Cluster& cluster, Readings& readings, const Figure& each, const Figure& all, std::string_view why_not)
      : readings_(readings), each_(each), all_(all) {
    readings_.SetNotMeasured(all_, why_not.empty() ? kNotSeen : why_not);
    for (const Cluster::Router& router : cluster.routers()) {
      readings_.SetNotMeasured(each_, why_not.empty() ? kNotSeen : why_not, router.name);
      if (why_not.empty()) left_.push_back(&router);
    }
  }

  bool over() const { return left_.empty(); }
  // `is(router)`: it has come to it now, `ms` after the deed.
  template <typename Is>
  void Look(double ms, Is&& is) {
    const auto arrived = [&](const Cluster::Router* router) {
      if (router->answering() == nullptr || !is(*router->answering())) return false;
      readings_.Set(each_, router->name, ms);
      return true;
    };
    if (std::erase_if(left_, arrived) > 0 && left_.empty()) readings_.Set(all_, ms);
  }

 private:
  Readings& readings_;
  const Figure &each_, &all_;
  std::vector<const Cluster::Router*> left_;
};

class WorkerFault final : public Fault {
 public:
  // The worker has another incarnation after the deed.
  using Deed = std::function<Status(WorkerClient& worker)>;
  WorkerFault(const FaultWorld& world, const FigureGroup& group, double at, std::size_t worker, Deed deed)
      : Fault(world, group), at_(at), number_(worker), deed_(std::move(deed)) {}

  Status Tick(double share, bool load_over) override {
    if (worker_ != nullptr || load_over || share < at_) return {};
    const auto& [name, address] = world_.cluster.worker_addresses()[number_];
    measured_.words["worker"] = name;
    worker_ = WorkerClient::Make(address);
    if (!worker_->ReadStatus(before_).ok())
      return Error{ErrorCode::kTimeout,
                   "worker " + name + " did not answer before " + std::string(measured_.group->name)};
    Readings& readings = measured_.readings;
    readings.Set(Row("blocks"), before_.cached_blocks());
    readings.SetNotMeasured(Row("served_after_ms"), kNotSeen);
    known_.emplace(world_.cluster, readings, Row("known_after_ms.*"), Row("all_known_after_ms"), "");
    agreed_.emplace(world_.cluster, readings, Row("agreed_after_ms.*"), Row("all_agreed_after_ms"),
                    world_.cluster.believes_workers() ? "" : kNobodyBelieves);
    SetMoment("at_s", world_.sampler.elapsed_s());
    since_ = Recovery::Clock::now();
    watching_ = true;
    return deed_(*worker_);
  }

  bool watching() const override { return watching_; }

  void Look() override {
    v1::WorkerStatus now;
    if (!worker_->ReadStatus(now).ok() || now.incarnation() == before_.incarnation()) return;
    const double ms = std::chrono::duration<double, std::milli>(Recovery::Clock::now() - since_).count();
    if (!served_ && now.requests() > before_.requests()) {
      served_ = true;
      measured_.readings.Set(Row("served_after_ms"), ms);
    }
    known_->Look(ms, [&](RouterClient& router) {
      return router.IncarnationOf(load::ModelName(0), now.worker()) >= now.incarnation();
    });
    agreed_->Look(ms, [&](RouterClient& router) { return Agrees(router, now); });
    watching_ = !served_ || !known_->over() || !agreed_->over();
  }

  void Close() override { watching_ = false; }

 private:
  static bool Agrees(RouterClient& router, const v1::WorkerStatus& now) {
    v1::HeldBlocks held;
    if (!router.ReadHeld({}, held).ok()) return false;
    return std::any_of(held.workers().begin(), held.workers().end(),
                       [&](const v1::HeldByWorker& believed) { return IsCacheOf(believed, now); });
  }

  const double at_;
  const std::size_t number_;
  const Deed deed_;
  std::unique_ptr<WorkerClient> worker_;  // null: its time has not come
  v1::WorkerStatus before_;
  Recovery::Clock::time_point since_;
  bool watching_ = false, served_ = false;
  std::optional<PerRouter> known_, agreed_;
};

}  // namespace

std::unique_ptr<Fault> MakeClear(const FaultWorld& world) {
  if (world.settings.clear.at == 0) return nullptr;
  return std::make_unique<WorkerFault>(world, kClearGroup, world.settings.clear.at, 0,
                                       [](WorkerClient& worker) { return worker.ClearCache(); });
}

std::unique_ptr<Fault> MakeRestart(const FaultWorld& world) {
  if (world.settings.restart.at == 0) return nullptr;
  const auto down_ms = static_cast<std::uint32_t>(world.settings.restart.down_s * 1000);
  return std::make_unique<WorkerFault>(world, kRestartGroup, world.settings.restart.at,
                                       world.settings.workers.count - 1,
                                       [down_ms](WorkerClient& worker) { return worker.Restart(down_ms); });
}

}  // namespace prefixmesh::bench
