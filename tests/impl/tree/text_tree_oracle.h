// text_tree_oracle.h — the naive model of the text tree and the token tree: per worker, the prompts it was given.
//
// A prompt is a string of symbols; `unit` turns a symbol into the bytes of one unit of the tree under test. Everything
// is computed by comparing whole prompts, so nothing of the tree's cleverness is repeated here.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "impl/tree/radix_tree.h"
#include "tests/impl/tree/levels.h"
#include "tests/support/properties.h"

namespace prefixmesh::test {

struct TreeUnderTest {
  std::string (*unit)(char symbol);                                    // bytes of one symbol
  std::unique_ptr<RadixTree> (*make)(std::uint64_t bytes_per_tenant);  // with this cap
  Kind kind;
  std::size_t ragged_bytes;  // bytes below one unit that a prompt may end with, and that no tree keeps
};

// A body cut into pieces of drawn lengths, as the network would.
class CutPrompt {
 public:
  CutPrompt(std::string bytes, const std::vector<std::uint8_t>& cuts, Kind kind) : bytes_(std::move(bytes)) {
    Bytes rest = AsBytes(bytes_);
    for (const std::uint8_t cut : cuts) {
      const std::size_t take = std::min<std::size_t>(cut % 37, rest.size());
      slices_.Append(rest.first(take));
      rest = rest.subspan(take);
    }
    slices_.Append(rest);
    prompt_ = {.kind = kind, .bytes = &slices_, .blocks = {}};
  }
  CutPrompt(const CutPrompt&) = delete;
  CutPrompt& operator=(const CutPrompt&) = delete;
  const Prompt& prompt() const { return prompt_; }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
  Slices slices_;
  Prompt prompt_;
};

constexpr std::uint8_t kRemovesPrefix = 12;  // Step::what

struct Step {
  std::string symbols;
  std::uint16_t worker = 0;
  std::uint8_t what = 0;
  std::vector<std::uint8_t> cuts;
  std::size_t ragged = 0;
};

inline void showValue(const Step& step, std::ostream& out) {
  out << "{" << int{step.what} << " w" << step.worker << " '" << step.symbols << "' +" << step.ragged << "}";
}

inline rc::Gen<std::vector<Step>> Steps() {
  // Few symbols and a shared head make prompts meet, extend and repeat each other.
  const auto symbols = rc::gen::mapcat(rc::gen::inRange(0, 4), [](int head) {
    return rc::gen::map(
        rc::gen::container<std::string>(rc::gen::elementOf(std::string("abc"))),
        [head](const std::string& tail) { return std::string("aaaabbbba", 3u * unsigned(head)) + tail; });
  });
  return rc::gen::container<std::vector<Step>>(rc::gen::build<Step>(
      rc::gen::set(&Step::symbols, symbols), rc::gen::set(&Step::worker, rc::gen::inRange<std::uint16_t>(0, 4)),
      rc::gen::set(&Step::what, rc::gen::inRange<std::uint8_t>(0, 14)), rc::gen::set(&Step::cuts),
      rc::gen::set(&Step::ragged, rc::gen::inRange<std::size_t>(0, 64))));
}

class RadixOracle {
 public:
  void Insert(const std::string& symbols, std::uint16_t worker) {
    auto& prompts = prompts_[worker];
    std::erase(prompts, symbols);
    if (!symbols.empty()) prompts.push_back(symbols);
  }
  void Remove(std::uint16_t worker) { prompts_.erase(worker); }
  // What begins so ends a symbol above.
  void RemovePrefix(const std::string& symbols, std::uint16_t worker) {
    if (symbols.empty()) return;
    for (std::string& held : prompts_[worker])
      if (held.starts_with(symbols)) held.resize(symbols.size() - 1);
    std::erase(prompts_[worker], "");
  }

  std::size_t Depth(const std::string& symbols, std::uint16_t worker) const {
    std::size_t depth = 0;
    const auto found = prompts_.find(worker);
    if (found == prompts_.end()) return 0;
    for (const std::string& held : found->second) {
      const auto [a, b] = std::mismatch(symbols.begin(), symbols.end(), held.begin(), held.end());
      depth = std::max(depth, static_cast<std::size_t>(a - symbols.begin()));
    }
    return depth;
  }
  std::map<std::uint16_t, std::size_t> Depths(const std::string& symbols) const {
    std::map<std::uint16_t, std::size_t> depths;
    for (const auto& [worker, prompts] : prompts_) {
      if (const std::size_t depth = Depth(symbols, worker); depth > 0) depths[worker] = depth;
    }
    return depths;
  }
  // Distinct non-empty prefixes: one unit of edge each.
  std::size_t Units(std::uint16_t worker) const {
    std::set<std::string> prefixes;
    if (const auto found = prompts_.find(worker); found != prompts_.end()) {
      for (const std::string& held : found->second) {
        for (std::size_t n = 1; n <= held.size(); ++n) prefixes.insert(held.substr(0, n));
      }
    }
    return prefixes.size();
  }
  // Least recent first.
  const std::map<std::uint16_t, std::vector<std::string>>& prompts() const { return prompts_; }

 private:
  std::map<std::uint16_t, std::vector<std::string>> prompts_;
};

// Drives a tree and its oracle through the same steps.
class RadixPair {
 public:
  RadixPair(const TreeUnderTest& under_test, std::uint64_t units_per_tenant)
      : under_test_(under_test), unit_bytes_(under_test.unit('a').size()) {
    tree_ = under_test.make(units_per_tenant * unit_bytes_);
  }

  std::unique_ptr<CutPrompt> Body(const Step& step) const {
    std::string bytes;
    for (const char symbol : step.symbols) bytes += under_test_.unit(symbol);
    bytes.append(std::min(step.ragged, under_test_.ragged_bytes), 'a');
    return std::make_unique<CutPrompt>(std::move(bytes), step.cuts, under_test_.kind);
  }

  void Do(const Step& step) {
    const auto body = Body(step);
    const WorkerIndex worker{step.worker};
    if (step.what == 0) {
      tree_->RemoveWorker(worker);
      oracle_.Remove(step.worker);
    } else if (step.what <= 3) {
      tree_->Insert(body->prompt(), worker);
      oracle_.Insert(step.symbols, step.worker);
    } else if (step.what >= kRemovesPrefix) {
      tree_->RemovePrefix(body->prompt(), worker);
      oracle_.RemovePrefix(step.symbols, step.worker);
    } else {
      MatchAndInsert(step, *body, step.what != 4);
    }
    RC_ASSERT(tree_->TenantBytes(worker) == oracle_.Units(step.worker) * unit_bytes_);
  }

  std::size_t Depth(const std::string& symbols, std::uint16_t worker) const {
    std::vector<WorkerPrefix> found;
    tree_->Depths(Body({.symbols = symbols, .cuts = {}})->prompt(), found);
    for (const WorkerPrefix& prefix : found) {
      if (prefix.worker.value == worker) return prefix.bytes / unit_bytes_;
    }
    return 0;
  }

  void CheckDepths(const Step& step) const {
    std::vector<WorkerPrefix> found{{WorkerIndex{9}, 1}};  // Depths appends
    tree_->Depths(Body(step)->prompt(), found);
    RC_ASSERT(found.front().worker == WorkerIndex{9});
    found.erase(found.begin());
    std::map<std::uint16_t, std::size_t> depths;
    for (const WorkerPrefix& prefix : found) depths[prefix.worker.value] = prefix.bytes / unit_bytes_;
    RC_ASSERT(depths == oracle_.Depths(step.symbols));
    RC_ASSERT(std::is_sorted(found.begin(), found.end(), [](auto a, auto b) { return a.worker < b.worker; }));
  }

  RadixTree& tree() { return *tree_; }
  const RadixOracle& oracle() const { return oracle_; }
  std::size_t unit_bytes() const { return unit_bytes_; }

 private:
  void MatchAndInsert(const Step& step, const CutPrompt& body, bool place) {
    const auto depths = oracle_.Depths(step.symbols);
    std::size_t deepest = 0;
    for (const auto& [worker, depth] : depths) deepest = std::max(deepest, depth);
    std::vector<WorkerIndex> holders;
    for (const auto& [worker, depth] : depths) {
      if (depth == deepest) holders.push_back({worker});
    }
    int calls = 0;
    const Insertion insertion =
        tree_->MatchAndInsert(body.prompt(), [&](const TreeMatch& match) -> std::optional<WorkerIndex> {
          ++calls;
          RC_ASSERT(match.matched_bytes == deepest * unit_bytes_);
          RC_ASSERT(match.prompt_bytes == body.size());
          RC_ASSERT(std::vector<WorkerIndex>(match.holders.begin(), match.holders.end()) == holders);
          std::map<std::uint16_t, std::uint64_t> bytes;
          for (const auto& [worker, depth] : depths)
            if (depth > 0) bytes[worker] = depth * unit_bytes_;
          RequireLevels(match, bytes, 2 * unit_bytes_);
          return place ? std::optional(WorkerIndex{step.worker}) : std::nullopt;
        });
    RC_ASSERT(calls == 1);
    RC_ASSERT(insertion.matched_bytes == deepest * unit_bytes_);
    RC_ASSERT(insertion.worker.has_value() == place);
    const auto own = depths.find(step.worker);
    RC_ASSERT(insertion.repeat == (place && own != depths.end() && own->second == step.symbols.size()));
    if (place) oracle_.Insert(step.symbols, step.worker);
  }

  const TreeUnderTest& under_test_;
  const std::size_t unit_bytes_;
  std::unique_ptr<RadixTree> tree_;
  RadixOracle oracle_;
};

// ---- the properties that both trees have

inline void CheckAgainstOracle(const TreeUnderTest& under_test) {
  ForAll("matches, depths and counts are those of a set of prompts", [&] {
    RadixPair pair(under_test, 1u << 20);
    for (const Step& step : *Steps()) {
      pair.Do(step);
      pair.CheckDepths(step);
    }
    for (const Step& step : *Steps()) pair.CheckDepths(step);
  });
}

inline void CheckReturnsToEmpty(const TreeUnderTest& under_test) {
  ForAll("removing all workers leaves the root and the bytes of an empty tree", [&] {
    RadixPair pair(under_test, 1u << 20);
    const TreeSize empty = pair.tree().Size();
    RC_ASSERT(empty.nodes == 1u);
    for (const Step& step : *Steps()) pair.Do(step);
    for (std::uint16_t worker = 0; worker < 4; ++worker) pair.tree().RemoveWorker({worker});
    RC_ASSERT(pair.tree().Size().nodes == 1u);
    RC_ASSERT(pair.tree().Size().bytes == empty.bytes);
    RC_ASSERT(pair.tree().Size().budget_bytes == 0u);
  });
}

inline void CheckEviction(const TreeUnderTest& under_test) {
  ForAll("Evict brings every tenant under its cap and never drops what is more recent first", [&] {
    const auto cap = *rc::gen::inRange<std::uint64_t>(0, 40);
    RadixPair pair(under_test, cap);
    for (const Step& step : *Steps())
      if (step.what < kRemovesPrefix) pair.Do(step);  // what is left is as recent as what it was a part of
    pair.tree().Evict();
    for (const auto& entry : pair.oracle().prompts()) {
      const std::uint16_t worker = entry.first;
      const std::vector<std::string>& prompts = entry.second;
      RC_ASSERT(pair.tree().TenantBytes({worker}) <= cap * pair.unit_bytes());
      const bool was_over = pair.oracle().Units(worker) > cap;
      bool newer_lost = false;
      for (std::size_t i = prompts.size(); i-- > 0;) {
        const bool lost = pair.Depth(prompts[i], worker) < prompts[i].size();
        RC_ASSERT(was_over || !lost);
        // A prefix of something newer lives by that; anything else goes before what is newer.
        const bool in_newer = std::any_of(prompts.begin() + static_cast<std::ptrdiff_t>(i) + 1, prompts.end(),
                                          [&](const std::string& newer) { return newer.starts_with(prompts[i]); });
        if (newer_lost && !in_newer) RC_ASSERT(lost);
        newer_lost |= lost;
      }
    }
    // The bookkeeping survived: what is left goes away as before.
    for (std::uint16_t worker = 0; worker < 4; ++worker) pair.tree().RemoveWorker({worker});
    RC_ASSERT(pair.tree().Size().nodes == 1u);
  });
}

}  // namespace prefixmesh::test
