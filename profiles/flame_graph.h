// flame_graph.h — stacks as a flame graph: an SVG in which each call is as wide as what it and its callees cost,
// callers above callees, coloured by part of the router (subsystems.h). No script: a call's name and cost are its
// tooltip.
//
// Source: B. Gregg, The Flame Graph, ACM Queue 14(2), 2016 (upside down: an icicle graph, as a page is read).
// Threads: pure. Time: linear in the text. Ownership: values. Units: those of the costs. Errors: none; a line without a
// cost is left out. Bounds: kFramesMax of the widest calls, none narrower than a thousandth, kDepthMax levels.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "bench/text/quantity.h"

namespace prefixmesh::profiles {

inline constexpr std::size_t kFramesMax = 3000;
inline constexpr std::size_t kDepthMax = 60;

// `stacks`: lines "call;call;call COST", callers first. `title` is the picture's label for who cannot see it.
std::string FlameGraphSvg(std::string_view stacks, bench::Quantity quantity, std::string_view title);

}  // namespace prefixmesh::profiles
