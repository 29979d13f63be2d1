// readings.h — what was read of figures: numbers, or the reason why there is none. They travel as they are from the
// process that measured into the result, so a value that is missing there says why in the words of who did not measure.
//
// Threads: value types. Units: the figure's. Ownership: labels and reasons are copied; figures are the tables' rows.
// Errors: none; a number that is not finite counts as not measured. Bounds: one reading per figure and label.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "impl/figures/figure.h"

namespace prefixmesh {

struct NotMeasured {
  std::string reason;
};

struct Reading {
  const Figure* figure = nullptr;
  std::string label;  // of a figure that has one
  std::variant<std::uint64_t, double, NotMeasured> value;

  std::optional<double> number() const;
  const std::string* reason() const;  // nothing when there is a number
  // The figure's path with the label in it.
  std::string Path() const;
};

class Readings {
 public:
  // Each replaces what was read of the same figure and label before.
  void Set(const Figure& figure, std::uint64_t count) { Put(figure, {}, count); }
  void Set(const Figure& figure, double value) { Put(figure, {}, value); }
  void Set(const Figure& figure, std::string_view label, std::uint64_t count) { Put(figure, label, count); }
  void Set(const Figure& figure, std::string_view label, double value) { Put(figure, label, value); }
  // Nothing: not measured, for the figure's own reason.
  template <typename T>
  void Set(const Figure& figure, const std::optional<T>& value) {
    value.has_value() ? Set(figure, *value) : SetNotMeasured(figure);
  }
  template <typename T>
  void Set(const Figure& figure, std::string_view label, const std::optional<T>& value) {
    value.has_value() ? Set(figure, label, *value) : SetNotMeasured(figure, {}, label);
  }
  void SetNotMeasured(const Figure& figure, std::string_view reason = {}, std::string_view label = {});
  void Add(Reading reading);
  // All of `others`, each as Set would.
  void Add(const Readings& others);

  // For every figure and every label of a closed set that was not read: this reason, or the figure's own.
  void Complete(std::span<const Figure> figures, std::string_view reason = {});

  const Reading* Find(const Figure& figure, std::string_view label = {}) const;
  std::optional<double> Number(const Figure& figure, std::string_view label = {}) const;
  // 0 when it is not there or is no count.
  std::uint64_t Count(const Figure& figure, std::string_view label = {}) const;

  auto begin() const { return readings_.begin(); }
  auto end() const { return readings_.end(); }
  bool empty() const { return readings_.empty(); }

 private:
  void Put(const Figure& figure, std::string_view label, std::variant<std::uint64_t, double, NotMeasured> value);
  std::vector<Reading> readings_;
};

// The row of a path in a table, or nothing: for what comes from another process.
const Figure* FindFigure(std::span<const Figure> figures, std::string_view path);

}  // namespace prefixmesh
