// tree_set.h — the prefix trees of a router: one block index for everything, or a text and a token tree per model; with
// KV events a held index that is matched in place of the block index, or with it.
//
// Also what belongs to a (model, kind): its hasher. Scopes are made when a worker says it serves a model and removed
// when none does any more (model_table.h); a holder of one keeps it, and its text tree, until it lets go.
// Threads: any. Bounds: options.models_max models. Ownership: owns the block index, shares the scopes. Errors: null for
// an unknown model.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/mutex.h"
#include "impl/sync/placement.h"
#include "impl/tree/block_hash.h"
#include "impl/tree/block_index.h"
#include "impl/tree/both_index.h"
#include "impl/tree/held_index.h"
#include "impl/tree/text_tree.h"
#include "impl/tree/tree.h"

namespace prefixmesh {

inline constexpr std::size_t kModelsMax = 64;  // of one worker

// Whom a router believes about what workers hold.
enum class IndexSource : std::uint8_t {
  kRouted,  // itself and its peers: who was sent a prompt holds it
  kEvents,  // the workers' own KV events
  kBoth,    // the events of workers that are heard, and of the others itself and its peers
};

struct TreeSetOptions {
  IndexKind kind = IndexKind::kBlock;
  IndexSource source = IndexSource::kRouted;
  std::uint64_t budget_bytes = 64u << 20;
  BlockHashOptions hash;
  std::uint64_t text_chars_max = 1u << 26;
  std::size_t models_max = 4 * kModelsMax;
};

// One model and kind.
struct TreeScope {
  TreeScope(std::string_view model_name, Kind prompt_kind, std::uint16_t scope_slot, const BlockHashOptions& hash)
      : model(model_name), kind(prompt_kind), slot(scope_slot), hasher(hash, model_name, prompt_kind) {}
  const std::string model;
  const Kind kind;
  const std::uint16_t slot;  // Prompt::scope; of a model that left it is used again
  const BlockHasher hasher;
  std::unique_ptr<PrefixTree> own_tree;  // unless it is the block index
  PrefixTree* tree = nullptr;
  TextTree* text = nullptr;  // the same, where it holds text
};

class TreeSet {
 public:
  explicit TreeSet(const TreeSetOptions& options);

  // The scope of this model and kind, made if it is new; null when there are too many models.
  std::shared_ptr<const TreeScope> Add(std::string_view model, Kind kind);
  std::shared_ptr<const TreeScope> Find(std::string_view model, Kind kind) const;
  // Text trees go with it; what the block index holds of the model is evicted in its time.
  void Remove(std::string_view model);
  // The block index, or null when the trees hold text. With kEvents it keeps what peers announce, and nobody matches
  // it.
  BlockIndex* block_index() { return block_.get(); }
  // The index of KV events, or null: then nothing is believed of them.
  HeldIndex* held_index() { return held_.get(); }
  const HeldIndex* held_index() const { return held_.get(); }

  // The worker's register rose. The block index keeps nothing of older lives, whatever races with this; text trees drop
  // the worker when this is not its first life, and what is told of an older one later stays until it is evicted.
  void RaiseIncarnation(WorkerIndex worker, Incarnation incarnation, bool first);
  // Every tree forgets the worker.
  void RemoveWorker(WorkerIndex worker);
  void EvictAll();
  TreeSize Size() const;
  // Calls f(model, kind, nodes, bytes) per model and kind.
  template <typename F>
  void ForEachScope(F&& f) const {
    MutexLock lock(mutex_);
    for (const auto& [model, kinds] : scopes_) {
      for (const auto& scope : kinds) {
        if (scope == nullptr) continue;
        if (block_ != nullptr) {
          const BlockIndex::ScopeSize size = block_->SizeOf(scope->slot);
          f(std::string_view(model), KindName(scope->kind), size.nodes, size.bytes);
        } else {
          const TreeSize size = scope->tree->Size();
          f(std::string_view(model), KindName(scope->kind), size.nodes, size.bytes);
        }
      }
    }
  }

  // Calls f(scope) per model whose prompts are kept as text in a tree of its own, by model.
  template <typename F>
  void ForEachTextTree(F&& f) const {
    std::vector<std::shared_ptr<const TreeScope>> scopes;
    {
      MutexLock lock(mutex_);
      for (const auto& [model, kinds] : scopes_) {
        const auto& scope = kinds[static_cast<std::size_t>(Kind::kText)];
        if (scope != nullptr && scope->text != nullptr) scopes.push_back(scope);
      }
    }
    for (const auto& scope : scopes) f(*scope);
  }

  const TreeSetOptions& options() const { return options_; }

 private:
  // Calls f(tree) for every tree that is not the block index.
  template <typename F>
  void ForEachTree(F&& f) const PREFIXMESH_REQUIRES(mutex_) {
    for (const auto& [model, kinds] : scopes_)
      for (const auto& scope : kinds)
        if (scope != nullptr && scope->own_tree != nullptr) f(*scope->own_tree);
  }

  const TreeSetOptions options_;
  std::unique_ptr<BlockIndex> block_;
  std::unique_ptr<HeldIndex> held_;
  std::unique_ptr<BothIndex> both_;
  PrefixTree* matched_ = nullptr;  // of the three, the one that requests match; null: the trees hold text
  mutable Mutex mutex_;
  // By model, one scope per kind.
  std::map<std::string, std::array<std::shared_ptr<TreeScope>, 2>, std::less<>> scopes_ PREFIXMESH_GUARDED_BY(mutex_);
  std::uint16_t next_slot_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  std::vector<std::uint16_t> free_slots_ PREFIXMESH_GUARDED_BY(mutex_);
};

}  // namespace prefixmesh
