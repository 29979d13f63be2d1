// Any bytes are an answer or live events that can be taken, or are refused; what is taken is written as it was.
#include "impl/base/check.h"
#include "impl/kvevents/wire/kv_message.h"
#include "impl/wire/prefixmesh.pb.h"

namespace {

template <typename Message>
void Read(const std::uint8_t* data, std::size_t size) {
  Message message;
  if (!message.ParseFromArray(data, static_cast<int>(size))) return;
  for (const prefixmesh::v1::KvEvent& each : message.events()) {
    const prefixmesh::Result<prefixmesh::kvevents::KvEvent> event = prefixmesh::kvevents::ReadMessage(each);
    if (!event.ok()) continue;
    prefixmesh::v1::KvEvent again;
    prefixmesh::kvevents::WriteMessage(*event, again);
    const prefixmesh::Result<prefixmesh::kvevents::KvEvent> same = prefixmesh::kvevents::ReadMessage(again);
    PREFIXMESH_CHECK(same.ok() && *same == *event);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Read<prefixmesh::v1::KvLive>(data, size);
  Read<prefixmesh::v1::KvAnswer>(data, size);
  return 0;
}
