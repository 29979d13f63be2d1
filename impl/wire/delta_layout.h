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

#include "impl/wire/bincode.h"

namespace prefixmesh::generations::delta_layout {

constexpr std::size_t kWordBytes = 8;  // an integer, and the length of a string

inline std::size_t SizeOf(std::uint64_t) { return kWordBytes; }
inline std::size_t SizeOf(const std::string& text) { return kWordBytes + text.size(); }
inline void Write(BincodeWriter& writer, std::uint64_t value) { writer.U64(value); }
inline void Write(BincodeWriter& writer, const std::string& text) { writer.String(text); }
inline void Read(ByteReader& reader, std::uint64_t& value) { value = reader.Fixed64(); }
inline void Read(ByteReader& reader, std::string& text) { text = ReadString(reader); }

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

template <typename Delta, typename InsertName, typename EvictionName>
std::optional<Delta> Decode(Bytes bytes, InsertName insert_name, EvictionName eviction_name) {
  ByteReader reader(bytes);
  Delta delta;
  delta.model_id = ReadString(reader);
  delta.version = reader.Fixed64();
  std::size_t count = 0;
  if (!ReadCount(reader, 3 * kWordBytes, count)) return std::nullopt;
  delta.inserts.reserve(count);
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    auto& insert = delta.inserts.emplace_back();
    Read(reader, insert.*insert_name);
    insert.worker_url = ReadString(reader);
    insert.epoch = reader.Fixed64();
  }
  if (!ReadCount(reader, 2 * kWordBytes, count)) return std::nullopt;
  delta.evictions.reserve(count);
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    auto& eviction = delta.evictions.emplace_back();
    Read(reader, eviction.*eviction_name);
    eviction.worker_url = ReadString(reader);
  }
  if (!reader.Finished()) return std::nullopt;
  return delta;
}

}  // namespace prefixmesh::generations::delta_layout
