#include "bench/process/proc.h"
#include "bench/run/phases/phases.h"

namespace prefixmesh::bench {
namespace {

// Memory of the start-up is not part of any peak, CPU of it not part of any figure.
Status BeginFigures(RunLoop& run) {
  const std::vector<Cluster::Router>& routers = run.cluster.routers();
  for (std::size_t i = 0; i < routers.size(); ++i) {
    run.measured.routers.emplace_back().name = routers[i].name;
    if (routers[i].child != nullptr) run.RouterReady(i);
  }
  run.watchdog.Begin();
  ResetPeak(run.cluster.workers()->pid());
  run.cpu.Begin(run.cluster.workers()->pid());
  run.sampler.Begin();
  if (Status told = run.cluster.TellTargets(); !told.ok()) return told;
  if (run.request.live) run.progress.Say("targets for Prometheus: " + std::string(LiveTargets::kPath));
  std::vector<std::pair<std::string, pid_t>> capped;
  for (const Cluster::Router& router : routers)
    if (router.child != nullptr) capped.emplace_back(router.name, router.child->pid());
  return run.cap.Start(capped, run.sampler.begin());
}

}  // namespace

Status StartPhase(RunLoop& run) {
  run.progress.Say("starting " + std::to_string(run.settings.workers.count) + " workers, " +
                   std::to_string(run.settings.routers.count) + " routers (" + run.request.strategy + ", " +
                   run.measured.index_kind + " index)");
  for (const auto step : {&Cluster::StartWorkers, &Cluster::StartRouters, &Cluster::StartLoad})
    if (Status started = (run.cluster.*step)(); !started.ok()) return started;
  return BeginFigures(run);
}

}  // namespace prefixmesh::bench
