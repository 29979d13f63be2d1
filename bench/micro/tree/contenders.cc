#include "bench/micro/tree/contenders.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string>
#include <utility>

#include "impl/tree/text_tree.h"
#include "impl/tree/token_tree.h"

namespace prefixmesh::bench {
namespace {

// Generated ids stand in for other people's prompts: the index sees ids only.
NodeId OtherId(Prng& prng) { return NodeId{prng.Next() | 1}; }

const PolicyOptions kPolicy;

}  // namespace

std::uint64_t Floor::Run(std::size_t prompt, std::size_t /*thread*/) {
  const Bytes bytes = prompts_.prompt(prompt).pieces()[0];
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::uint64_t Touch::Run(std::size_t prompt, std::size_t /*thread*/) {
  constexpr std::size_t kCacheLineBytes = 64;
  const Bytes bytes = prompts_.prompt(prompt).pieces()[0];
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at + sizeof(sum) <= bytes.size(); at += kCacheLineBytes) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    sum += word;
  }
  return sum;
}

BlockHashing::BlockHashing(const PromptSet& prompts, std::uint32_t tokens_per_block)
    : prompts_(prompts),
      hasher_({.tokens_block_tokens = tokens_per_block, .seed = 1}, "model", prompts.options().kind) {}

std::uint64_t BlockHashing::Run(std::size_t prompt, std::size_t /*thread*/) {
  thread_local std::vector<NodeId> ids;
  hasher_.Hash(prompts_.prompt(prompt), ids);
  return ids.back().value;
}

std::size_t BlockHashing::BlocksPerPrompt() const { return prompts_.options().prompt_bytes / hasher_.block_bytes(); }

Decision::Decision(const PromptSet& prompts, const Options& options)
    : prompts_(prompts),
      options_(options),
      hasher_({.tokens_block_tokens = options.tokens_per_block, .seed = 1}, "model", prompts.options().kind),
      fleet_(1) {
  for (std::uint16_t i = 0; i < kWorkers; ++i) {
    const WorkerIndex worker = *fleet_.Intern("worker " + std::to_string(i));
    fleet_.SetHealthy(worker, true);
    candidates_.push_back(worker);
  }
  if (!options.hash_in_run) {
    ids_.resize(prompts.count());
    for (std::size_t i = 0; i < prompts.count(); ++i) hasher_.Hash(prompts.prompt(i), ids_[i]);
  }
}

void Decision::StartRound() {
  // Every round makes the same choices (on one thread).
  for (Requests& requests : requests_) {
    for (const std::optional<WorkerIndex> worker : requests.in_flight)
      if (worker.has_value()) fleet_.EndRequest(*worker);
    requests = {};
  }
  tree_.reset();
  if (options_.tree == Tree::kText) {
    tree_ = std::make_unique<TextTree>();
  } else if (options_.tree == Tree::kTokens) {
    tree_ = std::make_unique<TokenTree>();
  } else {
    auto index = std::make_unique<BlockIndex>(BlockIndexOptions{
        .budget_bytes = options_.budget_bytes,
        .tokens_block_bytes = options_.tokens_per_block * static_cast<std::uint32_t>(kBytesPerToken)});
    Prng prng = Prng::ForPurpose(1, "other prompts");
    std::vector<NodeId> other(BlocksPerPrompt());
    const Slices none;
    while (options_.fill_budget && index->Size().forgotten == 0) {
      for (NodeId& id : other) id = OtherId(prng);
      const auto worker = static_cast<std::uint16_t>(prng.Below(kWorkers));
      index->Insert({prompts_.options().kind, &none, other}, WorkerIndex{worker});
    }
    for (std::uint32_t i = 0; i < options_.announced; ++i) {
      const NodeId id = OtherId(prng);
      index->ApplyIds({&id, 1}, WorkerIndex{static_cast<std::uint16_t>(i % kWorkers)}, 1, i + 1);
    }
    tree_ = std::move(index);
  }
  std::vector<NodeId> ids;
  const auto warm = [&](const Slices& bytes) {
    if (options_.tree == Tree::kBlockIndex) hasher_.Hash(bytes, ids);
    Route(bytes, ids, 0);
  };
  if (options_.warm_with_templates)
    for (std::size_t i = 0; i < prompts_.templates(); ++i) warm(prompts_.template_prompt(i));
  if (options_.warm_with_prompts)
    for (std::size_t i = 0; i < prompts_.count(); ++i) warm(prompts_.prompt(i));
  bytes_at_start_ = tree_->Size().bytes;
}

std::uint64_t Decision::Run(std::size_t prompt, std::size_t thread) {
  if (!ids_.empty()) return Route(prompts_.prompt(prompt), ids_[prompt], thread);
  thread_local std::vector<NodeId> ids;
  if (options_.tree == Tree::kBlockIndex) {
    hasher_.Hash(prompts_.prompt(prompt), ids);
  } else {
    ids.clear();
  }
  return Route(prompts_.prompt(prompt), ids, thread);
}

std::uint64_t Decision::Route(const Slices& bytes, std::span<const NodeId> ids, std::size_t thread) {
  Requests& requests = requests_[thread];
  const std::uint64_t number = requests.routed++;
  const std::uint64_t chance = Mix64(number * kThreadsMax + thread);
  const Insertion insertion =
      tree_->MatchAndInsert({prompts_.options().kind, &bytes, ids}, [&](const TreeMatch& match) {
        const Choice choice = ChooseWorker(Policy::kCacheAware, kPolicy, match, {candidates_, fleet_, chance, number});
        fleet_.BeginRequest(*choice.worker);
        return choice.worker;
      });
  const std::optional<WorkerIndex> ended = std::exchange(requests.in_flight[number % kInFlight], insertion.worker);
  if (ended.has_value()) fleet_.EndRequest(*ended);
  return Mix64(insertion.matched_bytes * kWorkers + insertion.worker->value);
}

std::size_t Decision::BlocksPerPrompt() const {
  return options_.tree == Tree::kBlockIndex ? prompts_.options().prompt_bytes / hasher_.block_bytes() : 0;
}

}  // namespace prefixmesh::bench
