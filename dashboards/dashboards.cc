#include "dashboards/dashboards.h"

namespace prefixmesh::dashboards {
namespace {

constexpr DashboardInfo kDashboards[] = {
    {"live", "the processes of a run that is going on (run --live)", &LiveDashboard},
    {"history", "stored runs over time, by scenario and strategy", &HistoryDashboard},
    {"ab", "stored runs of two strategies, side by side", &AbDashboard},
};

}  // namespace

std::span<const DashboardInfo> Dashboards() { return kDashboards; }

std::string DashboardText(std::string_view name) {
  for (const DashboardInfo& each : kDashboards)
    if (each.name == name) return GrafanaJson(each.make());
  return {};
}

}  // namespace prefixmesh::dashboards
