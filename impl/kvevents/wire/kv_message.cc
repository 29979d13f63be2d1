#include "impl/kvevents/wire/kv_message.h"

#include <algorithm>
#include <string>

#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::kvevents {
namespace {

Error Corrupt(std::uint64_t id, const char* what) {
  return {ErrorCode::kCorrupt, "KV event " + std::to_string(id) + ": " + what};
}

template <typename Blocks>
Status ReadBlocks(std::uint64_t id, const Blocks& blocks, std::vector<BlockName>& out) {
  if (blocks.empty()) return Corrupt(id, "no block");
  if (static_cast<std::size_t>(blocks.size()) > kMessageBlocksMax)
    return Error{ErrorCode::kTooBig,
                 "KV event " + std::to_string(id) + ": " + std::to_string(blocks.size()) + " blocks"};
  if (std::find(blocks.begin(), blocks.end(), 0u) != blocks.end()) return Corrupt(id, "block 0");
  out.reserve(static_cast<std::size_t>(blocks.size()));
  for (const std::uint64_t block : blocks) out.push_back({0, block});
  return {};
}

}  // namespace

void WriteMessage(const KvEvent& event, v1::KvEvent& message) {
  message.set_id(event.id);
  const auto write = [&](auto& blocks) {
    blocks.Reserve(static_cast<int>(event.blocks.size()));
    for (const BlockName& name : event.blocks) blocks.Add(name.low);
  };
  switch (event.kind) {
    case EventKind::kStored:
      if (event.parent) message.mutable_stored()->set_parent(event.parent->low);
      write(*message.mutable_stored()->mutable_blocks());
      break;
    case EventKind::kRemoved:
      write(*message.mutable_removed()->mutable_blocks());
      break;
    case EventKind::kCleared:
      message.mutable_cleared();
      break;
  }
}

Result<KvEvent> ReadMessage(const v1::KvEvent& message) {
  KvEvent event;
  event.id = message.id();
  switch (message.change_case()) {
    case v1::KvEvent::kStored: {
      event.kind = EventKind::kStored;
      if (Status read = ReadBlocks(event.id, message.stored().blocks(), event.blocks); !read.ok()) return read.error();
      if (!message.stored().has_parent()) return event;
      event.parent = BlockName{0, message.stored().parent()};
      if (event.parent->low == 0) return Corrupt(event.id, "parent 0");
      if (std::find(event.blocks.begin(), event.blocks.end(), *event.parent) != event.blocks.end())
        return Corrupt(event.id, "a block that is its own parent");
      return event;
    }
    case v1::KvEvent::kRemoved:
      event.kind = EventKind::kRemoved;
      if (Status read = ReadBlocks(event.id, message.removed().blocks(), event.blocks); !read.ok()) return read.error();
      return event;
    case v1::KvEvent::kCleared:
      event.kind = EventKind::kCleared;
      return event;
    case v1::KvEvent::CHANGE_NOT_SET:
      break;
  }
  return Corrupt(event.id, "says nothing");
}

}  // namespace prefixmesh::kvevents
