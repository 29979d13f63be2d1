// tree.h — start here for prefix trees: which workers hold which prefixes of one model and kind.
//
// Four trees implement PrefixTree: the block index (ours: hashed blocks, no text), the held index (of what workers say
// themselves), the text radix tree and the token tree (as the seven generations had them: the text itself). Routing and
// strategies see this interface only, so the tree is the same in both arms of an A/B.
//
// Threads:  every method may be called from any thread; each tree has one internal mutex and holds it for one descent.
// Time:     none: recency is the order of use. Ownership: prompts are borrowed for the call.
// Bounds:   each tree stays under its own budget and forgets least recently used prefixes first; the held index, which
//           forgets nothing that it is told, refuses.
// Errors:   none; the oracle in tests/impl/tree is a naive set of prefixes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "impl/base/function_ref.h"
#include "impl/base/ids.h"
#include "impl/base/slices.h"

namespace prefixmesh {

// One prompt as the trees take it. `bytes` are text bytes, or tokens as 4 little-endian bytes each.
struct Prompt {
  Kind kind = Kind::kText;
  const Slices* bytes = nullptr;
  // Ids of its whole blocks, shallowest first (block_hash.h); empty when the tree does not want them.
  std::span<const NodeId> blocks;
  // Slot of (model, kind), for accounting where one tree serves several.
  std::uint16_t scope = 0;
};

struct TreeMatch;

// Looks for shorter prefixes, which more workers hold. Inside the chooser only.
class ShallowerMatches {
 public:
  // The deepest prefix of at least `bytes_min` bytes, above the one that `match` is about, that somebody else holds,
  // too: makes `match` that, with all who hold it. False: there is none. What was a match before is good no more.
  virtual bool Next(std::uint64_t bytes_min, TreeMatch& match) = 0;

 protected:
  ~ShallowerMatches() = default;
};

// What is known of a prompt, as the policy sees it. Valid inside the chooser only.
struct TreeMatch {
  std::uint64_t matched_bytes = 0;        // length of the deepest prefix that any worker holds
  std::uint64_t prompt_bytes = 0;         // what could have matched: an index of blocks counts whole ones
  std::span<const WorkerIndex> holders;   // who holds that deepest prefix: ascending, no duplicates
  ShallowerMatches* shallower = nullptr;  // null: there is nothing to look at
};

// Picks the worker, or nothing: then nothing is inserted. Called once per descent, with the tree locked: it must not
// call back into the tree, block, or allocate on the usual path.
using Chooser = FunctionRef<std::optional<WorkerIndex>(const TreeMatch&)>;

// What the mesh was told, by anyone, of a worker that holds a prefix.
enum class Announcement : std::uint8_t {
  kNone,   // nothing
  kOld,    // its youngest announcement lies in the older half of its origin's window
  kFresh,  // that lies in the younger half, or is pending
};

// What an insert changed, in whole blocks; only indexes of blocks fill the depths (the others leave 0).
struct Insertion {
  std::optional<WorkerIndex> worker;  // what the chooser said
  std::uint64_t matched_bytes = 0;
  std::uint32_t branch_depth = 0;             // where the chain left what was known before, by anyone
  Announcement branch = Announcement::kNone;  // of the chosen worker at branch_depth
  std::uint32_t leaf_depth = 0;               // the prompt's last whole block
  bool repeat = false;                        // this worker was already known to hold the whole chain
  bool refresh = false;                       // a repeat whose youngest announcement is old: announce it again
  std::uint32_t expectation = 0;              // held index: to be forgotten when the request is over
};

struct WorkerPrefix {
  WorkerIndex worker;
  std::uint64_t bytes = 0;  // longest prefix of the prompt this worker is believed to hold
};

struct TreeSize {
  std::uint64_t nodes = 0;
  std::uint64_t bytes = 0;  // accounted, exact to the allocation
  std::uint64_t budget_bytes = 0;
  std::uint64_t forgotten = 0;  // prefixes dropped to stay in budget, ever
};

class PrefixTree {
 public:
  virtual ~PrefixTree() = default;

  // Matches, lets `choose` pick a worker, and records that the worker now holds the whole prompt, or soon will: one
  // descent.
  virtual Insertion MatchAndInsert(const Prompt& prompt, Chooser choose) = 0;

  // Records that `worker` holds the whole prompt. The insert half of the above.
  virtual void Insert(const Prompt& prompt, WorkerIndex worker) = 0;

  // Per worker, the longest prefix it holds. Touches no recency. Appends to `out`, ascending by worker.
  virtual void Depths(const Prompt& prompt, std::vector<WorkerPrefix>& out) const = 0;

  // Forgets all of a worker's prefixes and prunes what nobody holds.
  virtual void RemoveWorker(WorkerIndex worker) = 0;

  // The worker dropped this prefix, and with it all that it holds that begins so; what is shorter stays. Counted are
  // whole units: blocks, bytes of text, pages of tokens. A prompt without one changes nothing.
  virtual void RemovePrefix(const Prompt& prompt, WorkerIndex worker) = 0;

  // Drops least recently used prefixes until the budget holds. The block index also does so as it grows; the
  // generations' trees only here, every index.text_eviction_s, as they did.
  virtual void Evict() = 0;

  virtual TreeSize Size() const = 0;  // O(1), no walk
};

}  // namespace prefixmesh
