#include "bench/scenario/objectives.h"

#include <algorithm>

namespace prefixmesh::bench {

void AddSyncObjectives(std::string_view strategy, load::Settings& settings) {
  const bool generated = settings.prompt.generator == "templates" || settings.prompt.generator == "unique";
  const bool places = !generated || settings.prompt_bytes() >= settings.index_block_bytes();
  const bool own = std::any_of(settings.slo.begin(), settings.slo.end(), [](const load::Slo& slo) {
    return slo.expression.find("load.failed_share") == std::string::npos;
  });
  if (strategy == "off" || settings.routers.count < 2 || !places || own) return;
  settings.slo.push_back({"placements are applied", "placements.applied_share >= 0.99"});
  settings.slo.push_back({"none is lost", "placements.lost == 0"});
  settings.slo.push_back({"nothing is oversize", "sum(routers.sync.oversize_warnings) == 0"});
}

}  // namespace prefixmesh::bench
