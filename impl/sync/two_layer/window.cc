#include "impl/sync/two_layer/window.h"

#include "impl/base/check.h"
#include "impl/base/prng.h"

namespace prefixmesh::two_layer {

std::uint64_t EntryHash(const Record& record, std::uint64_t scope_hash, std::uint64_t worker_hash) {
  std::uint64_t hash = Mix64(record.seq + (std::uint64_t{record.has_branch} << 32));
  hash = Mix64(hash ^ scope_hash);
  hash = Mix64(hash ^ worker_hash);
  for (const NodeId id : record.ids) hash = Mix64(hash ^ id.value);
  return hash;
}

void Window::Append(const Record& record) {
  PREFIXMESH_CHECK(!record.ids.empty() && record.ids.size() <= UINT16_MAX);
  headers_.push_back({static_cast<std::uint32_t>(ids_dropped_ + ids_.size()), record.scope, record.worker,
                      static_cast<std::uint16_t>(record.ids.size()), record.has_branch});
  ids_.insert(ids_.end(), record.ids.begin(), record.ids.end());
}

void Window::Read(std::uint32_t seq, Record& record) const {
  PREFIXMESH_CHECK(seq >= floor_ && seq < head());
  const Header& header = headers_[seq - floor_];
  record.seq = seq;
  record.scope = header.scope;
  record.worker = header.worker;
  record.has_branch = header.has_branch;
  const std::uint32_t at = header.first_id - static_cast<std::uint32_t>(ids_dropped_);
  record.ids.assign(ids_.begin() + at, ids_.begin() + at + header.id_count);
}

void Window::DropOldest() {
  PREFIXMESH_CHECK(!headers_.empty());
  const std::uint16_t count = headers_.front().id_count;
  headers_.pop_front();
  ids_.erase(ids_.begin(), ids_.begin() + count);
  ids_dropped_ += count;
  ++floor_;
}

void Window::Restart(std::uint32_t floor) {
  PREFIXMESH_CHECK(headers_.empty());
  floor_ = floor;
}

}  // namespace prefixmesh::two_layer
