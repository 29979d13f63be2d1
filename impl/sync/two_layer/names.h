// names.h — interned scopes (model, kind) and workers (name, incarnation), so that a record carries two small numbers.
//
// A router interns for itself; on each stream it defines a slot before the first record that uses it, and the receiver
// maps the sender's slots to its own. Threads: mesh loop. Bounds: kNamesMax slots of each, kNameBytesMax per name; what
// does not fit is refused (nullopt) and counted by the caller. Slots are never reused within one incarnation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/ids.h"
#include "impl/sync/two_layer/window.h"

namespace prefixmesh::two_layer {

inline constexpr std::size_t kNamesMax = 4096;
inline constexpr std::size_t kNameBytesMax = 256;

struct ScopeName {
  std::string model;
  Kind kind = Kind::kText;
  auto operator<=>(const ScopeName&) const = default;
};

struct WorkerName {
  std::string name;
  Incarnation incarnation;
  auto operator<=>(const WorkerName&) const = default;
};

template <typename Name>
class Interner {
 public:
  std::optional<std::uint16_t> Intern(const Name& name) {
    if (const auto at = slots_.find(name); at != slots_.end()) return at->second;
    if (names_.size() >= kNamesMax) return std::nullopt;
    const auto slot = static_cast<std::uint16_t>(names_.size());
    names_.push_back(name);
    slots_.emplace(name, slot);
    return slot;
  }
  const Name& operator[](std::uint16_t slot) const { return names_.at(slot); }
  std::size_t size() const { return names_.size(); }

 private:
  std::vector<Name> names_;
  std::map<Name, std::uint16_t> slots_;
};

}  // namespace prefixmesh::two_layer
