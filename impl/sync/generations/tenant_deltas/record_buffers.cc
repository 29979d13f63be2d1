#include "impl/sync/generations/tenant_deltas/record_buffers.h"

#include <iterator>
#include <utility>

#include "impl/sync/generations/heap_bytes.h"
#include "impl/sync/generations/tree_store.h"

namespace prefixmesh::generations {

std::uint64_t RecordBuffers::BytesOf(const Records& records) {
  std::uint64_t bytes = records.capacity() * sizeof(TenantInsert);
  for (const TenantInsert& record : records) bytes += HeapBytes(record.worker_url);
  return bytes;
}

void RecordBuffers::Count(const Records& records) {
  records_ += records.size();
  bytes_ += BytesOf(records);
}

void RecordBuffers::Discount(const Records& records) {
  records_ -= records.size();
  bytes_ -= BytesOf(records);
}

void RecordBuffers::Add(const std::string& model, TenantInsert record) {
  Records& buffer = buffers_[model];
  bytes_ -= buffer.capacity() * sizeof(TenantInsert);
  buffer.push_back(std::move(record));
  bytes_ += buffer.capacity() * sizeof(TenantInsert) + HeapBytes(buffer.back().worker_url);
  ++records_;
}

std::map<std::string, RecordBuffers::Records> RecordBuffers::TakeAll() {
  std::map<std::string, Records> taken = std::exchange(buffers_, {});
  for (const auto& [model, records] : taken) Discount(records);
  return taken;
}

void RecordBuffers::KeepUnderWay(PeerIndex peer, const std::string& key, Records records) {
  Records& kept = under_way_[peer][key];
  Discount(kept);
  kept = std::move(records);
  Count(kept);
}

void RecordBuffers::Forget(PeerIndex peer, const std::string& key) {
  const auto stream = under_way_.find(peer);
  if (stream == under_way_.end()) return;
  const auto found = stream->second.find(key);
  if (found == stream->second.end()) return;
  Discount(found->second);
  stream->second.erase(found);
}

void RecordBuffers::PutBack(PeerIndex peer) {
  const auto stream = under_way_.find(peer);
  if (stream == under_way_.end()) return;
  for (auto& [key, older] : stream->second) {
    Records& buffer = buffers_[ModelOf(key)];
    Discount(older);
    Discount(buffer);
    older.insert(older.end(), std::make_move_iterator(buffer.begin()), std::make_move_iterator(buffer.end()));
    buffer = std::move(older);
    Count(buffer);
  }
  under_way_.erase(stream);
}

}  // namespace prefixmesh::generations
