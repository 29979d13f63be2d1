// Goal: what an index is told of an engine's blocks is what the engine holds, cut as ours: whatever the two sizes, and
// as blocks are stored, removed leaf first or anywhere, kept in two media, cleared and dumped.
// Oracle: a model of the engine that hashes whole prompts.
#include "impl/kvevents/engine/engine_blocks.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "impl/base/prng.h"
#include "tests/impl/kvevents/engine/engine_told.h"
#include "tests/support/properties.h"

namespace prefixmesh::kvevents {
namespace {

using prefixmesh::test::Cut;
using prefixmesh::test::Hashed;
using prefixmesh::test::kPlenty;
using prefixmesh::test::Told;

// An engine: a tree of blocks of `size` tokens, named by number.
class Engine {
 public:
  explicit Engine(std::uint32_t size) : size_(size) {}

  EngineEvent Store(std::uint64_t parent, std::size_t count, Prng& prng) {
    EngineEvent event;
    event.block_size = size_;
    if (parent != 0) event.parent = BlockName{0, parent};
    std::vector<std::uint32_t> tokens = parent != 0 ? blocks_.at(parent).tokens : std::vector<std::uint32_t>{};
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t name = next_++;
      for (std::uint32_t k = 0; k < size_; ++k) {
        tokens.push_back(static_cast<std::uint32_t>(prng.Below(1'000'000)));
        event.tokens.push_back(tokens.back());
      }
      event.blocks.push_back({0, name});
      blocks_[name] = {parent, tokens};
      parent = name;
    }
    return event;
  }
  EngineEvent Remove(std::uint64_t name) {
    EngineEvent event;
    event.kind = EventKind::kRemoved;
    event.blocks = {{0, name}};
    blocks_.erase(name);
    return event;
  }
  std::vector<std::uint64_t> names(bool leaves) const {
    std::vector<std::uint64_t> found;
    for (const auto& [name, block] : blocks_) {
      const bool leaf = std::none_of(blocks_.begin(), blocks_.end(),
                                     [name = name](const auto& each) { return each.second.parent == name; });
      if (leaf || !leaves) found.push_back(name);
    }
    return found;
  }
  // Of prompts that the engine would find whole: all ids of ours that they have.
  std::set<std::uint64_t> Holds(const BlockHashOptions& cut) const {
    std::set<std::uint64_t> ids;
    for (const auto& [name, block] : blocks_) {
      std::uint64_t at = name;
      while (at != 0 && blocks_.count(at) != 0) at = blocks_.at(at).parent;
      if (at != 0) continue;  // something above is gone
      for (const NodeId id : Hashed(cut, block.tokens)) ids.insert(id.value);
    }
    return ids;
  }

 private:
  struct Block {
    std::uint64_t parent;
    std::vector<std::uint32_t> tokens;  // from the root on
  };
  const std::uint32_t size_;
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, Block> blocks_;
};

TEST_CASE("an index is told what an engine holds, whatever the sizes, and a dump says the same") {
  test::ForAll("any history", [](std::uint64_t seed) {
    Prng prng(seed);
    constexpr std::uint32_t kSizes[] = {1, 5, 16, 24, 64};
    const std::uint32_t size = kSizes[prng.Below(5)];
    const BlockHashOptions cut = Cut(16u << prng.Below(3));
    const bool leaf_first = prng.Below(2) == 0;
    Engine engine(size);
    EngineBlocks blocks(cut, "m", kPlenty);
    Told told;
    for (int i = 0; i < 60; ++i) {
      std::vector<KvEvent> events;
      const std::vector<std::uint64_t> any = engine.names(false), leaves = engine.names(leaf_first);
      if (!leaves.empty() && prng.Below(3) == 0) {
        blocks.Apply(engine.Remove(leaves[prng.Below(leaves.size())]), events);
      } else {
        const std::uint64_t parent = any.empty() || prng.Below(4) == 0 ? 0 : any[prng.Below(any.size())];
        blocks.Apply(engine.Store(parent, 1 + prng.Below(64 / size + 2), prng), events);
      }
      RC_ASSERT(events.size() <= 1u);
      told.Take(events);
      const std::set<std::uint64_t> held = engine.Holds(cut);
      if (leaf_first) {
        RC_ASSERT(told.ids == held);
        RC_ASSERT(told.orphans == 0u);
      } else {  // more may be told: what is below something that is gone matches nothing
        RC_ASSERT(std::includes(told.ids.begin(), told.ids.end(), held.begin(), held.end()));
      }
    }
    std::vector<KvEvent> dump;
    blocks.Dump(dump);
    Told anew;
    anew.Take(dump);
    RC_ASSERT(anew.ids == engine.Holds(cut));
    RC_ASSERT(anew.orphans == 0u);
    RC_ASSERT(blocks.counts().refused == 0u);
    if (leaf_first) RC_ASSERT(blocks.counts().orphans == 0u);
  });
}

TEST_CASE("few bytes make few events: a known block told again needs its tokens, a gone one is gone once") {
  EngineBlocks blocks(Cut(16), "m", kPlenty);
  std::vector<KvEvent> events;
  EngineEvent large;
  large.blocks = {{0, 1}};
  large.block_size = 1600;
  large.tokens.assign(1600, 7);
  blocks.Apply(large, events);
  REQUIRE(events.at(0).blocks.size() == 100);
  EngineEvent small = large;
  small.block_size = 1;
  small.tokens.assign(1, 7);
  events.clear();
  blocks.Apply(small, events);
  CHECK(events.empty());
  CHECK(blocks.counts().refused == 1);

  // A chain of one-token blocks whose rest many others go on from.
  EngineBlocks chain(Cut(64), "m", kPlenty);
  EngineEvent event;
  event.block_size = 1;
  for (std::uint64_t i = 1; i <= 63; ++i) event.blocks.push_back({0, i});
  event.tokens.assign(63, 1);
  chain.Apply(event, events);
  constexpr std::uint32_t kChildren = 1000;
  for (std::uint32_t i = 0; i < kChildren; ++i) {
    EngineEvent child;
    child.parent = BlockName{0, 63};
    child.block_size = 1;
    child.blocks = {{0, 1000 + i}};
    child.tokens = {i};
    chain.Apply(child, events);
  }
  events.clear();
  EngineEvent removed;
  removed.kind = EventKind::kRemoved;
  removed.blocks = event.blocks;
  chain.Apply(removed, events);
  REQUIRE(events.size() == 1);
  CHECK(events[0].blocks.size() == kChildren);
}

TEST_CASE("a block is held as long as one medium has it") {
  Prng prng(1);
  Engine engine(16);
  EngineBlocks blocks(Cut(16), "m", kPlenty);
  EngineEvent store = engine.Store(0, 2, prng);
  std::vector<KvEvent> events;
  for (const char* medium : {"GPU", "CPU", "GPU"}) {
    store.medium = medium;
    blocks.Apply(store, events);
  }
  EngineEvent remove = engine.Remove(2);
  remove.medium = "GPU";
  events.clear();
  blocks.Apply(remove, events);
  CHECK(events.empty());
  remove.medium = "CPU";
  blocks.Apply(remove, events);
  REQUIRE(events.size() == 1);
  CHECK(events[0].blocks.size() == 1);
}

TEST_CASE("a LoRA, a salt and an image make other ids of the same tokens") {
  Prng prng(2);
  const EngineEvent plain = Engine(16).Store(0, 3, prng);
  std::set<std::uint64_t> seen;
  const auto ids_of = [&](EngineEvent event) {
    EngineBlocks blocks(Cut(16), "m", kPlenty);
    std::vector<KvEvent> events;
    blocks.Apply(event, events);
    std::vector<std::uint64_t> ids;
    for (const BlockName& name : events.at(0).blocks) ids.push_back(name.low);
    CHECK(!events[0].parent.has_value());
    return ids;
  };
  const std::vector<std::uint64_t> usual = ids_of(plain);
  std::vector<std::uint64_t> hashed;
  for (const NodeId id : Hashed(Cut(16), plain.tokens)) hashed.push_back(id.value);
  CHECK(usual == hashed);
  EngineEvent lora = plain, salted = plain, other_salt = plain, image = plain;
  lora.lora_name = "fr";
  salted.extra = {"s", "", ""};
  other_salt.extra = {"t", "", ""};
  image.extra = {"", "picture", ""};
  for (const EngineEvent& event : {plain, lora, salted, other_salt}) seen.insert(ids_of(event).front());
  CHECK(seen.size() == 4);
  const std::vector<std::uint64_t> with_image = ids_of(image);
  CHECK(with_image[0] == usual[0]);
  CHECK(with_image[1] != usual[1]);
  CHECK(with_image[2] != usual[2]);
}

TEST_CASE("what is below nothing, contradicts, is of another group or finds no room changes nothing, and is counted") {
  Prng prng(3);
  Engine engine(16);
  const EngineEvent first = engine.Store(0, 2, prng), below = engine.Store(2, 1, prng);
  EngineBlocks blocks(Cut(16), "m", kPlenty);
  std::vector<KvEvent> events;
  blocks.Apply(below, events);
  CHECK(blocks.counts().orphans == 1);
  EngineEvent other_group = first;
  other_group.group = 1;
  blocks.Apply(other_group, events);
  CHECK(blocks.counts().skipped == 1);
  CHECK(events.empty());
  blocks.Apply(first, events);
  events.clear();
  EngineEvent elsewhere = first;
  elsewhere.blocks = {{0, 2}, {0, 9}};  // 2 is below 1
  blocks.Apply(elsewhere, events);
  CHECK(blocks.counts().refused == 2);
  EngineEvent twice = first;
  twice.blocks = {{0, 20}, {0, 20}};  // below itself
  blocks.Apply(twice, events);
  CHECK(blocks.counts().refused == 3);
  CHECK(blocks.size() == 3);

  EngineBlocks small(Cut(64), "m", 4096);
  for (int i = 0; i < 100; ++i) small.Apply(engine.Store(0, 5, prng), events);
  CHECK(small.bytes() <= 4096);
  CHECK(small.counts().refused > 400);
  small.Clear();
  CHECK(small.bytes() == 0);
}

TEST_CASE("bytes are what the blocks have, whatever came and went") {
  test::ForAll("any history", [](std::uint64_t seed) {
    Prng prng(seed);
    Engine engine(1 + static_cast<std::uint32_t>(prng.Below(20)));
    EngineBlocks blocks(Cut(32), "m", kPlenty);
    std::vector<KvEvent> events;
    for (int i = 0; i < 40; ++i) {
      const std::vector<std::uint64_t> any = engine.names(false);
      if (!any.empty() && prng.Below(3) == 0)
        blocks.Apply(engine.Remove(any[prng.Below(any.size())]), events);
      else
        blocks.Apply(engine.Store(any.empty() ? 0 : any[prng.Below(any.size())], 1 + prng.Below(4), prng), events);
    }
    for (const std::uint64_t name : engine.names(false)) blocks.Apply(engine.Remove(name), events);
    RC_ASSERT(blocks.size() == 0u);
    RC_ASSERT(blocks.bytes() == 0u);
  });
}

}  // namespace
}  // namespace prefixmesh::kvevents
