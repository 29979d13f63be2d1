#include "loadgen/worker/generate_call.h"

#include <utility>

#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::load {
namespace {

grpc::ByteBuffer ToBuffer(const v1::GenerateReply& reply) {
  const grpc::Slice slice(reply.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

GenerateCall::GenerateCall(WorkerEngine& engine, std::size_t worker, const std::atomic<std::uint64_t>& incarnation,
                           const Request& request)
    : engine_(engine),
      worker_(worker),
      incarnation_(incarnation),
      prompt_bytes_(request.prompt_bytes),
      block_bytes_(request.block_bytes),
      tokens_(request.tokens) {}

GenerateCall* GenerateCall::Begin(WorkerEngine& engine, std::size_t worker,
                                  const std::atomic<std::uint64_t>& incarnation, Request request) {
  const auto call = std::make_shared<GenerateCall>(engine, worker, incarnation, request);
  call->self_ = call;
  call->Submitted(engine.Submit(worker, std::move(request.chain), request.prompt_bytes, request.block_bytes, call));
  return call.get();
}

// It may have been answered, or cancelled, before its ticket is known.
void GenerateCall::Submitted(std::uint64_t ticket) {
  bool cancelled = false;
  {
    MutexLock lock(mutex_);
    ticket_ = ticket;
    cancelled = cancelled_;
  }
  if (cancelled) engine_.Cancel(worker_, ticket);
}

void GenerateCall::OnPrefillEnded(std::uint32_t cached_blocks, std::uint64_t cache_events) {
  v1::GenerateReply reply;
  v1::FirstToken& first = *reply.mutable_first_token();
  first.set_worker_incarnation(incarnation_);
  first.set_prompt_bytes(prompt_bytes_);
  first.set_cached_bytes(std::uint64_t{cached_blocks} * block_bytes_);
  first.set_event_seq(cache_events);
  {
    MutexLock lock(mutex_);
    if (cancelled_ || finishing_) return;
    first_ = ToBuffer(reply);
    busy_ = true;
  }
  StartWrite(&first_);
}

void GenerateCall::OnFinished() {
  v1::GenerateReply reply;
  reply.mutable_finished()->set_output_tokens(1);
  {
    MutexLock lock(mutex_);
    if (cancelled_ || finishing_) return;
    last_ = ToBuffer(reply);
    last_ready_ = true;
    if (busy_) return;
    finishing_ = true;
  }
  StartWriteAndFinish(&last_, {}, grpc::Status::OK);
}

void GenerateCall::OnWriteDone(bool ok) {
  enum class Next { kNothing, kLast, kGiveUp } next = Next::kNothing;
  {
    MutexLock lock(mutex_);
    busy_ = false;
    if (finishing_) return;
    if (cancelled_ || !ok) {
      next = Next::kGiveUp;
    } else if (last_ready_) {
      next = Next::kLast;
    }
    finishing_ = next != Next::kNothing;
  }
  if (next == Next::kLast) StartWriteAndFinish(&last_, {}, grpc::Status::OK);
  if (next == Next::kGiveUp) GiveUp();
}

void GenerateCall::OnCancel() {
  std::uint64_t ticket = 0;
  bool finish = false;
  {
    MutexLock lock(mutex_);
    cancelled_ = true;
    ticket = ticket_;
    finish = !busy_ && !finishing_;
    finishing_ = finishing_ || finish;
  }
  if (ticket != 0) engine_.Cancel(worker_, ticket);
  if (finish) Finish(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled by the caller"));
}

void GenerateCall::GiveUp() {
  std::uint64_t ticket = 0;
  {
    MutexLock lock(mutex_);
    ticket = ticket_;
  }
  if (ticket != 0) engine_.Cancel(worker_, ticket);
  Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the stream broke"));
}

}  // namespace prefixmesh::load
