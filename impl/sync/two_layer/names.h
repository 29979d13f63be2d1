// names.h — interned scopes (model, kind) and workers (name, incarnation), so that a record carries two small numbers.
//
// A slot lives as long as something refers to it; then it is free for another name. `defined_at` grows with every new
// definition, so that a stream knows which slots its peer has not heard of yet.
//
// A name is charged to who introduced it, until it is free or this router uses it itself. All peers together leave
// kNamesOwn slots to this router, and one peer gets no more than its share of the rest, so none can fill the table for
// the others. What a peer only relays may take half of that share: another's log cannot crowd out its own.
//
// Threads: mesh loop. Ownership: values. Bounds: kNamesMax slots of each, kNameBytesMax per name; a name that does not
// fit is refused (nullopt) and counted by the caller.
#pragma once

#include <algorithm>
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
// Slots that peers leave to this router, and what each of them may introduce however many there are.
inline constexpr std::size_t kNamesOwn = 1024;
inline constexpr std::size_t kNamesShareMin = 256;

// Who introduced something: a peer's index + 1, or this router itself.
using Introducer = std::uint16_t;
inline constexpr Introducer kSelf = 0;

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
  explicit Names(std::size_t peers = 1)
      : share_(std::max((kNamesMax - kNamesOwn) / std::max<std::size_t>(peers, 1), kNamesShareMin)),
        charged_(peers + 1, 0) {}

  // The name's slot, with one more reference. The caller gives it back with Release.
  std::optional<Slot> Acquire(const Name& name, Introducer by, bool relayed = false) {
    if (const auto at = slots_.find(name); at != slots_.end()) {
      Entry& entry = entries_[at->second];
      ++entry.references;
      if (by == kSelf) Charge(entry, kSelf);
      return at->second;
    }
    if (by != kSelf &&
        (charged_[by] >= (relayed ? share_ / 2 : share_) || slots_.size() - charged_[kSelf] >= kNamesMax - kNamesOwn))
      return std::nullopt;
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
    entries_[slot] = {name, name.Hash(), ++version_, 1, by};
    ++charged_[by];
    slots_.emplace(name, slot);
    return slot;
  }
  void Acquire(Slot slot) { ++entries_[slot].references; }
  void Release(Slot slot) {
    PREFIXMESH_CHECK(entries_[slot].references > 0);
    if (--entries_[slot].references > 0) return;
    --charged_[entries_[slot].by];
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
    Introducer by = kSelf;
  };
  void Charge(Entry& entry, Introducer by) {
    --charged_[entry.by];
    ++charged_[by];
    entry.by = by;
  }

  const std::size_t share_;           // of one peer
  std::vector<std::size_t> charged_;  // names in use, by who introduced them
  std::vector<Entry> entries_;
  std::vector<Slot> free_;
  std::map<Name, Slot> slots_;
  std::uint64_t version_ = 0;
};

}  // namespace prefixmesh::two_layer
