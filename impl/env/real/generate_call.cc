#include "impl/env/real/generate_call.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include "impl/env/real/request_parse.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh {
namespace {

using grpc::ByteBuffer;

grpc::Status ToStatus(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return {grpc::StatusCode::NOT_FOUND, error.message};
    case ErrorCode::kUnavailable:
      return {grpc::StatusCode::UNAVAILABLE, error.message};
    case ErrorCode::kTooBig:
    case ErrorCode::kExhausted:
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, error.message};
    default:
      return {grpc::StatusCode::INVALID_ARGUMENT, error.message};
  }
}

// A request that was refused before it reached a worker.
class RefusedCall final : public grpc::ServerWriteReactor<ByteBuffer> {
 public:
  explicit RefusedCall(const Error& error) { Finish(ToStatus(error)); }
  void OnDone() override { delete this; }
};

class GenerateCall;

// The worker's half. A class of its own because both halves have an OnWriteDone.
class WorkerHalf final : public grpc::ClientBidiReactor<ByteBuffer, ByteBuffer> {
 public:
  explicit WorkerHalf(GenerateCall& call) : call_(call) {}
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  GenerateCall& call_;
};

class GenerateCall final : public grpc::ServerWriteReactor<ByteBuffer> {
 public:
  GenerateCall(RouterHandler& handler, const std::shared_ptr<grpc::Channel>& channel, RouteDecision decision,
               const ByteBuffer& request)
      : handler_(handler), decision_(std::move(decision)), stub_(channel), body_(request), half_(*this) {
    v1::GenerateReply routed;
    routed.mutable_routed()->set_worker(decision_.worker_name);
    routed.mutable_routed()->set_reason(static_cast<v1::DecisionReason>(decision_.reason));
    routed.mutable_routed()->set_inserted(decision_.inserted);
    routed.mutable_routed()->set_matched_bytes(decision_.matched_bytes);
    const grpc::Slice slice(routed.SerializeAsString());
    outgoing_ = ByteBuffer(&slice, 1);
    stub_.PrepareBidiStreamingCall(&context_, "/prefixmesh.v1.Worker/Generate", grpc::StubOptions(), &half_);
    half_.StartWriteLast(&body_, grpc::WriteOptions());
    half_.StartRead(&incoming_);
    half_.AddHold();  // reads are started outside the worker's reactions: the stream must not end between two of them
    half_.StartCall();
    StartWrite(&outgoing_);
  }

  // ---- the client's half

  void OnWriteDone(bool ok) override {
    MutexLock lock(mutex_);
    writing_ = false;
    outgoing_.Clear();
    if (!ok) {
      context_.TryCancel();
      broken_ = true;
      if (have_reply_) ReleaseHold();  // no read is under way, and none will be
    }
    Step();
  }
  void OnCancel() override { context_.TryCancel(); }
  void OnDone() override { Release(); }

  // ---- the worker's half

  void WorkerTookBody() { body_.Clear(); }
  void WorkerReplied(bool ok) {
    if (ok) NoteIncarnation();
    MutexLock lock(mutex_);
    have_reply_ = ok;
    if (!ok || broken_) ReleaseHold();
    Step();
  }
  void WorkerDone(const grpc::Status& status) {
    const bool reached = Reached(status.error_code());
    handler_.Finished(decision_, reached);
    {
      MutexLock lock(mutex_);
      worker_status_ =
          reached ? status : grpc::Status(grpc::StatusCode::UNAVAILABLE, "worker broke off: " + status.error_message());
      Step();
    }
    Release();
  }

 private:
  // Moves a reply on when there is one and the line is free; ends the call when the worker's half is over.
  void Step() PREFIXMESH_REQUIRES(mutex_) {
    if (writing_ || finished_) return;
    if (have_reply_ && !broken_) {
      have_reply_ = false;
      outgoing_.Swap(&incoming_);
      incoming_.Clear();
      writing_ = true;
      StartWrite(&outgoing_);
      half_.StartRead(&incoming_);
      return;
    }
    if (!worker_status_.has_value()) return;
    finished_ = true;
    Finish(*worker_status_);
  }

  // A worker that answered with a refusal is there; one that cannot be reached, breaks off or hangs is not.
  static bool Reached(grpc::StatusCode code) {
    return code != grpc::StatusCode::UNAVAILABLE && code != grpc::StatusCode::UNKNOWN &&
           code != grpc::StatusCode::INTERNAL && code != grpc::StatusCode::DEADLINE_EXCEEDED;
  }

  void ReleaseHold() PREFIXMESH_REQUIRES(mutex_) {
    if (!held_) return;
    held_ = false;
    half_.RemoveHold();
  }

  void NoteIncarnation() {
    ByteBuffer copy(incoming_);
    v1::GenerateReply reply;
    if (!grpc::SerializationTraits<v1::GenerateReply>::Deserialize(&copy, &reply).ok()) return;
    if (reply.has_first_token() && reply.first_token().worker_incarnation() != 0)
      handler_.SawIncarnation(decision_.worker, Incarnation{reply.first_token().worker_incarnation()});
  }

  void Release() {
    if (halves_.fetch_sub(1) == 1) delete this;
  }

  RouterHandler& handler_;
  const RouteDecision decision_;
  grpc::TemplatedGenericStub<ByteBuffer, ByteBuffer> stub_;
  grpc::ClientContext context_;
  ByteBuffer body_;
  WorkerHalf half_;
  std::atomic<int> halves_{2};

  Mutex mutex_;
  ByteBuffer incoming_, outgoing_;
  bool writing_ PREFIXMESH_GUARDED_BY(mutex_) = true;  // the Routed message is on its way
  bool have_reply_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  bool held_ PREFIXMESH_GUARDED_BY(mutex_) = true;
  bool broken_ PREFIXMESH_GUARDED_BY(mutex_) = false;  // the client is gone; the worker's replies are dropped
  bool finished_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> worker_status_ PREFIXMESH_GUARDED_BY(mutex_);
};

void WorkerHalf::OnReadDone(bool ok) { call_.WorkerReplied(ok); }
void WorkerHalf::OnWriteDone(bool) { call_.WorkerTookBody(); }
void WorkerHalf::OnDone(const grpc::Status& status) { call_.WorkerDone(status); }

}  // namespace

grpc::ServerWriteReactor<ByteBuffer>* StartGenerateCall(RouterHandler& handler, GrpcWorkerChannels& channels,
                                                        grpc::CallbackServerContext& context,
                                                        const ByteBuffer& request) {
  (void)context;
  Result<ParsedRequest> parsed = ParseRequest(request);
  if (!parsed.ok()) return new RefusedCall(parsed.error());
  const Result<RouteDecision> decision = handler.Decide({parsed->model, parsed->kind, &parsed->prompt});
  if (!decision.ok()) return new RefusedCall(decision.error());
  auto* call = new GenerateCall(handler, channels.channel(decision->worker), *decision, request);
  // gRPC keeps the request for the whole call; the call has its own reference and frees it once it is forwarded.
  const_cast<ByteBuffer&>(request).Clear();
  return call;
}

}  // namespace prefixmesh
