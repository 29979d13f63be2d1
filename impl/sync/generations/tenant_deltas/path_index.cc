#include "impl/sync/generations/tenant_deltas/path_index.h"

#include <utility>

#include "impl/sync/generations/heap_bytes.h"

namespace prefixmesh::generations {
namespace {

// A node of the map: link, hash and string, as malloc cuts it.
constexpr std::uint64_t kNodeBytes = 64;

}  // namespace

void PathIndex::Put(std::uint64_t hash, std::string prefix) {
  std::string& kept = prefixes_[hash];
  text_bytes_ -= HeapBytes(kept);
  kept.swap(prefix);  // an assignment might keep the old one's memory
  text_bytes_ += HeapBytes(kept);
}

const std::string* PathIndex::Find(std::uint64_t hash) const {
  const auto found = prefixes_.find(hash);
  return found == prefixes_.end() ? nullptr : &found->second;
}

std::size_t PathIndex::ClearIfAbove(std::uint64_t entries_max) {
  if (prefixes_.size() <= entries_max) return 0;
  text_bytes_ = 0;
  return std::exchange(prefixes_, {}).size();
}

std::uint64_t PathIndex::bytes() const {
  return text_bytes_ + prefixes_.size() * kNodeBytes + prefixes_.bucket_count() * sizeof(void*);
}

}  // namespace prefixmesh::generations
