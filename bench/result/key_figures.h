// key_figures.h — the key figures of a run: the rows of impl/figures that have a title, in the order in which the HTML
// report and the terminal show them.
//
// What spans several routers is folded as its row says: memory and decision times are of the largest router, bytes are
// sums. Threads: any, pure. Units: a figure's quantity. Ownership: built once. Errors: none; what is missing is
// nothing.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/text/quantity.h"
#include "impl/figures/figure.h"
#include "impl/figures/figure_names.h"

namespace prefixmesh::bench {

// One figure of a result, or nothing.
std::optional<double> FigureValue(const nlohmann::json& result, const FigureGroup& group, const Figure& figure,
                                  std::string_view label = {});
// What sync brought. Nothing where there was none: there the difference is the model's error.
std::optional<double> GainedBySync(const nlohmann::json& result);
Quantity QuantityOf(Unit unit);

struct KeyFigure {
  const FigureGroup* group;
  const Figure* figure;
  std::string_view label;
  std::string name;  // "peak RSS"

  std::optional<double> Value(const nlohmann::json& result) const;
  std::string path() const { return FieldOf(*group, *figure, label); }  // as objectives name it
  Quantity quantity() const { return QuantityOf(figure->unit); }
};
struct KeyFigures {
  std::string_view title;
  std::vector<KeyFigure> figures;
  std::string_view only_with = {};  // a part of the result; without it in any run these are left out
  bool Concerns(std::span<const nlohmann::json> results) const;
};
const std::vector<KeyFigures>& AllKeyFigures();

}  // namespace prefixmesh::bench
