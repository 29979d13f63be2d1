#include "impl/env/real/sync_stream_meter.h"

#include <set>
#include <string>

namespace prefixmesh {
namespace {

constexpr std::uint64_t kMeterSlackBytes = 1u << 20;  // headers, pings, and what HTTP/2 delivers unasked

}  // namespace

std::vector<SyncStream*> SyncStreamMeter::Oversized(const std::map<std::uint64_t, SyncStream*>& streams) {
  std::set<std::string> addresses;
  std::vector<SyncStream*> oversized;
  for (const auto& [serial, stream] : streams) {
    if (!stream->state.opened() || stream->state.ended()) continue;
    // While a frame is in hand the next ones come in, as many as the window takes: those are not one message.
    if (!stream->state.reading()) {
      stream->received_then.reset();
      continue;
    }
    const std::string address = stream->Address();
    const bool served = stream->end == StreamEnd::kServed;
    const auto received = served ? listener_.BodyBytes(address) : dialed_.Received(address);
    if (!received) continue;
    if (!served) addresses.insert(address);
    if (!stream->received_then) {
      stream->received_then = received;
    } else if (*received - *stream->received_then > message_bytes_ + kMeterSlackBytes) {
      oversized.push_back(stream);
    }
  }
  dialed_.Keep(addresses);
  return oversized;
}

}  // namespace prefixmesh
