#include "impl/sync/generations/crdt_ops/crdt_log.h"

#include <set>
#include <utility>

#include "impl/sync/generations/heap_bytes.h"

namespace prefixmesh::generations {

std::uint64_t CrdtLog::Operation::bytes() const { return HeapBytes(key) + HeapBytes(value) + HeapBytes(replica); }

const CrdtLog::Entry* CrdtLog::Find(std::string_view key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

void CrdtLog::Put(const std::string& key, std::string value, std::uint64_t version) {
  log_.push_back({.key = key, .value = value, .time = ++clock_, .replica = replica_});
  log_bytes_ += log_.back().bytes();
  if (log_.size() > entries_max_) Compact();
  Entry& entry = entries_[key];
  map_bytes_ -= HeapBytes(entry.value);
  entry = {std::move(value), version};
  map_bytes_ += HeapBytes(entry.value);
}

void CrdtLog::Compact() {
  std::vector<Operation> kept;
  std::set<std::string_view> seen;
  for (auto operation = log_.rbegin(); operation != log_.rend(); ++operation) {
    if (seen.insert(operation->key).second) kept.push_back(*operation);
  }
  if (kept.size() > entries_max_) kept.resize(entries_max_ / 4 * 3);  // newest first
  trims_.Add(Trim::kLogCap, log_.size() - kept.size());
  log_.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
  log_.shrink_to_fit();
  log_bytes_ = 0;
  for (const Operation& operation : log_) log_bytes_ += operation.bytes();
}

}  // namespace prefixmesh::generations
