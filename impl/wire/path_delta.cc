#include "impl/wire/path_delta.h"

#include "impl/wire/bincode.h"

namespace prefixmesh::generations {
namespace {

constexpr std::size_t kInsertBytes = 24, kEvictionBytes = 16;  // besides path and url

}  // namespace

std::string PathOfTokens(std::string_view tokens) {
  std::string path(kTokensPath);
  ByteReader reader(AsBytes(tokens));
  for (bool first = true; reader.remaining() >= kBytesPerToken; first = false) {
    if (!first) path += ',';
    path += std::to_string(reader.Fixed32());
  }
  return path;
}

std::string Encode(const PathDelta& delta) {
  std::size_t bytes = 32 + delta.model_id.size();
  for (const PathInsert& insert : delta.inserts) bytes += kInsertBytes + insert.path.size() + insert.worker_url.size();
  for (const PathEviction& each : delta.evictions) bytes += kEvictionBytes + each.path.size() + each.worker_url.size();
  BincodeWriter writer(bytes);
  writer.String(delta.model_id);
  writer.U64(delta.version);
  writer.U64(delta.inserts.size());
  for (const PathInsert& insert : delta.inserts) {
    writer.String(insert.path);
    writer.String(insert.worker_url);
    writer.U64(insert.epoch);
  }
  writer.U64(delta.evictions.size());
  for (const PathEviction& eviction : delta.evictions) {
    writer.String(eviction.path);
    writer.String(eviction.worker_url);
  }
  return writer.Take();
}

Result<PathDelta> DecodePathDelta(Bytes bytes) {
  const Error corrupt{ErrorCode::kCorrupt, "path delta does not decode"};
  ByteReader reader(bytes);
  PathDelta delta;
  delta.model_id = ReadString(reader);
  delta.version = reader.Fixed64();
  std::size_t count = 0;
  if (!ReadCount(reader, kInsertBytes, count)) return corrupt;
  delta.inserts.reserve(count);
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    PathInsert& insert = delta.inserts.emplace_back();
    insert.path = ReadString(reader);
    insert.worker_url = ReadString(reader);
    insert.epoch = reader.Fixed64();
  }
  if (!ReadCount(reader, kEvictionBytes, count)) return corrupt;
  delta.evictions.reserve(count);
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    PathEviction& eviction = delta.evictions.emplace_back();
    eviction.path = ReadString(reader);
    eviction.worker_url = ReadString(reader);
  }
  if (!reader.Finished()) return corrupt;
  return delta;
}

}  // namespace prefixmesh::generations
