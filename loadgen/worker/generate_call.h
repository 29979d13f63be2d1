// generate_call.h — one Generate call to a fake worker: two messages, each when the worker's service model says so.
//
// At most one stream operation is under way; what comes meanwhile is noted and done when it ends. Stream operations are
// started with no lock held, because gRPC may run a reaction on the calling thread.
//
// Threads: gRPC's and the engine's timer. Ownership: keeps itself alive until OnDone; borrows engine and
// incarnation. Errors: a caller that left, and a
// stream that broke, free the worker's slot. Bounds: two messages. Time: the engine's.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/mutex.h"
#include "loadgen/worker/worker_engine.h"

namespace prefixmesh::load {

class GenerateCall final : public grpc::ServerWriteReactor<grpc::ByteBuffer>, public ServiceSink {
 public:
  struct Request {
    std::uint64_t prompt_bytes = 0;
    std::uint32_t block_bytes = 0;
    std::vector<NodeId> chain;
    std::shared_ptr<const void> tokens;  // those of its blocks are known as long as it lives; may be null
  };
  // Under way when it returns. The incarnation is told as it is when the prefill has ended.
  static GenerateCall* Begin(WorkerEngine& engine, std::size_t worker, const std::atomic<std::uint64_t>& incarnation,
                             Request request);
  GenerateCall(WorkerEngine& engine, std::size_t worker, const std::atomic<std::uint64_t>& incarnation,
               const Request& request);

  void OnPrefillEnded(std::uint32_t cached_blocks, std::uint64_t cache_events) override;
  void OnFinished() override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { self_.reset(); }

 private:
  void Submitted(std::uint64_t ticket);
  void GiveUp();

  WorkerEngine& engine_;
  const std::size_t worker_;
  const std::atomic<std::uint64_t>& incarnation_;
  const std::uint64_t prompt_bytes_;
  const std::uint32_t block_bytes_;
  const std::shared_ptr<const void> tokens_;
  grpc::ByteBuffer first_, last_;
  std::shared_ptr<GenerateCall> self_;
  Mutex mutex_;
  std::uint64_t ticket_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  bool busy_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  bool last_ready_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  bool cancelled_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  bool finishing_ PREFIXMESH_GUARDED_BY(mutex_) = false;
};

}  // namespace prefixmesh::load
