// fault.h — start here for faults: what a scenario does to routers and workers during the load, each kind in a file
// beside this one.
//
// A fault acts when its share of the load phase has come, notes what that costs meanwhile, and asks how long it takes
// to get over it: the mesh (recovery.h), or the routers that listen to a worker (worker_fault.cc). Its figures are one
// group of impl/figures/fault_figures.h and stand in the result as one object of that name.
//
// Threads: one, the run's loop. Time: the monotonic clock, and seconds of the sampler for moments. Errors: a process
// that does not start ends the run; what was not reached is a reading that says so. Ownership: borrows cluster, sampler
// and settings. Bounds: one poll under way.
#pragma once

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/result/write/measured.h"
#include "bench/run/cluster.h"
#include "bench/run/faults/recovery.h"
#include "bench/run/sampler.h"

namespace prefixmesh::bench {

struct FaultWorld {
  Cluster& cluster;
  Sampler& sampler;
  const load::Settings& settings;
};

class Fault {
 public:
  Fault(const FaultWorld& world, const FigureGroup& group);
  virtual ~Fault() = default;

  // So much of the load phase is over; it is over altogether. Does what is due.
  virtual Status Tick(double share, bool load_over) = 0;
  // The router that joins says that it serves.
  virtual void RouterServes() {}
  // The load phase has just ended; `reports` are the routers' of this moment.
  virtual void LoadEnded(const std::vector<RouterReport>&) {}

  // Whether a question is open; then Look asks it once more. Close: settle is over.
  virtual bool watching() const = 0;
  virtual void Look() = 0;
  virtual void Close() {}

  MeasuredFault& measured() { return measured_; }

 protected:
  const Figure& Row(std::string_view path) const;
  // A moment on the sampler's clock, to the millisecond.
  void SetMoment(std::string_view path, double at_s) {
    measured_.readings.Set(Row(path), std::round(at_s * 1000) / 1000);
  }
  // Per router the 99th percentile of its decisions since the last phase began; then a phase of this name begins.
  std::vector<Reading> RollPhase(const std::vector<RouterReport>& reports, const std::string& phase);
  static Reading DecisionsOf(const RouterReport& report);
  // One reading per router under `each`, and the largest of those that `of` picks under `largest`.
  void SetEach(std::string_view each, const std::vector<Reading>& values, std::optional<std::size_t> without);
  void SetLargest(std::string_view largest, std::string_view each, std::optional<std::size_t> without);

  FaultWorld world_;
  MeasuredFault measured_;
};

// A fault that the mesh gets over.
class MeshFault : public Fault {
 public:
  // `who` is the router that has to catch up; nothing: all.
  MeshFault(const FaultWorld& world, const FigureGroup& group, std::optional<std::size_t> who)
      : Fault(world, group), recovery_(world.cluster, world.sampler, group.figures, measured_.readings, who) {}

  bool watching() const override { return recovery_.open(); }
  void Look() override {
    const Positions now = AskPositions(world_.cluster);
    recovery_.Look(now, Recovery::Clock::now());
  }
  void Close() override { recovery_.Close(); }

 protected:
  Recovery recovery_;
};

// Nothing where the scenario does not do it.
using MakeFault = std::unique_ptr<Fault> (*)(const FaultWorld& world);
std::unique_ptr<Fault> MakeCut(const FaultWorld& world);
std::unique_ptr<Fault> MakeJoin(const FaultWorld& world);
std::unique_ptr<Fault> MakeStop(const FaultWorld& world);
std::unique_ptr<Fault> MakeClear(const FaultWorld& world);
std::unique_ptr<Fault> MakeRestart(const FaultWorld& world);

// All that a scenario does, driven by the run's loop.
class Faults {
 public:
  Faults(Cluster& cluster, Sampler& sampler, const load::Settings& settings);

  void LoadBegan();
  // Does what is due and looks how far the mesh is. Often; soon returns.
  Status Tick();
  void RouterServes();
  void LoadEnded(const std::vector<RouterReport>& reports);
  // All counters stand still, or settle is over.
  void Settled();
  // A question is open: Tick more often.
  bool watching() const;
  std::vector<MeasuredFault> Take();

 private:
  FaultWorld world_;
  std::vector<std::unique_ptr<Fault>> faults_;
  std::optional<Recovery::Clock::time_point> load_began_;
  bool load_over_ = false;
  Recovery::Clock::time_point looked_at_;
};

}  // namespace prefixmesh::bench
