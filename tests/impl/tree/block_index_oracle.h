// block_index_oracle.h — what the block index must answer, spelled out: prompts as words, one letter a block, and a
// naive set of (prefix, worker) for what this router routed and what peers announced.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "impl/tree/block_hash.h"
#include "impl/tree/block_index.h"
#include "tests/impl/tree/levels.h"
#include "tests/support/properties.h"

namespace prefixmesh::test {

inline constexpr std::uint32_t kBlock = 64;

// A prompt whose blocks are the letters of `word`.
struct Word {
  explicit Word(const std::string& word) {
    for (const char c : word) text.append(kBlock, c);
    slices = Slices(AsBytes(text));
    BlockHasher({.text_block_bytes = kBlock}, "m", Kind::kText).Hash(slices, ids);
  }
  Prompt prompt() const { return {Kind::kText, &slices, ids}; }
  std::string text;
  Slices slices;
  std::vector<NodeId> ids;
};

// Who holds which prefix, spelled out.
class PrefixOracle {
 public:
  void Insert(const std::string& word, std::uint16_t worker) {
    for (std::size_t n = 1; n <= word.size(); ++n) own_[word.substr(0, n)].insert(worker);
  }
  void Announce(const std::string& prefix, std::uint16_t worker, std::uint16_t origin, std::uint32_t seq) {
    auto& latest = announced_[{prefix, worker, origin}];
    latest = std::max(latest, seq);
  }
  void Retract(const std::string& prefix, std::uint16_t worker, std::uint16_t origin, std::uint32_t seq) {
    const auto at = announced_.find({prefix, worker, origin});
    if (at != announced_.end() && at->second == seq) announced_.erase(at);
  }
  void RemoveWorker(std::uint16_t worker) {
    for (auto& [prefix, holders] : own_) holders.erase(worker);
    std::erase_if(announced_, [&](const auto& entry) { return std::get<1>(entry.first) == worker; });
  }
  void RemovePrefix(const std::string& word, std::uint16_t worker) {
    for (auto& [prefix, holders] : own_)
      if (prefix.starts_with(word)) holders.erase(worker);
    std::erase_if(announced_, [&](const auto& entry) {
      return std::get<0>(entry.first) == word && std::get<1>(entry.first) == worker;
    });
  }
  // (prefix, worker, origin) → latest seq.
  using Announced = std::map<std::tuple<std::string, std::uint16_t, std::uint16_t>, std::uint32_t>;
  const Announced& announced() const { return announced_; }
  std::set<std::uint16_t> Holders(const std::string& prefix) const {
    std::set<std::uint16_t> holders;
    if (const auto at = own_.find(prefix); at != own_.end()) holders = at->second;
    for (const auto& [key, seq] : announced_)
      if (std::get<0>(key) == prefix) holders.insert(std::get<1>(key));
    return holders;
  }
  // Deepest prefix of `word` that anyone holds.
  std::size_t Depth(const std::string& word) const {
    for (std::size_t n = word.size(); n > 0; --n)
      if (!Holders(word.substr(0, n)).empty()) return n;
    return 0;
  }

 private:
  std::map<std::string, std::set<std::uint16_t>> own_;
  Announced announced_;
};

inline void RequireSameAnswers(BlockIndex& index, const PrefixOracle& oracle, const std::string& word) {
  const Word query(word);
  std::vector<std::uint16_t> holders;
  std::uint64_t matched = 0;
  index.MatchAndInsert(query.prompt(), [&](const TreeMatch& match) -> std::optional<WorkerIndex> {
    for (const WorkerIndex holder : match.holders) holders.push_back(holder.value);
    matched = match.matched_bytes;
    return std::nullopt;
  });
  const std::size_t depth = oracle.Depth(word);
  RC_ASSERT(matched == depth * kBlock);
  const auto expected = oracle.Holders(word.substr(0, depth));
  RC_ASSERT(std::set<std::uint16_t>(holders.begin(), holders.end()) == expected);
  RC_ASSERT(std::is_sorted(holders.begin(), holders.end()));

  std::map<std::uint16_t, std::uint64_t> want;
  for (std::size_t n = 1; n <= word.size(); ++n)
    for (const std::uint16_t worker : oracle.Holders(word.substr(0, n))) want[worker] = n * kBlock;
  const std::uint64_t bytes_min = *rc::gen::inRange<std::uint64_t>(1, 3 * kBlock);
  index.MatchAndInsert(query.prompt(), [&](const TreeMatch& match) -> std::optional<WorkerIndex> {
    RequireLevels(match, want, bytes_min);
    return std::nullopt;
  });
  std::vector<WorkerPrefix> depths;
  index.Depths(query.prompt(), depths);
  std::map<std::uint16_t, std::uint64_t> have;
  for (const WorkerPrefix& prefix : depths) have[prefix.worker.value] = prefix.bytes;
  RC_ASSERT(have == want);
}

// What the index keeps of the peers' announcements.
inline std::vector<DumpedEdge> AnnouncedEntries(const BlockIndex& index) {
  std::vector<DumpedEdge> entries = index.Dump();
  std::erase_if(entries, [](const DumpedEdge& edge) { return edge.origin == 0; });
  return entries;
}

// What it should keep.
inline std::vector<DumpedEdge> AnnouncedEntries(const PrefixOracle& oracle) {
  std::vector<DumpedEdge> entries;
  for (const auto& [key, seq] : oracle.announced()) {
    const auto& [prefix, worker, origin] = key;
    entries.push_back({Word(prefix).ids.back(), WorkerIndex{worker}, origin, seq});
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

// A word of 1 to longest - 1 letters, of two, so that words share prefixes.
inline std::string DrawWord(std::size_t longest) {
  const auto length = *rc::gen::inRange<std::size_t>(1, longest);
  return *rc::gen::container<std::string>(length, rc::gen::element('a', 'b'));
}

}  // namespace prefixmesh::test
