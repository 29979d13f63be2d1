// grpc_log.h — gRPC says nothing on its own, but for its last words before it aborts: what else matters comes back as a
// status and becomes one line of ours. Its own lines have no bound, and whoever reaches a port can cause them.
// Threads: call before any other starts. Errors: none.
#pragma once

namespace prefixmesh {

void QuietGrpc();

}  // namespace prefixmesh
