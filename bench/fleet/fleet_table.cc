#include "bench/fleet/fleet_table.h"

#include <cstdio>
#include <utility>
#include <vector>

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
std::string P99(const load::Histogram& histogram) { return Micros(static_cast<double>(histogram.Percentile(99))); }
std::string Percent(double share) { return QuantityText(Quantity::kShare, share); }
std::string TwoDigits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

std::string Row(const std::string& name, const FleetFigures& figures) {
  std::string row = "| " + name + " |";
  for (const FleetColumn& column : kFleetColumns) row += " " + column.text(figures) + " |";
  return row + "\n";
}
std::string Head() {
  std::string head = "| policy, strategy |", line = "|---|";
  for (const FleetColumn& column : kFleetColumns) {
    head += " " + std::string(column.title) + " |";
    line += "--:|";
  }
  return head + "\n" + line + "\n";
}

}  // namespace

const FleetColumn kFleetColumns[kFleetColumnCount] = {
    {"latency p99", "p99", 9, [](const FleetFigures& figures) { return P99(figures.latency_us); }},
    {"TTFT mean", "ttft mean", 9, [](const FleetFigures& figures) { return Micros(figures.ttft_us.Mean()); }},
    {"TTFT p99", "ttft p99", 9, [](const FleetFigures& figures) { return P99(figures.ttft_us); }},
    {"goodput", "goodput", 9, [](const FleetFigures& figures) { return Percent(figures.goodput_share()); }},
    {"cached", "cached", 9, [](const FleetFigures& figures) { return Percent(figures.cached_share()); }},
    {"prefilled again", "again", 9, [](const FleetFigures& figures) { return Percent(figures.again_share()); }},
    {"load CoV", "CoV", 5, [](const FleetFigures& figures) { return TwoDigits(figures.load_cov); }},
    {"largest queue", "queue", 6, [](const FleetFigures& figures) { return std::to_string(figures.queue_max); }},
};

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
    table += "\n**" + std::string(load.name) + "**, where every repeat cached would be " + Percent(repeats) + ":\n\n" +
             Head() + rows;
  }
  return table;
}

}  // namespace prefixmesh::bench
