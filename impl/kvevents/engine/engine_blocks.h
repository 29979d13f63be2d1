// engine_blocks.h — what an engine holds, by its own names, and what that is in ours: from batches of engine events to
// the events that an index takes.
//
//   engine's blocks   |--16--|--16--|--16--|--16--|      its hashes, its size, parents by hash
//   ours              |------32-----|------32-----|      block_hash.h's ids of the same tokens
//
// Sizes need not divide each other: a block of ours is told of when the engine's block that ends it is stored, and gone
// with the first of those that it lies in that is removed; it comes back when the engine tells of its end again. A LoRA
// and what else keeps prompts apart (EngineEvent::extra) make other ids (BlockHasher::Scoped). A block is held as long
// as one medium has it.
//
// What is known of an engine is kept here and so can be dumped, which engines cannot.
//
// Threads: one. Ownership: copies. Errors: a store below a block that is not known, and one that contradicts what is
// known, changes nothing and is counted. Bounds: `bytes_max`; what does not fit is refused and counted. Time: none.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "impl/base/ids.h"
#include "impl/kvevents/engine/engine_batch.h"
#include "impl/kvevents/kv_event.h"
#include "impl/tree/block_hash.h"

namespace prefixmesh::kvevents {

class EngineBlocks {
 public:
  EngineBlocks(const BlockHashOptions& hash, std::string_view model, std::size_t bytes_max);

  // Appends what it changes, in our ids and without numbers: at most one event, of a removal at most two.
  void Apply(const EngineEvent& event, std::vector<KvEvent>& out);
  // Appends stores of all that is held, parents first. What hangs below a block that is gone is forgotten: it matches
  // nothing.
  void Dump(std::vector<KvEvent>& out);
  void Clear();

  struct Counts {
    std::uint64_t orphans = 0;  // stores below a block that is not known
    std::uint64_t refused = 0;  // blocks: no room, or they contradict what is known
    std::uint64_t skipped = 0;  // events of other cache groups
  };
  const Counts& counts() const { return counts_; }
  std::size_t size() const { return blocks_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  // Where a chain is at the end of a block.
  struct End {
    NodeId told{0};                   // the last whole block of ours; 0: none
    NodeId prefix{0};                 // what ids go on from: that, or a scope below it
    std::vector<std::uint32_t> rest;  // tokens since then
  };
  // Of one that is not exactly one of ours.
  struct Uneven {
    std::vector<NodeId> ids;  // of ours that end in it
    End end;
    std::size_t tokens = 0;
    std::set<BlockName> children;  // where its rest goes on; without a rest they are not needed
    bool broken = false;           // a block that its rest, or its first id, begins in is gone: nothing of it is told
  };
  struct Block {
    BlockName parent;
    NodeId id{0};                    // of ours; 0: see `uneven`
    std::unique_ptr<Uneven> uneven;  // else null: the one of ours begins and ends with it
    bool has_parent = false;
    std::uint8_t media = 0;  // a bit each
    bool reached = false;    // by the dump under way
    std::span<const NodeId> ids() const { return uneven ? std::span<const NodeId>(uneven->ids) : std::span(&id, 1); }
    NodeId told() const { return uneven ? uneven->end.told : id; }
    bool broken() const { return uneven && uneven->broken; }
  };
  struct NameHash {
    std::uint64_t seed;
    std::size_t operator()(const BlockName& name) const;
  };
  using Blocks = std::unordered_map<BlockName, Block, NameHash>;

  void Store(const EngineEvent& event, std::vector<KvEvent>& out);
  void Remove(const EngineEvent& event, std::vector<KvEvent>& out);
  void BreakSpanning(Block& block, std::vector<BlockName>& ids);
  void Join(const BlockName& name, const BlockName& parent);
  void Forget(Blocks::iterator at);
  // Nothing: no room.
  Block* Add(const BlockName& name, const std::optional<BlockName>& parent, const End& before, std::string_view extra,
             const std::uint32_t* tokens, std::size_t count);
  std::uint8_t MediumBit(const std::string& medium);
  static End EndOf(const Block& block) { return block.uneven ? block.uneven->end : End{block.id, block.id, {}}; }
  static std::size_t BytesOf(const Block& block);

  const BlockHasher hasher_;
  const std::size_t tokens_per_block_;
  const std::size_t bytes_max_;
  Blocks blocks_;
  std::vector<std::string> media_;
  std::size_t bytes_ = 0;
  std::vector<std::uint8_t> bytes_scratch_;
  Counts counts_;
};

}  // namespace prefixmesh::kvevents
