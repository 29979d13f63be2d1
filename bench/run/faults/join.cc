// join.cc — at join.at of the load the last router starts. From then on: how long until it has all that the others had
// written by its start, and what do decisions cost the others before and after?
#include "bench/run/faults/fault.h"
#include "impl/figures/fault_figures.h"

namespace prefixmesh::bench {
namespace {

class Join final : public MeshFault {
 public:
  explicit Join(const FaultWorld& world) : MeshFault(world, kJoinGroup, Last(world)), joiner_(Last(world)) {
    measured_.words["router"] = RouterName(joiner_);
  }

  Status Tick(double share, bool) override {
    if (joined_ || share < world_.settings.join.at) return {};
    joined_ = true;
    std::vector<RouterReport> before;
    (void)world_.sampler.SampleNow(&before);
    SetEach("decision_cpu_p99_us.*.before", RollPhase(before, "join"), joiner_);
    SetLargest("others_decision_cpu_p99_us.before", "decision_cpu_p99_us.*.before", joiner_);
    recovery_.Open(std::move(before), AskPositions(world_.cluster));
    recovery_.Begin();
    SetMoment("at_s", world_.sampler.elapsed_s());
    return world_.cluster.StartJoiner();
  }

  void RouterServes() override { measured_.readings.Set(Row("ready_after_ms"), recovery_.MsSinceBegin()); }

  void LoadEnded(const std::vector<RouterReport>& reports) override {
    if (!joined_) return;
    std::vector<Reading> after;
    for (const RouterReport& report : reports) after.push_back(DecisionsOf(report));
    SetEach("decision_cpu_p99_us.*.after", after, std::nullopt);
    SetLargest("others_decision_cpu_p99_us.after", "decision_cpu_p99_us.*.after", joiner_);
    measured_.readings.Add({&Row("joiner_decision_cpu_p99_us"), {}, after[joiner_].value});
  }

 private:
  static std::size_t Last(const FaultWorld& world) { return world.settings.routers.count - 1; }

  const std::size_t joiner_;
  bool joined_ = false;
};

}  // namespace

std::unique_ptr<Fault> MakeJoin(const FaultWorld& world) {
  return world.settings.join.at > 0 ? std::make_unique<Join>(world) : nullptr;
}

}  // namespace prefixmesh::bench
