#include "impl/figures/readings.h"

namespace prefixmesh {

std::optional<double> Reading::number() const {
  if (const auto* count = std::get_if<std::uint64_t>(&value)) return static_cast<double>(*count);
  if (const auto* measured = std::get_if<double>(&value)) return *measured;
  return std::nullopt;
}

const std::string* Reading::reason() const {
  const auto* not_measured = std::get_if<NotMeasured>(&value);
  return not_measured != nullptr ? &not_measured->reason : nullptr;
}

std::string Reading::Path() const {
  std::string path(figure->path);
  if (const std::size_t star = path.find('*'); star != std::string::npos) path.replace(star, 1, label);
  return path;
}

void Readings::Put(const Figure& figure, std::string_view label,
                   std::variant<std::uint64_t, double, NotMeasured> value) {
  if (const auto* measured = std::get_if<double>(&value); measured != nullptr && !std::isfinite(*measured))
    value = NotMeasured{std::string(figure.null_when)};
  for (Reading& reading : readings_) {
    if (reading.figure != &figure || reading.label != label) continue;
    reading.value = std::move(value);
    return;
  }
  readings_.push_back({&figure, std::string(label), std::move(value)});
}

void Readings::SetNotMeasured(const Figure& figure, std::string_view reason, std::string_view label) {
  Put(figure, label, NotMeasured{std::string(reason.empty() ? figure.null_when : reason)});
}

void Readings::Add(Reading reading) { Put(*reading.figure, reading.label, std::move(reading.value)); }

void Readings::Add(const Readings& others) {
  for (const Reading& reading : others) Add(reading);
}

void Readings::Complete(std::span<const Figure> figures, std::string_view reason) {
  for (const Figure& figure : figures) {
    if (!figure.labelled()) {
      if (Find(figure) == nullptr) SetNotMeasured(figure, reason);
      continue;
    }
    for (const LabelValue& value : figure.label.values)
      if (Find(figure, value.name) == nullptr) SetNotMeasured(figure, reason, value.name);
  }
}

const Reading* Readings::Find(const Figure& figure, std::string_view label) const {
  for (const Reading& reading : readings_)
    if (reading.figure == &figure && reading.label == label) return &reading;
  return nullptr;
}

std::optional<double> Readings::Number(const Figure& figure, std::string_view label) const {
  const Reading* reading = Find(figure, label);
  return reading != nullptr ? reading->number() : std::nullopt;
}

std::uint64_t Readings::Count(const Figure& figure, std::string_view label) const {
  const Reading* reading = Find(figure, label);
  const auto* count = reading != nullptr ? std::get_if<std::uint64_t>(&reading->value) : nullptr;
  return count != nullptr ? *count : 0;
}

const Figure* FindFigure(std::span<const Figure> figures, std::string_view path) {
  for (const Figure& figure : figures)
    if (figure.path == path) return &figure;
  return nullptr;
}

}  // namespace prefixmesh
