// kv_message.h — KV events as the worker's gRPC service carries them (impl/wire/prefixmesh.proto), and back.
//
// Threads: pure. Ownership: values. Errors: kCorrupt for what no worker of ours says: an event without a change, a
// block 0, a store of nothing or below itself. Bounds: kMessageBlocksMax blocks an event; above it kTooBig, before
// anything is copied. Time: none.
#pragma once

#include "impl/base/result.h"
#include "impl/kvevents/event_buffer.h"
#include "impl/kvevents/kv_event.h"

namespace prefixmesh::v1 {
class KvEvent;
}

namespace prefixmesh::kvevents {

inline constexpr std::size_t kMessageBlocksMax = 1u << 16;

void WriteMessage(const KvEvent& event, v1::KvEvent& message);
Result<KvEvent> ReadMessage(const v1::KvEvent& message);

}  // namespace prefixmesh::kvevents
