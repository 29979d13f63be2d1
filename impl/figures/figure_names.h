// figure_names.h — what a figure is called, made of its row: its title in reports and in `ab`, and its value over a
// result as objectives and metrics write it (bench/result/field_value.h).
// Threads: pure. Ownership: values. Errors: none.
#pragma once

#include <string>

#include "impl/figures/figure.h"

namespace prefixmesh {

// `label` stands for the `*` of the row.
inline std::string WithLabel(std::string_view text, std::string_view label) {
  std::string out(text);
  if (const std::size_t star = out.find('*'); star != std::string::npos) out.replace(star, 1, label);
  return out;
}

inline std::string TitleOf(const Figure& figure, std::string_view label = {}) { return WithLabel(figure.title, label); }

// "load.failed_share", "max(routers.peak_rss_bytes)".
inline std::string FieldOf(const FigureGroup& group, const Figure& figure, std::string_view label = {}) {
  const std::string field = std::string(group.name) + "." + WithLabel(figure.path, label);
  if (!group.each) return field;
  return (figure.fold == Fold::kSum ? "sum(" : "max(") + field + ")";
}

}  // namespace prefixmesh
