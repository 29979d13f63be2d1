// panels.h — panels made of rows of the tables: which query shows a figure, in which unit, and what it says below.
// Threads: pure. Ownership: values; figures are static. Units: Prometheus' base units. Errors: none. Bounds: code.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "dashboards/model.h"
#include "impl/figures/history_figures.h"

namespace prefixmesh::dashboards {

// "largest resident memory" → "Largest resident memory."
std::string Sentence(std::string_view meaning);

// ---- live: what processes say on /metrics ---------------------------------------------------------------------------

// Whose figures: what chooses them, and what tells several of them apart ("" sums all up).
struct Process {
  std::string_view selector, by;
};
inline constexpr Process kRouters{R"({scenario=~"$scenario",strategy=~"$strategy",router=~"$router"})", "router"};
inline constexpr Process kWorkers{R"({scenario=~"$scenario",strategy=~"$strategy"})", ""};
inline constexpr Process kLoad = kWorkers;

struct Shown {
  const Figure* figure;
  std::string_view name = {};  // in the legend, when a panel has several
};
// One unit for all: what only grows as a rate, what has a label by its values.
Panel LivePanel(const Process& process, std::string title, std::initializer_list<Shown> shown);

// ---- stored runs: what `export --format openmetrics` writes
// -----------------------------------------------------------

// What panels call it: its title, of a labelled figure with the label (`one`) or for all of them; else its name.
std::string HistoryTitle(const HistoryFigure& figure, bool one);
std::string HistoryUnit(const HistoryFigure& figure);
// The median over seeds and machines of each one's last run within `window`.
std::string HistoryExpr(const HistoryFigure& figure, std::string_view selector, std::string_view window,
                        std::string_view by);

}  // namespace prefixmesh::dashboards
