#include "bench/run/phases/phases.h"
#include "impl/figures/router_figures.h"

namespace prefixmesh::bench {

Status IdlePhase(RunLoop& run) {
  run.BeginPhase("idle");
  Measured& measured = run.measured;
  const double idle_s = run.settings.phases.idle_s;
  measured.idle_begin_s = run.sampler.elapsed_s();
  const Sample begin = run.sampler.SampleNow();
  while (run.sampler.elapsed_s() - measured.idle_begin_s < idle_s)
    if (Status turned = run.Turn(std::chrono::milliseconds(100)); !turned.ok()) return turned;
  measured.idle_end_s = run.sampler.elapsed_s();
  const Sample end = run.sampler.SampleNow();
  if (Status heard = run.AllAnswered(end); !heard.ok()) return heard;
  measured.idle_end = end;
  for (std::size_t i = 0; i < end.routers.size(); ++i) {
    const auto &first = begin.routers[i].counters, &last = end.routers[i].counters;
    if (idle_s > 0 && first.has_value() && last.has_value())
      measured.routers[i].readings.Set(
          RouterFigure("sync.idle_bytes_per_s"),
          static_cast<double>(last->built_bytes - first->built_bytes) / (last->at_s - first->at_s));
  }
  return {};
}

}  // namespace prefixmesh::bench
