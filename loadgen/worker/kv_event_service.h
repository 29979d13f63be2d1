// kv_event_service.h — a worker's KV events over gRPC: live ones to listeners, and answers to those who missed
// some. The answers' rules: impl/kvevents/event_buffer.h.
//
// A listener gets what comes from when it began to listen; one that is too slow for the kept events misses some, sees
// that in the numbers, and asks.
//
// Threads: gRPC's; Wake from any. Ownership: borrows the engine; calls keep themselves until gRPC is done with them.
// Errors: statuses, as the service's comments in prefixmesh.proto say. Bounds: kEventsInMessage events a message,
// kListenersMax listeners and kQueriesMax queries under way a worker, the rest is RESOURCE_EXHAUSTED. Time: none.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "impl/base/mutex.h"
#include "impl/wire/prefixmesh.grpc.pb.h"
#include "loadgen/worker/worker_engine.h"

namespace prefixmesh::load {

class EventStream;

class KvEventService {
 public:
  static constexpr std::size_t kEventsInMessage = 64, kListenersMax = 256, kQueriesMax = 8;

  // `hash_key` names the hash that the worker's block ids are made with.
  KvEventService(WorkerEngine& engine, std::size_t worker, std::uint64_t hash_key)
      : engine_(engine), worker_(worker), hash_key_(hash_key) {}

  grpc::ServerWriteReactor<v1::KvLive>* Listen(const v1::KvSubscribe& request);
  grpc::ServerWriteReactor<v1::KvAnswer>* Query(const v1::KvQueryRequest& request);
  // There may be new events.
  void Wake();
  // Nobody listens from here on, until it begins again.
  void EndAll();
  void BeginAgain();

 private:
  friend class EventStream;
  grpc::Status Check(std::uint32_t rank, std::uint64_t hash_key) const;
  void Ended(const EventStream* stream);

  WorkerEngine& engine_;
  const std::size_t worker_;
  const std::uint64_t hash_key_;
  std::atomic<std::size_t> queries_{0};
  Mutex mutex_;
  std::vector<std::shared_ptr<EventStream>> streams_ PREFIXMESH_GUARDED_BY(mutex_);
  bool ending_ PREFIXMESH_GUARDED_BY(mutex_) = false;
};

}  // namespace prefixmesh::load
