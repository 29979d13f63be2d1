// compared_figures.h — what `prefixmesh ab` compares in a scenario that has no [[metric]] of its own: what a strategy
// costs and brings, or what users feel of routing (compare.figures).
//
// Twelve are all that nine pairs can decide (docs/ab.md). Each with the smallest difference that counts, in percent.
// Threads, ownership: constants. Units: percent. Errors: a path that is in no table does not compile.
#pragma once

#include "impl/figures/figures.h"

namespace prefixmesh {

struct ComparedFigure {
  const FigureGroup* group;
  const Figure* figure;
  std::string_view label;
  double threshold_percent;
};

inline constexpr ComparedFigure kSyncCompared[] = {
    {&kRouterGroup, &RouterFigure("peak_rss_bytes"), {}, 3},
    {&kRouterGroup, &RouterFigure("cpu_s"), {}, 5},
    {&kRouterGroup, &RouterFigure("sync.built_bytes_per_s"), {}, 3},
    {&kRouterGroup, &RouterFigure("sync.delivered_bytes_per_s"), {}, 3},
    {&kRouterGroup, &RouterFigure("sync.bytes_per_applied_placement"), {}, 3},
    {&kRoutingGroup, &RoutingFigure("cached_share"), {}, 1},
    {&kRoutingGroup, &RoutingFigure("load_cov"), {}, 10},
    {&kRouterGroup, &RouterFigure("decision_cpu_us.*"), "p50", 5},
    {&kLoadGroup, &LoadFigure("latency_from_intended_us.*"), "p50", 5},
    {&kVisibilityGroup, &VisibilityFigure("ms.*"), "p99", 10},
    {&kRouterGroup, &RouterFigure("sync.cpu_s"), {}, 10},
    {&kLoadGroup, &LoadFigure("latency_from_intended_us.*"), "p99", 10},
};
inline constexpr ComparedFigure kRoutingCompared[] = {
    {&kLoadGroup, &LoadFigure("latency_from_intended_us.*"), "p99", 5},
    {&kLoadGroup, &LoadFigure("ttft_us.*"), "p99", 5},
    {&kLoadGroup, &LoadFigure("ttft_mean_us"), {}, 5},
    {&kLoadGroup, &LoadFigure("goodput_share"), {}, 1},
    {&kRoutingGroup, &RoutingFigure("cached_share"), {}, 1},
    {&kRoutingGroup, &RoutingFigure("load_cov"), {}, 10},
    {&kWorkersGroup, &WorkersFigure("again_share"), {}, 10},
    {&kWorkersGroup, &WorkersFigure("queue_max"), {}, 10},
    {&kRouterGroup, &RouterFigure("cpu_s"), {}, 5},
    {&kRouterGroup, &RouterFigure("sync.cpu_s"), {}, 10},
    {&kRouterGroup, &RouterFigure("health.cpu_s"), {}, 10},
    {&kRouterGroup, &RouterFigure("peak_rss_bytes"), {}, 3},
};
constexpr bool CanBeCompared(const ComparedFigure& each) {
  return each.figure->better != Better::kNeither && !each.figure->title.empty();
}
static_assert(std::all_of(std::begin(kSyncCompared), std::end(kSyncCompared), CanBeCompared));
static_assert(std::all_of(std::begin(kRoutingCompared), std::end(kRoutingCompared), CanBeCompared));

}  // namespace prefixmesh
