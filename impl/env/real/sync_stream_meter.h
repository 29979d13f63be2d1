// sync_stream_meter.h — finds streams whose message has grown beyond what a message may have.
//
// gRPC 1.51 takes a whole message before it compares its size with the limit, so what came in is counted outside it: at
// the listener for served streams, of the kernel for dialed ones.
//
// Threads: one at a time, under the lock of the streams. Ownership: borrows the listener. Errors: a connection that is
// not found is not counted. Bounds: an entry per dialed connection.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "impl/env/real/grpc_listener.h"
#include "impl/env/real/socket_meter.h"
#include "impl/env/real/sync_stream.h"

namespace prefixmesh {

class SyncStreamMeter {
 public:
  SyncStreamMeter(const GrpcListener& listener, std::uint64_t message_bytes)
      : listener_(listener), message_bytes_(message_bytes) {}

  // Of `streams`; to be asked every 50 ms or so.
  std::vector<SyncStream*> Oversized(const std::map<std::uint64_t, SyncStream*>& streams);

 private:
  const GrpcListener& listener_;
  const std::uint64_t message_bytes_;
  ConnectionMeter dialed_;
};

}  // namespace prefixmesh
