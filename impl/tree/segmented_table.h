// segmented_table.h — an open-addressing multimap of small trivially copyable entries, cut into 256 segments that grow
// one at a time, so that no single insert pays for rehashing everything (a million entries would stall a request).
//
// Entry must have:  std::uint32_t tag() const, 32 well mixed bits. The top 8 choose the segment, the low bits the place
// in it, and bits 16 to 23 are its mark: one byte kept apart from the entries, 0 where there is none. Most look-ups are
// for what is not there, and those read a few marks that share a cache line, hardly ever an entry. A request finds the
// caches cold, and then pages cost more than lines: so the marks of segments of one size lie side by side, and what
// else a failed look-up reads of a segment are 16 bytes. Linear probing, backward-shift deletion, no tombstones (Knuth,
// TAOCP 6.4, algorithm R).
//
//   segment   marks    . . 7 9 . 4 …      entries  - - e e - e …
//
// Threads: none of its own; the owner locks. Ownership: owns its entries; pointers are good until the next Insert or
// Erase. Bounds: at most 7/8 full; growth doubles one segment. Errors: running out of memory ends the process.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "impl/base/check.h"

namespace prefixmesh {

template <typename Entry>
class SegmentedTable {
  static_assert(std::is_trivially_copyable_v<Entry>);

 public:
  // Calls f(Entry&) for every entry with this tag until f returns true; returns that entry, or null.
  template <typename F>
  Entry* Find(std::uint32_t tag, F&& f) {
    Segment& segment = segments_[tag >> 24];
    if (segment.count == 0) return nullptr;
    const std::uint64_t wanted = MarkOf(tag) * kEveryByte;
    std::vector<Entry>& entries = entries_[tag >> 24];
    for (std::uint32_t at = tag & segment.mask;; at = (at + kGroup) & segment.mask) {
      const std::uint64_t marks = Group(segment, at);
      const std::uint64_t free = ZeroBytes(marks);
      std::uint64_t found = ZeroBytes(marks ^ wanted);
      if (free != 0) found &= (free & -free) - 1;  // what lies before the first free place
      for (; found != 0; found &= found - 1) {
        Entry& entry = entries[(at + static_cast<std::uint32_t>(std::countr_zero(found)) / 8) & segment.mask];
        if (entry.tag() == tag && f(entry)) return &entry;
      }
      if (free != 0) return nullptr;
    }
  }
  template <typename F>
  const Entry* Find(std::uint32_t tag, F&& f) const {
    return const_cast<SegmentedTable*>(this)->Find(tag, [&](Entry& entry) { return f(std::as_const(entry)); });
  }

  // Brings what a Find of `tag` that fails will read into the cache.
  void Prefetch(std::uint32_t tag) const {
    const Segment& segment = segments_[tag >> 24];
    if (segment.count != 0) __builtin_prefetch(&segment.marks[tag & segment.mask]);
  }
  // And what one that succeeds will read, or an Insert will write.
  void PrefetchEntry(std::uint32_t tag) const {
    const Segment& segment = segments_[tag >> 24];
    if (segment.count == 0) return;
    __builtin_prefetch(&segment.marks[tag & segment.mask]);
    __builtin_prefetch(&entries_[tag >> 24][tag & segment.mask]);
  }

  void Insert(const Entry& entry) {
    const std::uint32_t number = entry.tag() >> 24;
    if ((segments_[number].count + 1) * std::size_t{8} > entries_[number].size() * 7) Grow(number);
    Place(number, entry);
    ++segments_[number].count;
    ++count_;
  }

  // `entry` must be one that Find or SweepNext returned and nothing changed since.
  void Erase(Entry* entry) {
    Segment& segment = segments_[entry->tag() >> 24];
    std::vector<Entry>& entries = entries_[entry->tag() >> 24];
    auto hole = static_cast<std::size_t>(entry - entries.data());
    PREFIXMESH_CHECK(hole < entries.size() && segment.marks[hole] != kFree);
    for (std::size_t at = (hole + 1) & segment.mask; segment.marks[at] != kFree; at = (at + 1) & segment.mask) {
      const std::size_t home = entries[at].tag() & segment.mask;
      // Moving `at` into the hole is right unless its home lies cyclically in (hole, at].
      if (((at - home) & segment.mask) < ((at - hole) & segment.mask)) continue;
      entries[hole] = entries[at];
      SetMark(segment, hole, segment.marks[at]);
      hole = at;
    }
    SetMark(segment, hole, kFree);
    --segment.count;
    --count_;
  }

  // The clock hand: the next entry in table order, wrapping around; null when the table is empty. After an Erase of the
  // entry it returned, the hand looks at the same place again.
  Entry* SweepNext() {
    if (count_ == 0) return nullptr;
    while (true) {
      std::vector<Entry>& entries = entries_[hand_segment_];
      while (hand_ < entries.size()) {
        const std::size_t at = hand_++;
        if (segments_[hand_segment_].marks[at] != kFree) return &entries[at];
      }
      hand_ = 0;
      hand_segment_ = (hand_segment_ + 1) % kSegments;
    }
  }
  void SweepAgain() {
    if (hand_ > 0) --hand_;
  }

  // Visits every entry. Not for request paths.
  template <typename F>
  void ForEach(F&& f) const {
    for (std::size_t number = 0; number < kSegments; ++number)
      for (std::size_t at = 0; at < entries_[number].size(); ++at)
        if (segments_[number].marks[at] != kFree) f(entries_[number][at]);
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kSegments = 256;
  static constexpr std::size_t kSegmentEntriesMin = 8;
  static constexpr std::uint8_t kFree = 0;
  static constexpr std::uint32_t kGroup = 8;  // marks read at once
  static constexpr std::uint64_t kEveryByte = 0x0101010101010101;
  struct Segment {
    std::uint8_t* marks = nullptr;  // and again the first kGroup - 1, so that a group never wraps
    std::uint32_t mask = 0;
    std::uint32_t count = 0;
  };
  // Room for the marks of some segments of one size. Where no bit is set nobody uses it.
  struct Chunk {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::uint32_t used = 0;
  };
  static constexpr std::size_t kChunkSegments = 16;
  static constexpr std::size_t MarksBytes(std::size_t size) { return size + kGroup - 1; }

  static std::uint8_t MarkOf(std::uint32_t tag) {
    const auto mark = static_cast<std::uint8_t>(tag >> 16);
    return mark != kFree ? mark : 1;
  }

  static void SetMark(const Segment& segment, std::size_t at, std::uint8_t mark) {
    segment.marks[at] = mark;
    if (at < kGroup - 1) segment.marks[segment.mask + std::size_t{1} + at] = mark;
  }

  // The marks from `at` on, the first in the lowest byte.
  static std::uint64_t Group(const Segment& segment, std::uint32_t at) {
    std::uint64_t marks;
    std::memcpy(&marks, &segment.marks[at], sizeof(marks));
    if constexpr (std::endian::native == std::endian::big) marks = __builtin_bswap64(marks);
    return marks;
  }

  // The top bit of every byte that is 0, and of some above the lowest such (Lamport 1975; Hacker's Delight, 6-1): the
  // lowest is exact, and nothing is set without one.
  static std::uint64_t ZeroBytes(std::uint64_t bytes) { return (bytes - kEveryByte) & ~bytes & (kEveryByte << 7); }

  void Place(std::size_t number, const Entry& entry) {
    const Segment& segment = segments_[number];
    std::size_t at = entry.tag() & segment.mask;
    while (segment.marks[at] != kFree) at = (at + 1) & segment.mask;
    SetMark(segment, at, MarkOf(entry.tag()));
    entries_[number][at] = entry;
  }

  void Grow(std::size_t number) {
    Segment& segment = segments_[number];
    const std::vector<Entry> old = std::move(entries_[number]);
    const std::size_t size = old.empty() ? kSegmentEntriesMin : old.size() * 2;
    const std::uint8_t* const old_marks = segment.marks;
    segment.marks = TakeMarks(size);
    segment.mask = static_cast<std::uint32_t>(size - 1);
    entries_[number].assign(size, Entry{});
    bytes_ += (size - old.size()) * sizeof(Entry);
    for (std::size_t at = 0; at < old.size(); ++at)
      if (old_marks[at] != kFree) Place(number, old[at]);
    if (!old.empty()) LeaveMarks(old.size(), old_marks);
  }

  std::vector<Chunk>& ChunksFor(std::size_t size) { return chunks_[std::bit_width(size / kSegmentEntriesMin) - 1u]; }

  std::uint8_t* TakeMarks(std::size_t size) {
    std::vector<Chunk>& chunks = ChunksFor(size);
    auto chunk = chunks.begin();
    while (chunk != chunks.end() && chunk->used == (1u << kChunkSegments) - 1) ++chunk;
    if (chunk == chunks.end()) {
      chunk = chunks.insert(chunk, Chunk{std::make_unique<std::uint8_t[]>(kChunkSegments * MarksBytes(size)), 0});
      bytes_ += kChunkSegments * MarksBytes(size);
    }
    const auto place = static_cast<std::size_t>(std::countr_one(chunk->used));
    chunk->used |= 1u << place;
    std::uint8_t* const marks = chunk->bytes.get() + place * MarksBytes(size);
    std::memset(marks, kFree, MarksBytes(size));
    return marks;
  }
  void LeaveMarks(std::size_t size, const std::uint8_t* marks) {
    std::vector<Chunk>& chunks = ChunksFor(size);
    const std::size_t chunk_bytes = kChunkSegments * MarksBytes(size);
    const auto chunk = std::find_if(chunks.begin(), chunks.end(), [&](const Chunk& each) {
      return !std::less<>()(marks, each.bytes.get()) && std::less<>()(marks, each.bytes.get() + chunk_bytes);
    });
    PREFIXMESH_CHECK(chunk != chunks.end());
    chunk->used &= ~(1u << static_cast<std::size_t>(marks - chunk->bytes.get()) / MarksBytes(size));
    if (chunk->used != 0) return;
    chunks.erase(chunk);
    bytes_ -= chunk_bytes;
  }

  Segment segments_[kSegments];
  std::vector<Entry> entries_[kSegments];
  // By size: kSegmentEntriesMin, twice that, … A segment has at most 2^24 places: its number takes 8 of the tag's bits.
  std::vector<Chunk> chunks_[22];
  std::uint64_t count_ = 0;
  std::uint64_t bytes_ = 0;
  std::size_t hand_segment_ = 0;
  std::size_t hand_ = 0;
};

}  // namespace prefixmesh
