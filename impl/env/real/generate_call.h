// generate_call.h — one inference request in flight: client → router → worker and the replies back.
//
//   client ──request──► router ──same bytes──► worker
//   client ◄─Routed, first── router ◄──first token── worker      replies are forwarded one at a time:
//   client ◄─last──────────  router ◄──last──────── worker       read, write, read …: nothing queues here
//
// The body is kept until the worker's first message. A worker that becomes UNAVAILABLE before it loses the request to
// another one, twice at most, if the deadline and the router's retry budget allow: so Routed leaves with the first
// message, and names the worker that answered. After the first message there is no other try: the client has seen a
// part.
//
// With `announce` a client that asks (kAnnounceKey) is sent the first choice at once, in the initial metadata
// (kPlacedKey): the suite measures from there when a placement becomes visible at peers.
//
// Threads: gRPC's; one mutex per call. Ownership: deletes itself when the client's half and every try are done.
#pragma once

#include "impl/env/real/grpc_worker_channels.h"
#include "impl/env/real/request_port.h"
#include "impl/env/real/router_handler.h"

namespace prefixmesh {

inline constexpr char kAnnounceKey[] = "prefixmesh-announce";
// A Routed message.
inline constexpr char kPlacedKey[] = "prefixmesh-placed-bin";

RequestCall* NewGenerateCall(RequestPort& port, RouterHandler& handler, GrpcWorkerChannels& channels,
                             grpc::GenericCallbackServerContext& context, bool announce);

}  // namespace prefixmesh
