// grpc_kv_source.h — KV events over the workers' own gRPC service (KvEvents, KvQuery), on the connections that requests
// go over.
//
// Threads: as kv_source.h says; gRPC's reactions are posted to the loop. Ownership: borrows channels and loop, which
// outlive it; owns its calls. Errors: a stream that breaks, or says what no worker says, is closed with the reason and
// tried again. Time: after 250 ms, doubling, at most every 4 s; an answer has 30 s. Bounds: kv_source.h's; a message
// the channel's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "impl/env/env.h"
#include "impl/env/real/grpc_worker_channels.h"
#include "impl/kvevents/kv_source.h"

namespace prefixmesh {

// `hash_key` names the hash of the router's block ids (HashKeyId).
std::unique_ptr<kvevents::KvSource> MakeGrpcKvSource(std::string router, std::uint64_t hash_key,
                                                     GrpcWorkerChannels& channels, Clock& clock, Executor& loop);

}  // namespace prefixmesh
