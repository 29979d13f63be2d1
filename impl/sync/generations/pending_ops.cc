#include "impl/sync/generations/pending_ops.h"

#include <algorithm>
#include <utility>

namespace prefixmesh::generations {
namespace {

std::uint64_t HeapBytes(const TreeOperation& operation) {
  return sizeof(TreeOperation) + operation.prompt.capacity() + operation.tenant.capacity();
}

}  // namespace

void PendingOps::Append(const std::string& key, TreeOperation operation, std::uint64_t version) {
  if (keeps_counters_) {
    counters_[key].after.push_back(version);
    bytes_ += sizeof(version);
  }
  bytes_ += HeapBytes(operation);
  ++operations_;
  pending_[key].push_back(std::move(operation));
}

const std::vector<TreeOperation>& PendingOps::Of(std::string_view key) const {
  static const std::vector<TreeOperation> none;
  const auto found = pending_.find(key);
  return found == pending_.end() ? none : found->second;
}

std::uint64_t PendingOps::Base(std::string_view key, std::uint64_t version) const {
  if (!keeps_counters_) return version - std::min<std::uint64_t>(version, Count(key));
  const auto found = counters_.find(key);
  return found == counters_.end() ? 0 : found->second.base;
}

std::uint64_t PendingOps::VersionAt(std::string_view key, std::uint64_t version, std::size_t index) const {
  if (!keeps_counters_) return Base(key, version) + index + 1;
  return counters_.find(key)->second.after[index];
}

std::optional<std::size_t> PendingOps::FirstBeyond(std::string_view key, std::uint64_t version,
                                                   std::uint64_t watermark) const {
  const std::uint64_t base = Base(key, version);
  if (watermark < base) return std::nullopt;
  if (!keeps_counters_) return static_cast<std::size_t>(std::min<std::uint64_t>(watermark - base, Count(key)));
  const auto found = counters_.find(key);
  if (found == counters_.end()) return 0;
  const std::vector<std::uint64_t>& after = found->second.after;
  return static_cast<std::size_t>(std::upper_bound(after.begin(), after.end(), watermark) - after.begin());
}

StoreEntry PendingOps::DeltaEntry(const std::string& key, std::size_t first, std::size_t count,
                                  std::uint64_t base_version, std::uint64_t new_version, Time now) const {
  const auto begin = Of(key).begin() + static_cast<std::ptrdiff_t>(first);
  const TreeStateDelta delta{.model_id = ModelOf(key),
                             .operations = {begin, begin + static_cast<std::ptrdiff_t>(count)},
                             .base_version = base_version,
                             .new_version = new_version};
  return TreeEntry(key, kTreeStateDeltaTag, Encode(delta), new_version, context_.self_name, now);
}

void PendingOps::Drop(std::string_view key, std::size_t count) {
  const auto found = pending_.find(key);
  if (found == pending_.end()) return;
  std::vector<TreeOperation>& pending = found->second;
  count = std::min(count, pending.size());
  for (std::size_t i = 0; i < count; ++i) bytes_ -= HeapBytes(pending[i]);
  operations_ -= count;
  if (keeps_counters_ && count > 0) {
    bytes_ -= count * sizeof(std::uint64_t);
    Counters& counters = counters_.find(key)->second;
    counters.base = counters.after[count - 1];
    counters.after.erase(counters.after.begin(), counters.after.begin() + static_cast<std::ptrdiff_t>(count));
  }
  pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(count));
}

void PendingOps::TrimAfterMark(std::string_view key, std::uint64_t version, std::uint64_t watermark) {
  if (Count(key) <= context_.constants.mark_trim_operations) return;
  const std::size_t trimmed = std::min(Count(key) / 2, FirstBeyond(key, version, watermark).value_or(0));
  Drop(key, trimmed);
  context_.trims.Add(Trim::kMark, trimmed);
}

void PendingOps::ForceTrim(std::string_view key) {
  if (Count(key) <= context_.constants.force_trim_operations) return;
  const std::size_t trimmed = Count(key) / 2;
  Drop(key, trimmed);
  context_.trims.Add(Trim::kForce, trimmed);
}

void PendingOps::EraseEmpty() {
  std::erase_if(pending_, [](const auto& item) { return item.second.empty(); });
}

}  // namespace prefixmesh::generations
