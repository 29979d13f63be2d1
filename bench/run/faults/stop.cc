// stop.cc — from stop.from to stop.to of the load the last router is stopped (SIGSTOP). What do its peers pay for it
// meanwhile? From then on: how long until it has all that they had written by then?
#include <algorithm>

#include "bench/run/faults/fault.h"
#include "impl/figures/fault_figures.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::bench {
namespace {

class Stop final : public MeshFault {
 public:
  explicit Stop(const FaultWorld& world) : MeshFault(world, kStopGroup, Last(world)), stopped_(Last(world)) {
    measured_.words["router"] = RouterName(stopped_);
  }

  Status Tick(double share, bool load_over) override {
    const bool over = load_over || share >= world_.settings.stop.to;
    if (!began_s_ && !over && share >= world_.settings.stop.from) Begin();
    if (began_s_ && !went_on_ && over) Resume();
    return {};
  }

 private:
  static std::size_t Last(const FaultWorld& world) { return world.settings.routers.count - 1; }

  void Begin() {
    std::vector<RouterReport> before;
    rss_before_ = world_.sampler.SampleNow(&before);
    SetEach("decision_cpu_p99_us.*.before", RollPhase(before, "stop"), stopped_);
    SetLargest("peers_decision_cpu_p99_us.before", "decision_cpu_p99_us.*.before", stopped_);
    Positions positions = AskPositions(world_.cluster);
    if (positions.answered[stopped_]) position_ = std::move(positions.of[stopped_]);
    report_ = std::move(before[stopped_]);
    world_.cluster.SetStopped(true);
    began_s_ = world_.sampler.elapsed_s();
    SetMoment("began_s", *began_s_);
  }

  void Resume() {
    went_on_ = true;
    std::vector<RouterReport> before;
    (void)world_.sampler.SampleNow(&before);
    SetEach("decision_cpu_p99_us.*.during", RollPhase(before, "going on"), stopped_);
    SetLargest("peers_decision_cpu_p99_us.during", "decision_cpu_p99_us.*.during", stopped_);
    // It cannot be asked while it is stopped, and what it has cannot change.
    before[stopped_] = report_;
    Positions positions = AskPositions(world_.cluster);
    positions.of[stopped_] = position_;
    recovery_.Open(std::move(before), positions);
    recovery_.Begin();
    const double ended_s = world_.sampler.elapsed_s();
    SetMoment("ended_s", ended_s);
    world_.cluster.SetStopped(false);
    SetMemory(ended_s);
  }

  // What the peers' memory rose to, of every second of it.
  void SetMemory(double ended_s) {
    std::optional<double> most;
    for (std::size_t i = 0; i < rss_before_.routers.size(); ++i) {
      if (i == stopped_) continue;
      const std::string& name = world_.cluster.routers()[i].name;
      const std::optional<std::uint64_t> before = rss_before_.routers[i].rss_bytes;
      std::optional<std::uint64_t> max = before;
      for (const Sample& sample : world_.sampler.samples())
        if (sample.t_s >= *began_s_ && sample.t_s <= ended_s) max = std::max(max, sample.routers[i].rss_bytes);
      measured_.readings.Set(Row("rss_bytes.*.before"), name, before);
      measured_.readings.Set(Row("rss_bytes.*.max"), name, max);
      if (before && max) most = std::max(most.value_or(0), static_cast<double>(*max) - static_cast<double>(*before));
    }
    measured_.readings.Set(Row("peer_growth_bytes"), most);
  }

  const std::size_t stopped_;
  std::optional<double> began_s_;
  bool went_on_ = false;
  Sample rss_before_;
  v1::SyncPositions position_;  // where it stood
  RouterReport report_;
};

}  // namespace

std::unique_ptr<Fault> MakeStop(const FaultWorld& world) {
  return world.settings.stop.from < world.settings.stop.to ? std::make_unique<Stop>(world) : nullptr;
}

}  // namespace prefixmesh::bench
