// dashboards.h — start here for dashboards: the three that Grafana shows, made of the tables of figures.
//
//   live      the processes of a run that is going on, in the order of a request's walk (docs/walk.md)
//   history   stored runs over time, by scenario and strategy
//   ab        stored runs of two strategies, side by side
//
// A query's metric, unit and description are the row's (impl/figures/), so a figure that is renamed does not compile
// here, or changes dashboards/NAME.json, which tests/checks/dashboards.py compares.
//
// Threads: pure. Ownership: values. Units: a figure's base unit, as Prometheus has it. Errors: none. Bounds: code.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "dashboards/model.h"

namespace prefixmesh::dashboards {

struct DashboardInfo {
  std::string_view name, summary;  // of `list dashboards`; the file is dashboards/NAME.json
  Dashboard (*make)();
};
std::span<const DashboardInfo> Dashboards();

Dashboard LiveDashboard();
Dashboard HistoryDashboard();
Dashboard AbDashboard();

// The file's text; empty for a name that is none.
std::string DashboardText(std::string_view name);

}  // namespace prefixmesh::dashboards
