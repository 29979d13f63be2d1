#include "impl/tree/block_chains.h"

#include <cstdlib>
#include <new>
#include <utility>

#include "impl/base/check.h"

namespace prefixmesh {
namespace {

// What glibc's malloc takes for a request of `size` bytes: 8 bytes of header, 16-byte granularity, 32 at least.
std::uint64_t ChunkBytes(std::size_t size) { return std::max<std::uint64_t>(32, (size + 8 + 15) & ~std::uint64_t{15}); }

}  // namespace

BlockChains::Node* BlockChains::Node::Make(std::uint32_t length, NodeId end) {
  void* memory = std::malloc(AllocationBytes(length));
  if (memory == nullptr) throw std::bad_alloc();
  Node* made = static_cast<Node*>(memory);
  made->length = length;
  made->end = end;
  return made;
}

BlockChains::~BlockChains() {
  for (const Slot& slot : slots_) std::free(slot.node);
}

// ---- nodes ----------------------------------------------------------------------------------------------------------

std::uint32_t BlockChains::Add(std::uint32_t parent, std::span<const NodeId> ids, std::uint16_t scope) {
  Node* made = Node::Make(static_cast<std::uint32_t>(ids.size()), ids.back());
  for (std::size_t i = 0; i < ids.size(); ++i) made->fingerprints[i] = Fingerprint(ids[i]);
  made->scope = std::min<std::uint16_t>(scope, kScopesMax - 1);
  return Link(parent, made);
}

std::uint32_t BlockChains::Link(std::uint32_t parent, Node* made) {
  made->parent = parent;
  made->children = 0;
  std::uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back(Slot{made});
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
    slots_[slot].node = made;
  }
  if (parent != kNone) ++node(parent).children;
  Account(*made, +1);
  LinkFront(slot);
  AddHead(slot);
  return slot;
}

std::uint32_t BlockChains::Split(std::uint32_t slot, std::uint32_t at, NodeId end) {
  Node* const whole = slots_[slot].node;
  PREFIXMESH_CHECK(at > 0 && at < whole->length);
  RemoveHead(slot);
  const std::uint32_t parent = whole->parent;
  if (parent != kNone) --node(parent).children;  // Link counts the upper part in its place
  Node* const made = Node::Make(at, end);
  made->scope = whole->scope;
  std::copy(whole->fingerprints, whole->fingerprints + at, made->fingerprints);
  const std::uint32_t upper = Link(parent, made);
  Unlink(upper);
  LinkAbove(upper, slot);

  Node* const shorter = Node::Make(whole->length - at, whole->end);
  shorter->parent = upper;
  shorter->scope = whole->scope;
  shorter->children = whole->children;
  std::copy(whole->fingerprints + at, whole->fingerprints + whole->length, shorter->fingerprints);
  Account(*whole, -1);
  Account(*shorter, +1);
  slots_[slot].node = shorter;
  std::free(whole);
  made->children = 1;
  AddHead(slot);
  return upper;
}

void BlockChains::Free(std::uint32_t slot) {
  Node* const gone = slots_[slot].node;
  PREFIXMESH_CHECK(gone->children == 0);
  RemoveHead(slot);
  Unlink(slot);
  if (gone->parent != kNone) --node(gone->parent).children;
  Account(*gone, -1);
  std::free(gone);
  slots_[slot].node = nullptr;
  free_slots_.push_back(slot);
}

void BlockChains::AddHead(std::uint32_t slot) {
  const Node& added = node(slot);
  heads_.Insert(Head{HeadTag(EndAbove(added), added.fingerprints[0]), slot});
}

void BlockChains::RemoveHead(std::uint32_t slot) {
  const Node& gone = node(slot);
  Head* head = heads_.Find(HeadTag(EndAbove(gone), gone.fingerprints[0]),
                           [&](Head& candidate) { return candidate.slot == slot; });
  PREFIXMESH_CHECK(head != nullptr);
  heads_.Erase(head);
}

// Counts a node in (+1) or out (-1), in all and for its model and kind.
void BlockChains::Account(const Node& counted, int sign) {
  const auto change = static_cast<std::uint64_t>(sign);  // unsigned arithmetic wraps, so adding -1 subtracts
  const std::uint64_t bytes = change * ChunkBytes(Node::AllocationBytes(counted.length));
  node_bytes_ += bytes;
  node_count_ += change;
  scopes_[counted.scope].bytes += bytes;
  scopes_[counted.scope].nodes += change;
}

// ---- recency --------------------------------------------------------------------------------------------------------

// Deepest first, so that a parent always ends up newer than its children and the oldest node is a leaf.
void BlockChains::Touch(std::uint32_t slot) {
  for (; slot != kNone; slot = node(slot).parent) {
    if (lru_front_ == slot) continue;
    Unlink(slot);
    LinkFront(slot);
  }
}

void BlockChains::LinkFront(std::uint32_t slot) {
  slots_[slot].lru_newer = kNone;
  slots_[slot].lru_older = lru_front_;
  if (lru_front_ != kNone) slots_[lru_front_].lru_newer = slot;
  lru_front_ = slot;
  if (lru_back_ == kNone) lru_back_ = slot;
}

void BlockChains::LinkAbove(std::uint32_t slot, std::uint32_t older) {
  const std::uint32_t newer = slots_[older].lru_newer;
  slots_[slot].lru_newer = newer;
  slots_[slot].lru_older = older;
  slots_[older].lru_newer = slot;
  (newer != kNone ? slots_[newer].lru_older : lru_front_) = slot;
}

void BlockChains::Unlink(std::uint32_t slot) {
  const auto [newer, older] = std::pair(slots_[slot].lru_newer, slots_[slot].lru_older);
  (newer != kNone ? slots_[newer].lru_older : lru_front_) = older;
  (older != kNone ? slots_[older].lru_newer : lru_back_) = newer;
}

}  // namespace prefixmesh
