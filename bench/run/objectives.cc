#include "bench/run/objectives.h"

#include <algorithm>
#include <string>

#include "impl/figures/figure_names.h"
#include "impl/figures/load_figures.h"
#include "impl/figures/router_figures.h"

namespace prefixmesh::bench {

void AddSyncObjectives(std::string_view strategy, load::Settings& settings) {
  struct Objective {
    const char* name;
    std::string field;
    const char* bound;
    bool about_oversize = false;
    bool of_idle = false;
    bool of_applied = false;
  };
  const Objective objectives[] = {
      {.name = "placements are applied",
       .field = FieldOf(kPlacementsGroup, PlacementFigure("applied_share")),
       .bound = " >= 0.99",
       .of_applied = true},
      {.name = "none is lost", .field = FieldOf(kPlacementsGroup, PlacementFigure("lost")), .bound = " == 0"},
      {.name = "nothing is oversize",
       .field = FieldOf(kRouterGroup, RouterFigure("sync.oversize_warnings")),
       .bound = " == 0",
       .about_oversize = true},
      {.name = "nothing is oversize in silence",
       .field = FieldOf(kRouterGroup, RouterFigure("sync.oversize_by_phase.*"), "idle"),
       .bound = " == 0",
       .about_oversize = true,
       .of_idle = true},
  };
  const bool generated = settings.prompt.generator == "templates" || settings.prompt.generator == "unique";
  const bool places = !generated || settings.prompt_bytes() >= settings.index_block_bytes();
  if (strategy == "off" || settings.routers.count < 2 || !places) return;
  const auto about = [](const load::Slo& slo, std::string_view what) {
    return slo.expression.find(what) != std::string::npos;
  };
  const bool own = std::any_of(settings.slo.begin(), settings.slo.end(), [&](const load::Slo& slo) {
    return !about(slo, "load.failed_share") && !about(slo, "sync.oversize");
  });
  for (const Objective& objective : objectives) {
    if (objective.of_idle && settings.phases.idle_s == 0) continue;
    if (settings.index.listens() && !objective.about_oversize) continue;  // placements are not asked for
    // What a worker was sent before it lost its cache is superseded, not applied.
    if ((settings.restart.at > 0 || settings.clear.at > 0) && objective.of_applied) continue;
    if (own && !(objective.about_oversize && strategy == "two-layer")) continue;
    const std::string path = objective.field.substr(objective.field.find('(') + 1);
    const bool said = std::any_of(settings.slo.begin(), settings.slo.end(), [&](const load::Slo& slo) {
      return about(slo, std::string_view(path).substr(0, path.find(')')));
    });
    if (!said) settings.slo.push_back({objective.name, objective.field + objective.bound});
  }
}

}  // namespace prefixmesh::bench
