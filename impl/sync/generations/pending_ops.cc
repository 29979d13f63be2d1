#include "impl/sync/generations/pending_ops.h"

#include <algorithm>
#include <utility>

namespace prefixmesh::generations {
namespace {

std::uint64_t HeapBytes(const TreeOperation& operation) {
  return sizeof(TreeOperation) + operation.prompt.capacity() + operation.tenant.capacity();
}

}  // namespace

void PendingOps::Append(const std::string& key, TreeOperation operation) {
  bytes_ += HeapBytes(operation);
  ++operations_;
  pending_[key].push_back(std::move(operation));
}

const std::vector<TreeOperation>& PendingOps::Of(std::string_view key) const {
  static const std::vector<TreeOperation> none;
  const auto found = pending_.find(key);
  return found == pending_.end() ? none : found->second;
}

std::optional<std::size_t> PendingOps::FirstUnsent(std::string_view key, std::uint64_t version,
                                                   std::uint64_t last_sent) const {
  const std::size_t count = Count(key);
  const std::uint64_t base = version - std::min<std::uint64_t>(version, count);
  if (last_sent < base || last_sent - base >= count) return std::nullopt;
  return static_cast<std::size_t>(last_sent - base);
}

void PendingOps::Drop(std::string_view key, std::size_t count) {
  const auto found = pending_.find(key);
  if (found == pending_.end()) return;
  std::vector<TreeOperation>& pending = found->second;
  count = std::min(count, pending.size());
  for (std::size_t i = 0; i < count; ++i) bytes_ -= HeapBytes(pending[i]);
  operations_ -= count;
  pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(count));
}

void PendingOps::HalveAbove(std::string_view key, std::size_t limit) {
  if (Count(key) > limit) Drop(key, Count(key) / 2);
}

void PendingOps::TrimAfterMark(std::string_view key) { HalveAbove(key, options_.mark_trim_above); }
void PendingOps::ForceTrim(std::string_view key) { HalveAbove(key, options_.force_trim_above); }

void PendingOps::EraseEmpty() {
  std::erase_if(pending_, [](const auto& item) { return item.second.empty(); });
}

}  // namespace prefixmesh::generations
