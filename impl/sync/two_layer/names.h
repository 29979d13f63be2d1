// names.h — interned scopes (model, kind) and workers (name, incarnation), so that a record carries two small numbers.
//
// A slot lives as long as something refers to it; then it is free for another name. `defined_at` grows with every new
// definition, so that a stream knows which slots its peer has not heard of yet.
//
// Threads: mesh loop. Ownership: values. Bounds: kNamesMax slots of each, kNameBytesMax per name; a name that does not
// fit is refused (nullopt) and counted by the caller.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "impl/base/check.h"
#include "impl/base/ids.h"
#include "impl/base/prng.h"

namespace prefixmesh::two_layer {

inline constexpr std::size_t kNamesMax = 4096;
inline constexpr std::size_t kNameBytesMax = 256;

// A slot of a Names table. Travels only beside its definition.
using Slot = std::uint16_t;

// A fixed 64-bit hash of text (FNV-1a, mixed): names enter accumulators by it, so it is part of the protocol.
inline std::uint64_t HashText(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3u;
  return Mix64(hash);
}

struct ScopeName {
  std::string model;
  Kind kind = Kind::kText;
  auto operator<=>(const ScopeName&) const = default;
  std::uint64_t Hash() const { return Mix64(HashText(model) + static_cast<std::uint64_t>(kind)); }
};

struct WorkerName {
  std::string name;
  Incarnation incarnation;
  auto operator<=>(const WorkerName&) const = default;
  std::uint64_t Hash() const { return Mix64(HashText(name) + incarnation.value); }
};

template <typename Name>
class Names {
 public:
  // The name's slot, with one more reference. The caller gives it back with Release.
  std::optional<Slot> Acquire(const Name& name) {
    if (const auto at = slots_.find(name); at != slots_.end()) {
      ++entries_[at->second].references;
      return at->second;
    }
    Slot slot;
    if (!free_.empty()) {
      slot = free_.back();
      free_.pop_back();
    } else if (entries_.size() < kNamesMax) {
      slot = static_cast<Slot>(entries_.size());
      entries_.emplace_back();
    } else {
      return std::nullopt;
    }
    entries_[slot] = {name, name.Hash(), ++version_, 1};
    slots_.emplace(name, slot);
    return slot;
  }
  void Acquire(Slot slot) { ++entries_[slot].references; }
  void Release(Slot slot) {
    PREFIXMESH_CHECK(entries_[slot].references > 0);
    if (--entries_[slot].references > 0) return;
    slots_.erase(entries_[slot].name);
    free_.push_back(slot);
  }

  const Name& operator[](Slot slot) const { return entries_[slot].name; }
  std::uint64_t hash(Slot slot) const { return entries_[slot].hash; }
  // Slots ever used; those in use are below it.
  std::size_t size() const { return entries_.size(); }
  std::size_t live() const { return slots_.size(); }

  // Grows with every definition; a slot in use that was defined after `version` is news to who knows up to there.
  std::uint64_t version() const { return version_; }
  bool News(Slot slot, std::uint64_t version) const {
    return entries_[slot].references > 0 && entries_[slot].defined_at > version;
  }

 private:
  struct Entry {
    Name name;
    std::uint64_t hash = 0;
    std::uint64_t defined_at = 0;
    std::uint32_t references = 0;
  };
  std::vector<Entry> entries_;
  std::vector<Slot> free_;
  std::map<Name, Slot> slots_;
  std::uint64_t version_ = 0;
};

}  // namespace prefixmesh::two_layer
