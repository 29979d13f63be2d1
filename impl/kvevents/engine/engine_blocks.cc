#include "impl/kvevents/engine/engine_blocks.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "impl/base/prng.h"

namespace prefixmesh::kvevents {
namespace {

// Of the map, beside a block and its name: the node's links, its place in the table, the allocator's.
constexpr std::size_t kNodeBytes = 40;
constexpr std::size_t kChildBytes = 64;
constexpr std::size_t kDumpedTogether = 4096;  // blocks in a store, about

// Tokens as requests carry them.
void AppendBytes(const std::uint32_t* tokens, std::size_t count, std::vector<std::uint8_t>& out) {
  for (std::size_t i = 0; i < count; ++i)
    for (int byte = 0; byte < 4; ++byte) out.push_back(static_cast<std::uint8_t>(tokens[i] >> (8 * byte)));
}

BlockName NameOf(NodeId id) { return {0, id.value}; }

}  // namespace

std::size_t EngineBlocks::NameHash::operator()(const BlockName& name) const {
  return Mix64(name.low ^ Mix64(name.high ^ seed));
}

EngineBlocks::EngineBlocks(const BlockHashOptions& hash, std::string_view model, std::size_t bytes_max)
    : hasher_(hash, model, Kind::kTokens),
      tokens_per_block_(hash.tokens_block_tokens),
      bytes_max_(bytes_max),
      blocks_(0, NameHash{hash.seed}) {}

std::size_t EngineBlocks::BytesOf(const Block& block) {
  const std::size_t even = kNodeBytes + sizeof(BlockName) + sizeof(Block);
  if (!block.uneven) return even;
  return even + sizeof(Uneven) + block.uneven->ids.capacity() * sizeof(NodeId) +
         block.uneven->end.rest.capacity() * sizeof(std::uint32_t) + block.uneven->children.size() * kChildBytes;
}

std::uint8_t EngineBlocks::MediumBit(const std::string& medium) {
  constexpr std::size_t kMediaMax = 8;  // the last is for all others
  auto at = std::find(media_.begin(), media_.end(), medium);
  if (at == media_.end() && media_.size() < kMediaMax) at = media_.insert(at, medium);
  return static_cast<std::uint8_t>(1u << std::min<std::ptrdiff_t>(at - media_.begin(), kMediaMax - 1));
}

void EngineBlocks::Apply(const EngineEvent& event, std::vector<KvEvent>& out) {
  if (event.kind == EventKind::kCleared) {
    Clear();
    out.push_back({0, EventKind::kCleared, std::nullopt, {}});
  } else if (event.group != 0) {
    ++counts_.skipped;
  } else {
    event.kind == EventKind::kStored ? Store(event, out) : Remove(event, out);
  }
}

void EngineBlocks::Clear() {
  blocks_.clear();
  bytes_ = 0;
}

// ---- stores ---------------------------------------------------------------------------------------------------------

void EngineBlocks::Store(const EngineEvent& event, std::vector<KvEvent>& out) {
  End before{NodeId{0}, hasher_.Root(event.lora_name, ""), {}};  // a salt is the first block's extra
  if (event.parent) {
    const auto parent = blocks_.find(*event.parent);
    if (parent == blocks_.end() || parent->second.broken()) {
      ++counts_.orphans;
      return;
    }
    before = EndOf(parent->second);
  }
  KvEvent told;
  if (before.told.value != 0) told.parent = NameOf(before.told);
  const std::uint8_t medium = MediumBit(event.medium);
  std::optional<BlockName> parent = event.parent;
  for (std::size_t i = 0; i < event.blocks.size(); ++i) {
    const BlockName& name = event.blocks[i];
    const auto known = blocks_.find(name);
    Block* block = nullptr;
    if (known != blocks_.end()) {
      Block& there = known->second;
      const bool same = there.has_parent == parent.has_value() && (!parent || there.parent == *parent) &&
                        (there.uneven ? there.uneven->tokens : tokens_per_block_) == event.block_size;
      if (same) block = &there;
      if (same && there.uneven) there.uneven->broken = false;
      if (same && !before.rest.empty()) Join(name, *parent);
    } else {
      block = Add(name, parent, before, event.extra.empty() ? "" : event.extra[i],
                  event.tokens.data() + i * event.block_size, event.block_size);
    }
    if (block == nullptr) {
      counts_.refused += event.blocks.size() - i;
      break;
    }
    block->media |= medium;
    for (const NodeId id : block->ids()) told.blocks.push_back(NameOf(id));
    before = EndOf(*block);
    parent = name;
  }
  if (!told.blocks.empty()) out.push_back(std::move(told));
}

EngineBlocks::Block* EngineBlocks::Add(const BlockName& name, const std::optional<BlockName>& parent, const End& before,
                                       std::string_view extra, const std::uint32_t* tokens, std::size_t count) {
  End end{before.told, extra.empty() ? before.prefix : hasher_.Scoped(before.prefix, extra), {}};
  bytes_scratch_.clear();
  AppendBytes(before.rest.data(), before.rest.size(), bytes_scratch_);
  AppendBytes(tokens, count, bytes_scratch_);
  const std::size_t all = before.rest.size() + count, whole = all / tokens_per_block_;
  std::vector<NodeId> ids;
  hasher_.Append(end.prefix, Bytes(bytes_scratch_).first(whole * hasher_.block_bytes()), ids);
  Block block;
  block.has_parent = parent.has_value();
  if (parent) block.parent = *parent;
  if (before.rest.empty() && whole == 1 && all == tokens_per_block_) {
    block.id = ids.front();
  } else {
    if (whole > 0) {
      end.told = end.prefix = ids.back();
      end.rest.assign(tokens + count - all % tokens_per_block_, tokens + count);
    } else {
      end.rest.reserve(all);
      end.rest = before.rest;
      end.rest.insert(end.rest.end(), tokens, tokens + count);
    }
    block.uneven = std::make_unique<Uneven>(Uneven{std::move(ids), std::move(end), count, {}, false});
  }
  const bool joins = parent && !before.rest.empty();
  if (bytes_ + BytesOf(block) + (joins ? kChildBytes : 0) > bytes_max_) return nullptr;
  if (joins) Join(name, *parent);
  bytes_ += BytesOf(block);
  return &blocks_.emplace(name, std::move(block)).first->second;
}

void EngineBlocks::Join(const BlockName& name, const BlockName& parent) {
  if (blocks_.at(parent).uneven->children.insert(name).second) bytes_ += kChildBytes;
}

// ---- removals -------------------------------------------------------------------------------------------------------

void EngineBlocks::Remove(const EngineEvent& event, std::vector<KvEvent>& out) {
  KvEvent gone;
  gone.kind = EventKind::kRemoved;
  const std::uint8_t medium = MediumBit(event.medium);
  for (const BlockName& name : event.blocks) {
    const auto at = blocks_.find(name);
    if (at == blocks_.end()) continue;
    at->second.media = static_cast<std::uint8_t>(at->second.media & ~medium);
    if (at->second.media != 0) continue;
    if (!at->second.broken())
      for (const NodeId id : at->second.ids()) gone.blocks.push_back(NameOf(id));
    BreakSpanning(at->second, gone.blocks);
    Forget(at);
  }
  if (!gone.blocks.empty()) out.push_back(std::move(gone));
}

// Ours that begin in it, or before, and end in one below. What is broken was told to be gone before.
void EngineBlocks::BreakSpanning(Block& block, std::vector<BlockName>& ids) {
  std::vector<Block*> open{&block};
  while (!open.empty()) {
    Block& next = *open.back();
    open.pop_back();
    if (!next.uneven) continue;
    for (const BlockName& name : next.uneven->children) {
      const auto child = blocks_.find(name);
      if (child == blocks_.end() || child->second.broken()) continue;
      child->second.uneven->broken = true;
      for (const NodeId id : child->second.ids()) ids.push_back(NameOf(id));
      if (child->second.ids().empty()) open.push_back(&child->second);
    }
  }
}

void EngineBlocks::Forget(Blocks::iterator at) {
  if (at->second.has_parent) {
    const auto parent = blocks_.find(at->second.parent);
    if (parent != blocks_.end() && parent->second.uneven && parent->second.uneven->children.erase(at->first) > 0)
      bytes_ -= kChildBytes;
  }
  bytes_ -= BytesOf(at->second);
  blocks_.erase(at);
}

// ---- all of it ------------------------------------------------------------------------------------------------------

void EngineBlocks::Dump(std::vector<KvEvent>& out) {
  std::unordered_map<BlockName, std::vector<Blocks::iterator>, NameHash> below(0, blocks_.hash_function());
  std::vector<Blocks::iterator> open;
  for (auto at = blocks_.begin(); at != blocks_.end(); ++at) {
    at->second.reached = false;
    at->second.has_parent ? below[at->second.parent].push_back(at) : open.push_back(at);
  }
  const std::size_t begin = out.size();
  while (!open.empty()) {
    const Blocks::iterator at = open.back();
    open.pop_back();
    Block& block = at->second;
    if (block.broken()) continue;
    block.reached = true;
    if (!block.ids().empty()) {
      const NodeId above = block.has_parent ? blocks_.at(block.parent).told() : NodeId{0};
      const bool goes_on = out.size() > begin && above.value != 0 && out.back().blocks.back() == NameOf(above) &&
                           out.back().blocks.size() < kDumpedTogether;
      if (!goes_on) {
        out.emplace_back();
        if (above.value != 0) out.back().parent = NameOf(above);
      }
      for (const NodeId id : block.ids()) out.back().blocks.push_back(NameOf(id));
    }
    if (const auto children = below.find(at->first); children != below.end())
      open.insert(open.end(), children->second.begin(), children->second.end());
  }
  for (auto at = blocks_.begin(); at != blocks_.end();) {
    const auto next = std::next(at);
    if (!at->second.reached) Forget(at);
    at = next;
  }
}

}  // namespace prefixmesh::kvevents
