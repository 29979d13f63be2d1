// worker_fault.cc — at clear.at of the load the first worker's KV cache is emptied; at restart.at the last worker dies,
// and restart.down_s later another life of it begins. From then on: how long until it has prefilled a request again,
// and until the index of each router is its cache, block by block?
#include "bench/run/faults/fault.h"
#include "bench/run/worker_client.h"
#include "impl/figures/run_figures.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::bench {
namespace {

constexpr std::string_view kNobodyListens = "no router listens to workers: index.source is not events";

class WorkerFault : public Fault {
 public:
  WorkerFault(const FaultWorld& world, const FigureGroup& group, double at, std::size_t worker)
      : Fault(world, group), at_(at), number_(worker) {}

  Status Tick(double share, bool load_over) override {
    if (worker_ != nullptr || load_over || share < at_) return {};
    const auto& [name, address] = world_.cluster.worker_addresses()[number_];
    measured_.words["worker"] = name;
    worker_ = WorkerClient::Make(address);
    if (!worker_->ReadStatus(before_).ok())
      return Error{ErrorCode::kTimeout, "worker " + name + " did not answer before " + std::string(Name())};
    measured_.readings.Set(Row("blocks"), before_.cached_blocks());
    measured_.readings.SetNotMeasured(Row("served_after_ms"), kNotSeen);
    const bool listen = world_.settings.index.listens();
    measured_.readings.SetNotMeasured(Row("all_agreed_after_ms"), listen ? kNotSeen : kNobodyListens);
    for (Cluster::Router& router : world_.cluster.routers()) {
      measured_.readings.SetNotMeasured(Row("agreed_after_ms.*"), listen ? kNotSeen : kNobodyListens, router.name);
      if (listen) unlike_.push_back(&router);
    }
    SetMoment("at_s", world_.sampler.elapsed_s());
    since_ = Recovery::Clock::now();
    watching_ = true;
    return Do(*worker_);
  }

  bool watching() const override { return watching_; }

  void Look() override {
    v1::WorkerStatus now;
    if (!worker_->ReadStatus(now).ok() || !IsAfter(before_, now)) return;
    if (!served_ && now.requests() > before_.requests()) {
      served_ = true;
      measured_.readings.Set(Row("served_after_ms"), MsSince());
    }
    if (std::erase_if(unlike_, [&](Cluster::Router* router) { return Agrees(*router, now); }) > 0 && unlike_.empty())
      measured_.readings.Set(Row("all_agreed_after_ms"), agreed_ms_);
    watching_ = !served_ || !unlike_.empty();
  }

  void Close() override { watching_ = false; }

 protected:
  std::string_view Name() const { return measured_.group->name; }
  // Does it.
  virtual Status Do(WorkerClient& worker) = 0;
  // Whether the worker has answered after it.
  virtual bool IsAfter(const v1::WorkerStatus& before, const v1::WorkerStatus& now) const = 0;

 private:
  double MsSince() const { return std::chrono::duration<double, std::milli>(Recovery::Clock::now() - since_).count(); }

  bool Agrees(Cluster::Router& router, const v1::WorkerStatus& now) {
    v1::HeldBlocks held;
    if (router.answering() == nullptr || !router.answering()->ReadHeld({}, held).ok()) return false;
    for (const v1::HeldByWorker& believed : held.workers())
      if (believed.worker() == now.worker()) {
        if (believed.blocks() != now.cached_blocks() || believed.ids() != now.cached_ids()) return false;
        agreed_ms_ = MsSince();
        measured_.readings.Set(Row("agreed_after_ms.*"), router.name, agreed_ms_);
        return true;
      }
    return false;
  }

  const double at_;
  const std::size_t number_;
  std::unique_ptr<WorkerClient> worker_;  // null: its time has not come
  v1::WorkerStatus before_;
  Recovery::Clock::time_point since_;
  bool watching_ = false, served_ = false;
  double agreed_ms_ = 0;                  // the last router that did
  std::vector<Cluster::Router*> unlike_;  // whose index has not been its cache since
};

class Clear final : public WorkerFault {
 public:
  explicit Clear(const FaultWorld& world) : WorkerFault(world, kClearGroup, world.settings.clear.at, 0) {}

 private:
  Status Do(WorkerClient& worker) override { return worker.ClearCache(); }
  bool IsAfter(const v1::WorkerStatus&, const v1::WorkerStatus&) const override { return true; }
};

class Restart final : public WorkerFault {
 public:
  explicit Restart(const FaultWorld& world)
      : WorkerFault(world, kRestartGroup, world.settings.restart.at, world.settings.workers.count - 1),
        down_ms_(world.settings.restart.down_s * 1000) {}

 private:
  Status Do(WorkerClient& worker) override { return worker.Restart(static_cast<std::uint32_t>(down_ms_)); }
  bool IsAfter(const v1::WorkerStatus& before, const v1::WorkerStatus& now) const override {
    return now.incarnation() != before.incarnation();
  }

  const double down_ms_;
};

}  // namespace

std::unique_ptr<Fault> MakeClear(const FaultWorld& world) {
  return world.settings.clear.at > 0 ? std::make_unique<Clear>(world) : nullptr;
}

std::unique_ptr<Fault> MakeRestart(const FaultWorld& world) {
  return world.settings.restart.at > 0 ? std::make_unique<Restart>(world) : nullptr;
}

}  // namespace prefixmesh::bench
