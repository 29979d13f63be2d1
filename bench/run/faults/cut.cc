// cut.cc — at partition.from of the load router-a's links are cut in silence, at partition.to healed. From then on: how
// long until every router has all that any of them had written by the heal?
#include "bench/run/faults/fault.h"
#include "impl/figures/fault_figures.h"

namespace prefixmesh::bench {
namespace {

class Cut final : public MeshFault {
 public:
  explicit Cut(const FaultWorld& world) : MeshFault(world, kPartitionGroup, std::nullopt) {
    measured_.words["direction"] = world.settings.partition.direction;
    auto& links = measured_.words["links"] = nlohmann::ordered_json::array();
    for (std::size_t i = 1; i < world.settings.routers.count; ++i) links.push_back(RouterName(0) + "/" + RouterName(i));
  }

  Status Tick(double share, bool load_over) override {
    const bool over = load_over || share >= world_.settings.partition.to;
    if (!began_ && !over && share >= world_.settings.partition.from) {
      began_ = true;
      world_.cluster.SetCut(true);
      SetMoment("began_s", world_.sampler.elapsed_s());
    }
    if (began_ && !healed_ && over) Heal();
    return {};
  }

 private:
  void Heal() {
    healed_ = true;
    std::vector<RouterReport> before;
    (void)world_.sampler.SampleNow(&before);
    recovery_.Open(std::move(before), AskPositions(world_.cluster));
    recovery_.Begin();
    world_.cluster.SetCut(false);
    SetMoment("healed_s", world_.sampler.elapsed_s());
  }

  bool began_ = false, healed_ = false;
};

}  // namespace

std::unique_ptr<Fault> MakeCut(const FaultWorld& world) {
  return world.settings.partition.direction != "none" ? std::make_unique<Cut>(world) : nullptr;
}

}  // namespace prefixmesh::bench
