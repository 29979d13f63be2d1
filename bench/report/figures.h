// figures.h — the key figures of a run: one list, from which the HTML report, the terminal and the README's table draw.
//
// What spans several routers is folded here, once: memory and decision times are of the largest router, bytes are sums.
// Threads: any, pure. Units: a figure's quantity. Ownership: static tables. Errors: none; what is missing is nothing.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bench/report/format.h"

namespace prefixmesh::bench {

struct Figure {
  std::string_view name;     // "peak RSS"
  std::string_view meaning;  // one sentence, for a tooltip
  Quantity quantity;
  std::optional<double> (*value)(const nlohmann::json& result);
  bool bar = false;       // the report draws its share of the row's largest
  bool terminal = false;  // the terminal's table has it too
};
struct FigureGroup {
  std::string_view name;
  std::span<const Figure> figures;
  std::string_view only_with = {};  // a part of the result; without it in any run the group is left out
  bool Concerns(std::span<const nlohmann::json> results) const;
};
std::span<const FigureGroup> KeyFigures();

// Single figures that headlines and the README use.
std::optional<double> PeakRssBytes(const nlohmann::json& result);
std::optional<double> BuiltBytesPerSecond(const nlohmann::json& result);
std::optional<double> DeliveredBytesPerSecond(const nlohmann::json& result);
std::optional<double> AppliedShare(const nlohmann::json& result);
// Built payload of one layer, all routers, ready to settle.
std::optional<double> LayerBytes(const nlohmann::json& result, std::string_view layer);
std::span<const std::string_view> LayerNames();

// "✓ ok", "! untrusted", … as text; the class is safe in HTML whatever the file says.
struct VerdictWords {
  std::string_view mark, text, css_class, meaning;
};
VerdictWords VerdictOf(const nlohmann::json& result);

}  // namespace prefixmesh::bench
