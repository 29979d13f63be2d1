#include "impl/router/tree_set.h"

#include "impl/base/check.h"
#include "impl/tree/token_tree.h"

namespace prefixmesh {

TreeSet::TreeSet(const TreeSetOptions& options) : options_(options) {
  if (options.kind != IndexKind::kBlock) return;
  BlockIndexOptions block;
  block.budget_bytes = options.budget_bytes;
  block.text_block_bytes = options.hash.text_block_bytes;
  block.tokens_block_bytes = options.hash.tokens_block_tokens * static_cast<std::uint32_t>(kBytesPerToken);
  std::uint64_t told_bytes = options.budget_bytes;
  if (options.source == IndexSource::kEvents) block.budget_bytes = BlockIndex::kBudgetBytesMin;  // nobody matches it
  if (options.source == IndexSource::kBoth) block.budget_bytes = told_bytes = options.budget_bytes / 2;
  block_ = std::make_unique<BlockIndex>(block);
  matched_ = block_.get();
  if (options.source == IndexSource::kRouted) return;
  held_ = std::make_unique<HeldIndex>(
      HeldIndexOptions{told_bytes, block.text_block_bytes, block.tokens_block_bytes, options.hash.seed});
  matched_ = held_.get();
  if (options.source == IndexSource::kEvents) return;
  both_ = std::make_unique<BothIndex>(*held_, *block_);
  matched_ = both_.get();
}

std::shared_ptr<const TreeScope> TreeSet::Add(std::string_view model, Kind kind) {
  MutexLock lock(mutex_);
  auto at = scopes_.find(model);
  if (at == scopes_.end()) {
    if (scopes_.size() >= options_.models_max) return nullptr;
    at = scopes_.try_emplace(std::string(model)).first;
  }
  std::shared_ptr<TreeScope>& scope = at->second[static_cast<std::size_t>(kind)];
  if (scope == nullptr) {
    const std::uint16_t slot = free_slots_.empty() ? next_slot_++ : free_slots_.back();
    if (!free_slots_.empty()) free_slots_.pop_back();
    scope = std::make_shared<TreeScope>(model, kind, slot, options_.hash);
    scope->tree = matched_;
    if (block_ == nullptr) {
      if (kind == Kind::kText) {
        auto text = std::make_unique<TextTree>(TextTreeOptions{options_.text_chars_max});
        scope->text = text.get();
        scope->own_tree = std::move(text);
      } else {
        scope->own_tree = std::make_unique<TokenTree>(TokenTreeOptions{options_.text_chars_max});
      }
      scope->tree = scope->own_tree.get();
    }
  }
  return scope;
}

void TreeSet::Remove(std::string_view model) {
  std::array<std::shared_ptr<TreeScope>, 2> gone;  // trees are freed without the lock
  MutexLock lock(mutex_);
  const auto at = scopes_.find(model);
  if (at == scopes_.end()) return;
  gone = std::move(at->second);
  for (const auto& scope : gone)
    if (scope != nullptr) free_slots_.push_back(scope->slot);
  scopes_.erase(at);
}

std::shared_ptr<const TreeScope> TreeSet::Find(std::string_view model, Kind kind) const {
  MutexLock lock(mutex_);
  const auto at = scopes_.find(model);
  return at != scopes_.end() ? at->second[static_cast<std::size_t>(kind)] : nullptr;
}

void TreeSet::RaiseIncarnation(WorkerIndex worker, Incarnation incarnation, bool first) {
  if (block_ != nullptr) return block_->RaiseIncarnation(worker, incarnation);
  if (!first) RemoveWorker(worker);
}

void TreeSet::RemoveWorker(WorkerIndex worker) {
  if (held_ != nullptr) held_->RemoveWorker(worker);
  if (block_ != nullptr) return block_->RemoveWorker(worker);
  MutexLock lock(mutex_);
  ForEachTree([&](PrefixTree& tree) { tree.RemoveWorker(worker); });
}

void TreeSet::EvictAll() {
  if (block_ != nullptr) return block_->Evict();
  MutexLock lock(mutex_);
  ForEachTree([](PrefixTree& tree) { tree.Evict(); });
}

TreeSize TreeSet::Size() const {
  if (both_ != nullptr) return both_->Size();
  if (held_ != nullptr) {
    TreeSize size = held_->Size();
    size.bytes += block_->Size().bytes;
    return size;
  }
  if (block_ != nullptr) return block_->Size();
  MutexLock lock(mutex_);
  TreeSize total;
  ForEachTree([&](const PrefixTree& tree) {
    const TreeSize size = tree.Size();
    total.nodes += size.nodes;
    total.bytes += size.bytes;
    total.forgotten += size.forgotten;
  });
  total.budget_bytes = options_.text_chars_max;
  return total;
}

}  // namespace prefixmesh
