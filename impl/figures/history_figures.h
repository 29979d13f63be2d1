// history_figures.h — what is kept of every run in an index of runs (bench/store/run_line.h), and so what exports,
// dashboards and the history of nights can show.
//
// The first rows are the three figures that are judged first everywhere: peak RSS, sync bytes per round, oversize.
// Threads, ownership: constants. Errors: a path that is in no table does not compile. Bounds: a line of all of them
// fits kRunLineBytesMax, which a test holds.
#pragma once

#include <string>

#include "impl/figures/figure_names.h"
#include "impl/figures/figures.h"

namespace prefixmesh {

struct HistoryFigure {
  const FigureGroup* group;
  const Figure* figure;
  std::string_view label = {};

  // "routers.sync.oversize.entry"; how several routers are folded into one number is the row's own.
  std::string Name() const { return std::string(group->name) + "." + WithLabel(figure->path, label); }
};

inline constexpr HistoryFigure kHistoryFigures[] = {
    {&kRouterGroup, &RouterFigure("peak_rss_bytes")},
    {&kRouterGroup, &RouterFigure("sync.bytes_per_round.mean")},
    {&kRouterGroup, &RouterFigure("sync.oversize_warnings")},
    {&kRouterGroup, &RouterFigure("sync.oversize.*"), "entry"},
    {&kRouterGroup, &RouterFigure("sync.oversize.*"), "snapshot"},
    {&kRouterGroup, &RouterFigure("sync.oversize.*"), "batch"},
    {&kRouterGroup, &RouterFigure("sync.oversize.*"), "transport"},
    {&kRouterGroup, &RouterFigure("steady_rss_bytes")},
    {&kRouterGroup, &RouterFigure("cpu_s")},
    {&kRouterGroup, &RouterFigure("decision_cpu_us.*"), "p50"},
    {&kRouterGroup, &RouterFigure("decision_cpu_per_floor.*"), "p50"},
    {&kRouterGroup, &RouterFigure("sync.built_bytes_per_s")},
    {&kRouterGroup, &RouterFigure("sync.delivered_bytes_per_s")},
    {&kRouterGroup, &RouterFigure("sync.idle_bytes_per_s")},
    {&kRouterGroup, &RouterFigure("sync.bytes_per_applied_placement")},
    {&kRouterGroup, &RouterFigure("sync.cpu_s")},
    {&kRouterGroup, &RouterFigure("health.cpu_s")},
    {&kLoadGroup, &LoadFigure("achieved_rps")},
    {&kLoadGroup, &LoadFigure("sent")},
    {&kLoadGroup, &LoadFigure("failed_share")},
    {&kLoadGroup, &LoadFigure("latency_from_intended_us.*"), "p50"},
    {&kLoadGroup, &LoadFigure("latency_from_intended_us.*"), "p99"},
    {&kLoadGroup, &LoadFigure("ttft_us.*"), "p99"},
    {&kLoadGroup, &LoadFigure("ttft_mean_us")},
    {&kLoadGroup, &LoadFigure("goodput_share")},
    {&kRoutingGroup, &RoutingFigure("cached_share")},
    {&kRoutingGroup, &RoutingFigure("cached_share_ratio")},
    {&kRoutingGroup, &RoutingFigure("load_cov")},
    {&kWorkersGroup, &WorkersFigure("again_share")},
    {&kWorkersGroup, &WorkersFigure("queue_max")},
    {&kWorkersGroup, &WorkersFigure("starved")},
    {&kLadderGroup, &LadderFigure("gained_by_sync")},
    {&kPlacementsGroup, &PlacementFigure("applied_share")},
    {&kPlacementsGroup, &PlacementFigure("lost")},
    {&kVisibilityGroup, &VisibilityFigure("ms.*"), "p50"},
    {&kVisibilityGroup, &VisibilityFigure("ms.*"), "p99"},
    {&kMachineGroup, &MachineFigure("floor.hash_p50_us")},
};
inline constexpr std::size_t kHistoryFigureCount = std::size(kHistoryFigures);
// Places of the three that are judged first.
inline constexpr std::size_t kHistoryPeakRss = 0, kHistoryBytesPerRound = 1, kHistoryOversize = 2;

// The place of a figure among them; one that is not kept does not compile.
consteval std::size_t HistoryIndex(std::string_view group, std::string_view path, std::string_view label = {}) {
  for (std::size_t i = 0; i < kHistoryFigureCount; ++i)
    if (kHistoryFigures[i].group->name == group && kHistoryFigures[i].figure->path == path &&
        kHistoryFigures[i].label == label)
      return i;
  throw "this figure is not kept";
}

}  // namespace prefixmesh
