// contenders.h — the pieces of work that the decision benchmarks time against each other, one prompt at a time.
//
// A contender belongs to one PromptSet. Run(i) does its work on prompt i and returns something that depends on all of
// it. StartRound makes a fresh tree and warms it with the templates, outside any timing: within a round a tree grows
// from the templates by one tail per prompt, and never further.
// Threads: Run may be called from kThreadsMax threads at once, each with a number of its own (the trees lock). Errors:
// none.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "bench/micro/tree/prompts.h"
#include "impl/route/fleet.h"
#include "impl/route/policy.h"
#include "impl/tree/block_hash.h"
#include "impl/tree/block_index.h"
#include "impl/tree/tree.h"

namespace prefixmesh::bench {

inline constexpr std::size_t kThreadsMax = 2;

class Contender {
 public:
  virtual ~Contender() = default;
  virtual void StartRound() {}
  virtual std::uint64_t Run(std::size_t prompt, std::size_t thread) = 0;
  // Of the tree as it is now, without what the templates and the start of the round put there; 0 without a tree.
  virtual std::int64_t BytesAdded() const { return 0; }
  // Blocks hashed or matched per prompt; 0 where there are none.
  virtual std::size_t BlocksPerPrompt() const { return 0; }
};

// XXH3_64bits over the bytes in one call, compiled as everything else is (SSE2 on x86-64): what all is divided by.
class Floor final : public Contender {
 public:
  explicit Floor(const PromptSet& prompts) : prompts_(prompts) {}
  std::uint64_t Run(std::size_t prompt, std::size_t thread) override;

 private:
  const PromptSet& prompts_;
};

// One load from every cache line: what the memory itself takes, which no hash can beat.
class Touch final : public Contender {
 public:
  explicit Touch(const PromptSet& prompts) : prompts_(prompts) {}
  std::uint64_t Run(std::size_t prompt, std::size_t thread) override;

 private:
  const PromptSet& prompts_;
};

// The ids of the blocks, nothing else.
class BlockHashing final : public Contender {
 public:
  BlockHashing(const PromptSet& prompts, std::uint32_t tokens_per_block);
  std::uint64_t Run(std::size_t prompt, std::size_t thread) override;
  std::size_t BlocksPerPrompt() const override;

 private:
  const PromptSet& prompts_;
  const BlockHasher hasher_;
};

// What a router does between the parsed request and the chosen worker, policy and real fleet included.
class Decision final : public Contender {
 public:
  enum class Tree { kBlockIndex, kText, kTokens };
  struct Options {
    Tree tree = Tree::kBlockIndex;
    std::uint32_t tokens_per_block = 16;
    bool hash_in_run = true;          // false: ids are made beforehand, only match and insert are timed
    bool warm_with_templates = true;  // false: the first prompts of a round meet an empty tree
    bool warm_with_prompts = false;   // every prompt is known before the round: fully matched repeats
    std::uint64_t announced = 0;      // ids that peers announced, none of them on a prompt's path
    bool fill_budget = false;         // the index starts full of unrelated prompts, so every insert also evicts
    std::uint64_t budget_bytes = 64u << 20;
  };
  Decision(const PromptSet& prompts, const Options& options);

  void StartRound() override;
  std::uint64_t Run(std::size_t prompt, std::size_t thread) override;
  std::int64_t BytesAdded() const override { return static_cast<std::int64_t>(tree_->Size().bytes - bytes_at_start_); }
  std::size_t BlocksPerPrompt() const override;

 private:
  static constexpr std::uint16_t kWorkers = 20;
  static constexpr std::size_t kInFlight = 64;

  std::uint64_t Route(const Slices& bytes, std::span<const NodeId> ids, std::size_t thread);

  const PromptSet& prompts_;
  const Options options_;
  const BlockHasher hasher_;
  std::vector<std::vector<NodeId>> ids_;  // by prompt; only without hash_in_run
  std::unique_ptr<PrefixTree> tree_;
  std::uint64_t bytes_at_start_ = 0;

  Fleet fleet_;
  std::vector<WorkerIndex> candidates_;

  // A ring: a request ends when kInFlight more were routed on its thread. Threads share no line of it.
  struct alignas(64) Requests {
    std::uint64_t routed = 0;
    std::array<std::optional<WorkerIndex>, kInFlight> in_flight;
  };
  std::array<Requests, kThreadsMax> requests_;
};

}  // namespace prefixmesh::bench
