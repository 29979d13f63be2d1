// Goal: of an engine that drops any of its blocks and tells them again, never more is believed than it would find.
// Oracle: the engine itself, which finds a prompt's blocks as far as it has them from the first on.
#include <optional>
#include <vector>

#include "impl/base/prng.h"
#include "impl/kvevents/engine/engine_blocks.h"
#include "tests/impl/kvevents/engine/engine_told.h"
#include "tests/support/properties.h"

namespace prefixmesh::kvevents {
namespace {

using prefixmesh::test::Cut;
using prefixmesh::test::Hashed;
using prefixmesh::test::kPlenty;
using prefixmesh::test::Told;

// Blocks of `size` tokens that come, go in any order and come again: from the first that is missing, all to the end are
// told, those that are still there as well.
class ForgetfulEngine {
 public:
  explicit ForgetfulEngine(std::uint32_t size) : size_(size) {}

  std::uint64_t New(std::uint64_t parent, Prng& prng) {
    const std::uint64_t name = blocks_.size() + 1;
    Block block{parent, {}, false};
    if (parent != 0) block.tokens = At(parent).tokens;
    for (std::uint32_t k = 0; k < size_; ++k) block.tokens.push_back(static_cast<std::uint32_t>(prng.Below(1000)));
    blocks_.push_back(std::move(block));
    return name;
  }
  // The prompt that ends with this block is computed.
  std::optional<EngineEvent> Compute(std::uint64_t name) {
    const std::vector<std::uint64_t> path = Path(name);
    std::size_t from = 0;
    while (from < path.size() && At(path[from]).held) ++from;
    if (from == path.size()) return std::nullopt;
    EngineEvent event;
    event.block_size = size_;
    if (from > 0) event.parent = BlockName{0, path[from - 1]};
    for (; from < path.size(); ++from) {
      Block& block = At(path[from]);
      block.held = true;
      event.blocks.push_back({0, path[from]});
      event.tokens.insert(event.tokens.end(), block.tokens.end() - size_, block.tokens.end());
    }
    return event;
  }
  EngineEvent Remove(std::uint64_t name) {
    At(name).held = false;
    EngineEvent event;
    event.kind = EventKind::kRemoved;
    event.blocks = {{0, name}};
    return event;
  }
  std::uint64_t size() const { return blocks_.size(); }
  const std::vector<std::uint32_t>& tokens(std::uint64_t name) const { return blocks_[name - 1].tokens; }
  // Tokens of the prompt of this block that would be found.
  std::size_t Found(std::uint64_t name) {
    std::size_t found = 0;
    for (const std::uint64_t at : Path(name)) {
      if (!At(at).held) break;
      found += size_;
    }
    return found;
  }

 private:
  struct Block {
    std::uint64_t parent;
    std::vector<std::uint32_t> tokens;  // from the root on
    bool held;
  };
  Block& At(std::uint64_t name) { return blocks_[name - 1]; }
  std::vector<std::uint64_t> Path(std::uint64_t name) {
    std::vector<std::uint64_t> path;
    for (; name != 0; name = At(name).parent) path.insert(path.begin(), name);
    return path;
  }
  const std::uint32_t size_;
  std::vector<Block> blocks_;
};

TEST_CASE("of an engine that drops anything and tells it again, never more is believed than it would find") {
  test::ForAll("any history", [](std::uint64_t seed) {
    Prng prng(seed);
    constexpr std::uint32_t kSizes[] = {1, 5, 8, 16, 24, 64};
    ForgetfulEngine engine(kSizes[prng.Below(6)]);
    const BlockHashOptions cut = Cut(16u << prng.Below(3));
    EngineBlocks blocks(cut, "m", kPlenty);
    Told told;
    for (int i = 0; i < 80; ++i) {
      std::vector<KvEvent> events;
      if (engine.size() == 0 || prng.Below(3) == 0) {
        const std::uint64_t name = engine.New(prng.Below(engine.size() + 1), prng);
        if (const auto event = engine.Compute(name)) blocks.Apply(*event, events);
      } else if (prng.Below(2) == 0) {
        if (const auto event = engine.Compute(1 + prng.Below(engine.size()))) blocks.Apply(*event, events);
      } else {
        blocks.Apply(engine.Remove(1 + prng.Below(engine.size())), events);
      }
      told.Take(events);
      for (std::uint64_t name = 1; name <= engine.size(); ++name) {
        const std::vector<NodeId> ids = Hashed(cut, engine.tokens(name));
        std::size_t matched = 0;
        while (matched < ids.size() && told.ids.count(ids[matched].value) > 0) ++matched;
        RC_ASSERT(matched <= engine.Found(name) / cut.tokens_block_tokens);
      }
    }
    // Once all is told again, all is believed.
    for (std::uint64_t name = 1; name <= engine.size(); ++name) {
      std::vector<KvEvent> events;
      blocks.Apply(engine.Remove(name), events);
      told.Take(events);
    }
    RC_ASSERT(blocks.size() == 0u);
    RC_ASSERT(blocks.bytes() == 0u);
    RC_ASSERT(told.ids.empty());
    for (std::uint64_t name = 1; name <= engine.size(); ++name) {
      std::vector<KvEvent> events;
      if (const auto event = engine.Compute(name)) blocks.Apply(*event, events);
      told.Take(events);
      for (const NodeId id : Hashed(cut, engine.tokens(name))) RC_ASSERT(told.ids.count(id.value) == 1u);
    }
  });
}

}  // namespace
}  // namespace prefixmesh::kvevents
