// worker_service.h — what one fake worker answers over gRPC: requests, who it is, what it did, its KV events.
//
// Threads: gRPC's; BeginLife and EndLife while nobody is served. Ownership: borrows options, engine and publisher.
// Errors: statuses. Bounds: kv_event_service.h's; a restart takes kDownMsMax at most. Time: the engine's.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "impl/wire/prefixmesh.grpc.pb.h"
#include "loadgen/worker/engine_publisher.h"
#include "loadgen/worker/kv_event_service.h"
#include "loadgen/worker/worker_engine.h"
#include "loadgen/worker/worker_pool.h"

namespace prefixmesh::load {

// What the worker of this number is.
inline const ServiceOptions& ServiceOf(const WorkerPoolOptions& options, std::size_t worker) {
  return worker + options.slow < options.ports.size() ? options.service : options.slow_service;
}

using WorkerCallbacks = v1::Worker::WithRawCallbackMethod_Generate<v1::Worker::WithCallbackMethod_Hello<
    v1::Worker::WithCallbackMethod_Status<v1::Worker::WithCallbackMethod_Sample<v1::Worker::WithCallbackMethod_KvEvents<
        v1::Worker::WithCallbackMethod_KvQuery<v1::Worker::WithCallbackMethod_ClearCache<
            v1::Worker::WithCallbackMethod_Restart<v1::Worker::Service>>>>>>>>;

class WorkerService final : public WorkerCallbacks {
 public:
  static constexpr std::uint32_t kDownMsMax = 60'000;

  // `publisher` may be null; `restart` is called with how long the worker is to be down.
  WorkerService(const WorkerPoolOptions& options, std::size_t number, WorkerEngine& engine, EnginePublisher* publisher,
                std::function<void(Time)> restart);

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Generate(grpc::CallbackServerContext*,
                                                       const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* Hello(grpc::CallbackServerContext* context, const v1::HelloRequest* request,
                                  v1::HelloReply* reply) override;
  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context, const v1::Empty*,
                                   v1::WorkerStatus* reply) override;
  grpc::ServerUnaryReactor* Sample(grpc::CallbackServerContext* context, const v1::Empty*,
                                   v1::SampledBlocks* reply) override;
  grpc::ServerWriteReactor<v1::KvLive>* KvEvents(grpc::CallbackServerContext*, const v1::KvSubscribe* request) override;
  grpc::ServerWriteReactor<v1::KvAnswer>* KvQuery(grpc::CallbackServerContext*,
                                                  const v1::KvQueryRequest* request) override;
  grpc::ServerUnaryReactor* ClearCache(grpc::CallbackServerContext* context, const v1::Empty*, v1::Empty*) override;
  grpc::ServerUnaryReactor* Restart(grpc::CallbackServerContext* context, const v1::RestartRequest* request,
                                    v1::Empty*) override;

  // Nobody listens from here on; another one begins.
  void EndLife() { events_.EndAll(); }
  void BeginLife();
  KvEventService& events() { return events_; }
  const std::string& name() const { return name_; }
  std::uint64_t incarnation() const { return incarnation_; }

 private:
  const WorkerPoolOptions& options_;
  const std::size_t number_;
  const std::string name_;
  WorkerEngine& engine_;
  EnginePublisher* const publisher_;
  const std::function<void(Time)> restart_;
  KvEventService events_;
  // Of the cache: another one begins with the process, and when the cache is emptied. So a router needs no events to
  // learn that what it believed is gone; the next word of the worker says so.
  void NextIncarnation();
  std::atomic<std::uint64_t> incarnation_;
};

}  // namespace prefixmesh::load
