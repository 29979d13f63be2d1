// grpc_library.h — what a process here wants of gRPC as a whole.
//
//   quiet   it says nothing on its own, but for its last words before it aborts: what else matters comes back as a
//           status and becomes one line of ours. Its own lines have no bound, and anyone who reaches a port can cause
//           them.
//   there   until the process ends: gRPC 1.51 that is shut down waits up to 10 s for a thread that watches a write
//           which a client did not take.
//
// Threads: call before any other starts; idempotent. Errors: none.
#pragma once

namespace prefixmesh {

void SetUpGrpc();

}  // namespace prefixmesh
