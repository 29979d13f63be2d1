// delta_layout.h — the bytes that tenant_delta.h and path_delta.h have in common. What names a prefix differs: a hash
// or a path, given as pointers to members.
//
//   model version u64 · n × (name url epoch) · n × (name url)      32 + model + Σ(16 + name + url) + Σ(8 + name + url)
//
// Threads: pure functions. Ownership: values. Errors: nothing for bytes that are short, are followed by more or declare
// more than is there. Bounds: a declared count is held against the bytes present before anything is allocated for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "impl/wire/bincode.h"

namespace prefixmesh::generations::delta_layout {

constexpr std::size_t kWordBytes = 8;  // an integer, and the length of a string

inline std::size_t SizeOf(std::uint64_t) { return kWordBytes; }
inline std::size_t SizeOf(const std::string& text) { return kWordBytes + text.size(); }
inline void Write(BincodeWriter& writer, std::uint64_t value) { writer.U64(value); }
inline void Write(BincodeWriter& writer, const std::string& text) { writer.String(text); }
inline void Read(ByteReader& reader, std::uint64_t& value) { value = reader.Fixed64(); }
inline void Read(ByteReader& reader, std::string_view& text) { text = ReadString(reader); }

template <typename Delta, typename InsertName, typename EvictionName>
std::string Encode(const Delta& delta, InsertName insert_name, EvictionName eviction_name) {
  std::size_t bytes = SizeOf(delta.model_id) + 3 * kWordBytes;
  for (const auto& insert : delta.inserts)
    bytes += SizeOf(insert.*insert_name) + SizeOf(insert.worker_url) + kWordBytes;
  for (const auto& eviction : delta.evictions) bytes += SizeOf(eviction.*eviction_name) + SizeOf(eviction.worker_url);
  BincodeWriter writer(bytes);
  writer.String(delta.model_id);
  writer.U64(delta.version);
  writer.U64(delta.inserts.size());
  for (const auto& insert : delta.inserts) {
    Write(writer, insert.*insert_name);
    writer.String(insert.worker_url);
    writer.U64(insert.epoch);
  }
  writer.U64(delta.evictions.size());
  for (const auto& eviction : delta.evictions) {
    Write(writer, eviction.*eviction_name);
    writer.String(eviction.worker_url);
  }
  return writer.Take();
}

// What a peer's bytes say, checked whole, nothing copied; they must outlive it. Name: an integer, or text borrowed.
template <typename Name>
struct View {
  std::string_view model_id;
  std::uint64_t version = 0;
  std::uint64_t inserts = 0, evictions = 0;
  Bytes insert_bytes, eviction_bytes;

  // Calls f(name, url, epoch) for each.
  template <typename F>
  void ForEachInsert(F&& f) const {
    ByteReader reader(insert_bytes);
    Name name{};
    while (reader.remaining() > 0) {
      Read(reader, name);
      const std::string_view url = ReadString(reader);
      f(name, url, reader.Fixed64());
    }
  }
  // Calls f(name, url) for each.
  template <typename F>
  void ForEachEviction(F&& f) const {
    ByteReader reader(eviction_bytes);
    Name name{};
    while (reader.remaining() > 0) {
      Read(reader, name);
      f(name, ReadString(reader));
    }
  }
};

// Passes over a counted list of a name, a url and `words` integers each.
template <typename Name>
bool Skip(ByteReader& reader, std::size_t words, std::uint64_t& count, Bytes& bytes) {
  std::size_t items = 0;
  if (!ReadCount(reader, (2 + words) * kWordBytes, items)) return false;
  ByteReader start = reader;
  Name name{};
  for (std::size_t i = 0; i < items && reader.ok(); ++i) {
    Read(reader, name);
    ReadString(reader);
    for (std::size_t word = 0; word < words; ++word) reader.Fixed64();
  }
  if (!reader.ok()) return false;
  count = items;
  bytes = start.Raw(start.remaining() - reader.remaining());
  return true;
}

template <typename Name>
std::optional<View<Name>> ViewOf(Bytes bytes) {
  ByteReader reader(bytes);
  View<Name> view;
  view.model_id = ReadString(reader);
  view.version = reader.Fixed64();
  if (!Skip<Name>(reader, 1, view.inserts, view.insert_bytes)) return std::nullopt;
  if (!Skip<Name>(reader, 0, view.evictions, view.eviction_bytes) || !reader.Finished()) return std::nullopt;
  return view;
}

// Each part a copy.
template <typename Delta, typename Stored, typename Name>
Delta Owned(const View<Name>& view) {
  Delta delta;
  delta.model_id = view.model_id;
  delta.version = view.version;
  delta.inserts.reserve(view.inserts);
  delta.evictions.reserve(view.evictions);
  view.ForEachInsert([&](Name name, std::string_view url, std::uint64_t epoch) {
    delta.inserts.push_back({Stored(name), std::string(url), epoch});
  });
  view.ForEachEviction([&](Name name, std::string_view url) {
    delta.evictions.push_back({Stored(name), std::string(url)});
  });
  return delta;
}

}  // namespace prefixmesh::generations::delta_layout
