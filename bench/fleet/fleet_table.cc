#include "bench/fleet/fleet_table.h"

#include <cstdio>
#include <utility>
#include <vector>

#include "bench/fleet/fleet_sim.h"
#include "bench/text/quantity.h"
#include "impl/base/check.h"

namespace prefixmesh::bench {
namespace {

struct Load {
  const char* name;
  const char* scenario;
  std::vector<const char*> settings = {};
};
const std::vector<Load>& Loads() {
  static const std::vector<Load> loads = {
      {"fleet", "fleet"},
      {"fleet, 300 requests a second", "fleet", {"load.rps=300"}},
      {"fleet, four times as large",
       "fleet",
       {"workers.count=960", "routers.count=32", "load.rps=800", "chat.sessions=8000", "phases.load_s=10"}},
      {"skew", "skew"},
      {"slow-workers", "slow-workers"},
      {"churn", "churn"},
      {"herd", "herd"},
      {"chat", "chat"},
  };
  return loads;
}

struct Arm {
  const char* name;
  const char* strategy;
  const char* policy;
  bool one_router = false;
};
constexpr Arm kArms[] = {
    {"round-robin", "off", "round-robin"},
    {"cache-aware, off", "off", "cache-aware"},
    {"cache-aware, two-layer", "two-layer", "cache-aware"},
    {"bounded, off", "off", "bounded"},
    {"bounded, two-layer", "two-layer", "bounded"},
    {"bounded, one router", "off", "bounded", true},
};

std::string Micros(double us) { return QuantityText(Quantity::kMicroseconds, us); }
std::string Percent(double share) { return QuantityText(Quantity::kShare, share); }

std::string Row(const char* name, const FleetFigures& figures) {
  char rest[64];
  std::snprintf(rest, sizeof rest, "%.2f | %u", figures.load_cov, figures.queue_max);
  return "| " + std::string(name) + " | " + Micros(static_cast<double>(figures.latency_us.Percentile(99))) + " | " +
         Micros(figures.ttft_us.Mean()) + " | " + Micros(static_cast<double>(figures.ttft_us.Percentile(99))) + " | " +
         Percent(figures.cached_share()) + " | " + Percent(figures.again_share()) + " | " + rest + " |\n";
}

}  // namespace

std::string FleetTable() {
  std::string table;
  for (const Load& load : Loads()) {
    Result<load::Settings> settings = load::LoadScenario(load.scenario);
    PREFIXMESH_CHECK(settings.ok());
    for (const char* each : {"phases.warmup_s=10", "phases.load_s=20"})
      PREFIXMESH_CHECK(load::ApplyOverride(*settings, each).ok());
    for (const char* each : load.settings) PREFIXMESH_CHECK(load::ApplyOverride(*settings, each).ok());
    const Result<load::Plan> plan = load::BuildPlan(*settings, 1);
    PREFIXMESH_CHECK(plan.ok());
    std::string rows;
    double repeats = 0;
    for (const Arm& arm : kArms) {
      settings->route.policy = arm.policy;
      const Result<FleetFigures> figures =
          RunFleet(*plan, *settings, *FindStrategy(arm.strategy), {.one_router = arm.one_router});
      PREFIXMESH_CHECK(figures.ok());
      repeats = figures->repeat_share();
      rows += Row(arm.name, *figures);
    }
    table += "\n**" + std::string(load.name) + "**, where every repeat cached would be " + Percent(repeats) +
             ":\n\n| policy, strategy | latency p99 | TTFT mean | TTFT p99 | cached | prefilled again | load CoV | "
             "largest queue |\n|---|--:|--:|--:|--:|--:|--:|--:|\n" +
             rows;
  }
  return table;
}

}  // namespace prefixmesh::bench
