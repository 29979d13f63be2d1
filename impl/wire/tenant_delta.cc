#include "impl/wire/tenant_delta.h"

#include "impl/wire/bincode.h"

namespace prefixmesh::generations {
namespace {

constexpr std::size_t kInsertBytes = 24, kEvictionBytes = 16;  // besides the url

}  // namespace

std::string Encode(const TenantDelta& delta) {
  std::size_t bytes = 32 + delta.model_id.size();
  for (const TenantInsert& insert : delta.inserts) bytes += kInsertBytes + insert.worker_url.size();
  for (const TenantEviction& eviction : delta.evictions) bytes += kEvictionBytes + eviction.worker_url.size();
  BincodeWriter writer(bytes);
  writer.String(delta.model_id);
  writer.U64(delta.version);
  writer.U64(delta.inserts.size());
  for (const TenantInsert& insert : delta.inserts) {
    writer.U64(insert.hash);
    writer.String(insert.worker_url);
    writer.U64(insert.epoch);
  }
  writer.U64(delta.evictions.size());
  for (const TenantEviction& eviction : delta.evictions) {
    writer.U64(eviction.hash);
    writer.String(eviction.worker_url);
  }
  return writer.Take();
}

Result<TenantDelta> DecodeTenantDelta(Bytes bytes) {
  const Error corrupt{ErrorCode::kCorrupt, "tenant_delta does not decode"};
  ByteReader reader(bytes);
  TenantDelta delta;
  delta.model_id = ReadString(reader);
  delta.version = reader.Fixed64();
  std::size_t count = 0;
  if (!ReadCount(reader, kInsertBytes, count)) return corrupt;
  delta.inserts.reserve(count);
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    TenantInsert& insert = delta.inserts.emplace_back();
    insert.hash = reader.Fixed64();
    insert.worker_url = ReadString(reader);
    insert.epoch = reader.Fixed64();
  }
  if (!ReadCount(reader, kEvictionBytes, count)) return corrupt;
  delta.evictions.reserve(count);
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    TenantEviction& eviction = delta.evictions.emplace_back();
    eviction.hash = reader.Fixed64();
    eviction.worker_url = ReadString(reader);
  }
  if (!reader.Finished()) return corrupt;
  return delta;
}

}  // namespace prefixmesh::generations
