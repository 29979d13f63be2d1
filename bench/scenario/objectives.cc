#include "bench/scenario/objectives.h"

#include <algorithm>

namespace prefixmesh::bench {

void AddSyncObjectives(std::string_view strategy, load::Settings& settings) {
  const bool generated = settings.prompt.generator == "templates" || settings.prompt.generator == "unique";
  const bool places = !generated || settings.prompt_bytes() >= settings.index_block_bytes();
  const auto about = [](const load::Slo& slo, const char* what) {
    return slo.expression.find(what) != std::string::npos;
  };
  // Those two may have been added where the scenario was read.
  const bool own = std::any_of(settings.slo.begin(), settings.slo.end(), [&](const load::Slo& slo) {
    return !about(slo, "load.failed_share") && !about(slo, "sync.oversize");
  });
  if (strategy == "off" || settings.routers.count < 2 || !places || own) return;
  const bool oversize_said = std::any_of(settings.slo.begin(), settings.slo.end(),
                                         [&](const load::Slo& slo) { return about(slo, "sync.oversize_warnings"); });
  settings.slo.push_back({"placements are applied", "placements.applied_share >= 0.99"});
  settings.slo.push_back({"none is lost", "placements.lost == 0"});
  if (!oversize_said) settings.slo.push_back({"nothing is oversize", "sum(routers.sync.oversize_warnings) == 0"});
}

}  // namespace prefixmesh::bench
