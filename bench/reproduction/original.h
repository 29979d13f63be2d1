// original.h — what the system reproduced here said of its last redesign, in the columns of docs/reproduction.md:
// before and after. The table and the reference lines of dashboards are made of it.
//
// Source: specification of the generations, §6 (its pull request 1011). Threads, ownership: constants. Units: a
// figure's own; 0 where it gave no figure of this project.
#pragma once

#include <string_view>

#include "impl/figures/router_figures.h"

namespace prefixmesh::bench {

struct OriginalFigure {
  const Figure* figure;  // null: only of the table
  std::string_view before_text, after_text;
  double before = 0, after = 0;
};

inline constexpr double kOriginalMib = 1024 * 1024;
inline constexpr OriginalFigure kOriginal[] = {
    {&RouterFigure("peak_rss_bytes"), "5,400 MiB", "352 MiB", 5400 * kOriginalMib, 352 * kOriginalMib},
    {nullptr, "+22 GB", "+80 MiB"},  // over a router without sync
    {&RouterFigure("after_idle_rss_bytes"), "22,000+ MiB", "352 MiB", 22000 * kOriginalMib, 352 * kOriginalMib},
    {&RouterFigure("sync.oversize_warnings"), "543", "0", 543, 0},
    {&RouterFigure("sync.bytes_per_round.mean"), "31 MB", "~400 B", 31e6, 400},
};

}  // namespace prefixmesh::bench
