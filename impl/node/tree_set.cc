#include "impl/node/tree_set.h"

#include "impl/base/check.h"
#include "impl/tree/token_tree.h"

namespace prefixmesh {

TreeSet::TreeSet(const TreeSetOptions& options) : options_(options) {
  if (options.kind != IndexKind::kBlock) return;
  BlockIndexOptions block;
  block.budget_bytes = options.budget_bytes;
  block.text_block_bytes = options.hash.text_block_bytes;
  block.tokens_block_bytes = options.hash.tokens_block_tokens * static_cast<std::uint32_t>(kBytesPerToken);
  block_ = std::make_unique<BlockIndex>(block);
}

const TreeScope* TreeSet::Add(std::string_view model, Kind kind) {
  MutexLock lock(mutex_);
  auto at = scopes_.find(model);
  if (at == scopes_.end()) {
    if (scopes_.size() >= options_.models_max) return nullptr;
    at = scopes_.try_emplace(std::string(model)).first;
  }
  std::unique_ptr<TreeScope>& scope = at->second[static_cast<std::size_t>(kind)];
  if (scope == nullptr) {
    scope = std::make_unique<TreeScope>(model, kind, next_slot_++, options_.hash);
    scope->tree = block_.get();
    if (block_ == nullptr) {
      if (kind == Kind::kText) {
        auto text = std::make_unique<TextTree>(TextTreeOptions{options_.text_chars_max});
        scope->text = text.get();
        trees_.push_back(std::move(text));
      } else {
        trees_.push_back(std::make_unique<TokenTree>(TokenTreeOptions{options_.text_chars_max}));
      }
      scope->tree = trees_.back().get();
    }
  }
  return scope.get();
}

const TreeScope* TreeSet::Find(std::string_view model, Kind kind) const {
  MutexLock lock(mutex_);
  const auto at = scopes_.find(model);
  return at != scopes_.end() ? at->second[static_cast<std::size_t>(kind)].get() : nullptr;
}

void TreeSet::RaiseIncarnation(WorkerIndex worker, Incarnation incarnation, bool first) {
  if (block_ != nullptr) return block_->RaiseIncarnation(worker, incarnation);
  if (first) return;
  MutexLock lock(mutex_);
  for (const auto& tree : trees_) tree->RemoveWorker(worker);
}

void TreeSet::EvictAll() {
  if (block_ != nullptr) return block_->Evict();
  MutexLock lock(mutex_);
  for (const auto& tree : trees_) tree->Evict();
}

TreeSize TreeSet::Size() const {
  if (block_ != nullptr) return block_->Size();
  MutexLock lock(mutex_);
  TreeSize total;
  for (const auto& tree : trees_) {
    const TreeSize size = tree->Size();
    total.nodes += size.nodes;
    total.bytes += size.bytes;
    total.forgotten += size.forgotten;
  }
  total.budget_bytes = options_.text_chars_max;
  return total;
}

}  // namespace prefixmesh
