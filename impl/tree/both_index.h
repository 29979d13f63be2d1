// both_index.h — of workers that are heard what they say themselves (held_index.h), of all others what was routed and
// announced (block_index.h): for a fleet of which only some workers tell KV events, or whose streams break.
//
// A worker is in one of the two at a time, HeldIndex::heard() says in which. What is chosen goes into both: it is
// expected of a worker that is heard, and it is a placement for the mesh in any case, because peers may not hear it.
//
// Threads:   any; a match holds the block index's mutex, and inside it the held index's. Ownership: borrows both.
// Errors, bounds, time: theirs.
#pragma once

#include <vector>

#include "impl/tree/block_index.h"
#include "impl/tree/held_index.h"
#include "impl/tree/tree.h"

namespace prefixmesh {

class BothIndex final : public PrefixTree {
 public:
  BothIndex(HeldIndex& held, BlockIndex& routed) : held_(held), routed_(routed) {}

  // PrefixTree. What an Insertion says of announcements is the block index's, the rest is of both.
  Insertion MatchAndInsert(const Prompt& prompt, Chooser choose) override;
  void Insert(const Prompt& prompt, WorkerIndex worker) override { routed_.Insert(prompt, worker); }
  void Depths(const Prompt& prompt, std::vector<WorkerPrefix>& out) const override;
  void RemoveWorker(WorkerIndex worker) override;
  void RemovePrefix(const Prompt& prompt, WorkerIndex worker) override;
  void Evict() override { routed_.Evict(); }
  TreeSize Size() const override;

 private:
  // One of the two, level by level.
  struct Side {
    TreeMatch match = {};
    bool heard = false;                   // its workers are those that are
    std::vector<WorkerIndex> shown = {};  // that hold the prompt at least as far as was shown
    std::vector<WorkerIndex> next = {};   // those of the next level, the former among them
    std::uint64_t next_bytes = 0;         // 0: it was not looked for, or is not there
    bool first = true;                    // `match` is the deepest level, and not looked at yet
  };
  class Levels;

  HeldIndex& held_;
  BlockIndex& routed_;
  // Scratch of one match: with the block index's mutex.
  Side told_{.heard = true}, placed_{.heard = false};
  std::vector<WorkerIndex> holders_;
};

}  // namespace prefixmesh
