// table_text.h — cells and paragraphs of the terminal tables of this folder.
// Threads: any, pure. Errors: none. Bounds: kColumnsMax columns of printable ASCII (and µ).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bench/ab/metrics.h"

namespace prefixmesh::bench::ab {

inline constexpr std::size_t kColumnsMax = 80;
inline constexpr std::size_t kNameColumns = 25;
inline constexpr std::size_t kValueColumns = 11;

// Padded to `width` columns; at least one blank where it does not fit.
std::string Left(const std::string& text, std::size_t width);
std::string Right(const std::string& text, std::size_t width);
// Lines of at most kColumnsMax, indented by two.
std::string Wrapped(const std::string& text);
// A verdict as in ab.json, with blanks: "not enough pairs".
std::string Words(std::string_view verdict);
// "-" for what was not measured.
std::string ValueText(const ReadableMetric& metric, const std::optional<double>& value);

}  // namespace prefixmesh::bench::ab
