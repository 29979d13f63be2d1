#include "impl/sync/generations/tenant_deltas/record_buffers.h"

#include <iterator>
#include <utility>

#include "impl/sync/generations/heap_bytes.h"
#include "impl/sync/generations/tree_store.h"

namespace prefixmesh::generations {
namespace {

template <typename Record>
std::uint64_t ListBytes(const std::vector<Record>& list) {
  std::uint64_t bytes = list.capacity() * sizeof(Record);
  for (const Record& record : list) bytes += HeapBytes(record.worker_url);
  return bytes;
}

template <typename Record>
void PutBefore(std::vector<Record>& list, std::vector<Record> older) {
  older.insert(older.end(), std::make_move_iterator(list.begin()), std::make_move_iterator(list.end()));
  list = std::move(older);
}

}  // namespace

std::uint64_t RecordBuffers::BytesOf(const Records& records) {
  return ListBytes(records.inserts) + ListBytes(records.evictions);
}

void RecordBuffers::Count(const Records& records) {
  records_ += records.size();
  bytes_ += BytesOf(records);
}

void RecordBuffers::Discount(const Records& records) {
  records_ -= records.size();
  bytes_ -= BytesOf(records);
}

template <typename Record>
void RecordBuffers::AddTo(std::vector<Record>& list, Record record) {
  bytes_ -= list.capacity() * sizeof(Record);
  list.push_back(std::move(record));
  bytes_ += list.capacity() * sizeof(Record) + HeapBytes(list.back().worker_url);
  ++records_;
}

void RecordBuffers::Add(const std::string& model, TenantInsert record) {
  AddTo(buffers_[model].inserts, std::move(record));
}

void RecordBuffers::Add(const std::string& model, TenantEviction record) {
  AddTo(buffers_[model].evictions, std::move(record));
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
    PutBefore(buffer.inserts, std::move(older.inserts));
    PutBefore(buffer.evictions, std::move(older.evictions));
    Count(buffer);
  }
  under_way_.erase(stream);
}

}  // namespace prefixmesh::generations
