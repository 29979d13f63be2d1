// held_index.h — which worker holds which block, as the workers themselves say: the index of KV events. block_index.h
// is the other one, of what this router routed and what peers announced.
//
//   told       block id → who said that it stored it                       HeldTable, HolderSets
//   expected   chains that somebody was sent, until it tells of the last    Expectations
//
// A prompt is matched level by level, at every level by those who hold all levels above: what a worker evicted from the
// middle ends its match there, whatever it holds below. A worker that is cleared gets a new holder number; the old one
// counts for nothing from then on, in one step, and Sweep takes it out of the sets in turns.
//
// Threads:  any, one mutex, held for one match, or for kTurnBlocks blocks of what is told. Ownership: values. Errors: a
//           block whose parent the worker does not hold, and what finds no room, is refused and counted. Time: none.
// Bounds:   options.budget_bytes, exact to the allocation but for one turn, and an eighth more for new holders of
// blocks
//           that are there; kExpectationsMax requests. Nothing that a worker told is dropped for another's: what does
//           not fit is refused, and the worker matches less than it holds.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "impl/base/block_sum.h"
#include "impl/tree/descent_mutex.h"
#include "impl/tree/expectations.h"
#include "impl/tree/held_table.h"
#include "impl/tree/holder_sets.h"
#include "impl/tree/tree.h"

namespace prefixmesh {

struct HeldIndexOptions {
  std::uint64_t budget_bytes = 64u << 20;
  std::uint32_t text_block_bytes = 256;
  std::uint32_t tokens_block_bytes = 64;
  std::uint64_t seed = 0;  // a secret: who names blocks shall not choose where they lie
};

class HeldIndex final : public PrefixTree {
 public:
  static constexpr std::size_t kTurnBlocks = 128;
  static constexpr std::size_t kExpectationsMax = 1u << 14;

  explicit HeldIndex(const HeldIndexOptions& options);
  HeldIndex(const HeldIndex&) = delete;
  HeldIndex& operator=(const HeldIndex&) = delete;

  // PrefixTree. What the chooser picks is expected to hold the prompt until Forget(insertion.expectation).
  Insertion MatchAndInsert(const Prompt& prompt, Chooser choose) override;
  void Insert(const Prompt& prompt, WorkerIndex worker) override;  // as if it had told so
  void Depths(const Prompt& prompt, std::vector<WorkerPrefix>& out) const override;
  void RemoveWorker(WorkerIndex worker) override { Clear(worker); }
  // Of its last block alone: what is below matches nothing until the worker stores that again.
  void RemovePrefix(const Prompt& prompt, WorkerIndex worker) override;
  void Evict() override {}
  TreeSize Size() const override;

  enum class Told : std::uint8_t { kTaken, kOrphan, kFull };
  struct Stored {
    Told told = Told::kTaken;
    std::size_t blocks = 0;  // that are new for the worker
  };
  // The worker stored this chain below `parent`, or at the root. kOrphan: it does not hold the parent, nothing is
  // changed. kFull: some found no room; until it is cleared, a parent that is not there is one of those.
  Stored Store(std::optional<NodeId> parent, std::span<const NodeId> ids, WorkerIndex worker);
  // In any order; what it does not hold changes nothing. Returns how many it held.
  std::size_t Remove(std::span<const NodeId> ids, WorkerIndex worker);
  // All that it holds and is expected to. O(1).
  void Clear(WorkerIndex worker);
  // Whether the worker is listened to: of who tells nothing, nothing is expected. At first it is not.
  void SetHeard(WorkerIndex worker, bool heard);
  // Without a lock, so that it can be asked while this is matched.
  bool heard(WorkerIndex worker) const {
    return (heard_[worker.value / kBits].load(std::memory_order_relaxed) >> worker.value % kBits & 1) != 0;
  }
  bool Holds(NodeId id, WorkerIndex worker) const;
  // What the worker told and still holds; how many of these blocks are among it.
  BlockSum SumOf(WorkerIndex worker) const;
  std::size_t CountHeld(std::span<const NodeId> ids, WorkerIndex worker) const;

  // One turn of taking cleared holders out. False: there is nothing to do.
  bool Sweep();

  // The request that an insertion was for is over for good: what is still expected because of it alone is no more.
  // 0 is no expectation: the worker had told everything, or there was no room.
  using Expectation = Expectations::Number;
  void Forget(Expectation expectation);

  struct Counts {
    std::uint64_t orphans = 0;   // chains refused
    std::uint64_t full = 0;      // told blocks that found no room
    std::uint64_t sets = 0;      // different sets of holders now
    std::uint64_t expected = 0;  // chains now
    std::uint64_t cleared = 0;   // holders that are not swept yet
  };
  Counts counts() const;

 private:
  static constexpr std::size_t kBits = 64;
  using Set = HolderSets::Set;
  static constexpr std::size_t kAhead = 16;  // blocks whose buckets are on their way while one is looked at
  struct Life {
    WorkerIndex worker = kNoWorker;
    bool live = false;
    bool full = false;  // something of it was refused
    BlockSum told = {};
    std::uint32_t expectations = 0;  // chains
  };
  // Of one walk: somebody is expected to hold the levels [begin, end).
  struct Span {
    Holder holder;
    std::uint32_t begin = 0, end = 0;
  };
  struct Left {
    WorkerIndex worker;
    std::uint32_t depth;
  };
  // What a walk found: who holds everything, and who left where, the shallowest first.
  struct Walk {
    std::vector<Holder> all;
    std::vector<Left> left;
    std::vector<Set> told;  // by level
    std::vector<Span> expected;
    std::uint32_t depth = 0;
  };
  class Shallower;

  void WalkDown(std::span<const NodeId> ids, Walk& walk) const PREFIXMESH_REQUIRES(mutex_);
  std::uint32_t FindExpected(std::span<const NodeId> ids, std::uint32_t level, Walk& walk) const
      PREFIXMESH_REQUIRES(mutex_);
  void BeginAll(Walk& walk) const PREFIXMESH_REQUIRES(mutex_);
  void Intersect(std::uint32_t level, Walk& walk) const PREFIXMESH_REQUIRES(mutex_);
  std::optional<Holder> HolderOf(WorkerIndex worker) const PREFIXMESH_REQUIRES(mutex_);
  Holder HolderFor(WorkerIndex worker) PREFIXMESH_REQUIRES(mutex_);
  void FreeIfGone(Holder holder) PREFIXMESH_REQUIRES(mutex_);
  void StoreTurn(std::span<const NodeId> turn, Holder holder, Stored& stored) PREFIXMESH_REQUIRES(mutex_);
  Expectation Expect(std::span<const NodeId> ids, std::uint32_t depth, WorkerIndex worker) PREFIXMESH_REQUIRES(mutex_);
  // Of walk_: what the worker holds or is expected to; what it told.
  std::uint32_t DepthOf(std::optional<Holder> holder) const PREFIXMESH_REQUIRES(mutex_);
  std::uint32_t ToldDepthOf(std::optional<Holder> holder) const PREFIXMESH_REQUIRES(mutex_);
  std::uint64_t BytesLocked() const PREFIXMESH_REQUIRES(mutex_);
  std::uint64_t BlockBytes(Kind kind) const {
    return kind == Kind::kText ? options_.text_block_bytes : options_.tokens_block_bytes;
  }

  const HeldIndexOptions options_;
  std::array<std::atomic<std::uint64_t>, (kNoWorker.value + std::size_t{1}) / kBits> heard_ = {};  // by worker, a bit
  mutable DescentMutex mutex_;
  HolderSets sets_ PREFIXMESH_GUARDED_BY(mutex_);
  HeldTable told_ PREFIXMESH_GUARDED_BY(mutex_);
  std::vector<Life> lives_ PREFIXMESH_GUARDED_BY(mutex_);        // by holder
  std::vector<Holder> holder_of_ PREFIXMESH_GUARDED_BY(mutex_);  // by worker; kNoHolder
  std::vector<Holder> free_holders_ PREFIXMESH_GUARDED_BY(mutex_);
  // Holders that were cleared: with blocks in the table, which Sweep takes out; all that are not free again.
  std::size_t unswept_ PREFIXMESH_GUARDED_BY(mutex_) = 0, dead_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  std::uint64_t hand_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  Expectations expected_ PREFIXMESH_GUARDED_BY(mutex_);
  std::vector<WorkerIndex> workers_ PREFIXMESH_GUARDED_BY(mutex_);  // scratch of one match
  std::vector<Holder> gone_ PREFIXMESH_GUARDED_BY(mutex_);          // of one turn of Sweep
  mutable Walk walk_ PREFIXMESH_GUARDED_BY(mutex_);                 // the same
  mutable std::vector<Holder> keep_ PREFIXMESH_GUARDED_BY(mutex_);  // the same
  std::uint64_t orphans_ PREFIXMESH_GUARDED_BY(mutex_) = 0, full_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
};

}  // namespace prefixmesh
