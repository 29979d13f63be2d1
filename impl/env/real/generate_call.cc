#include "impl/env/real/generate_call.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <memory>
#include <optional>

#include "impl/env/real/request_parse.h"
#include "impl/env/real/routed_message.h"
#include "impl/env/real/status_of.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh {
namespace {

using grpc::ByteBuffer;

// Two, because workers die together: the second worker may be gone as well, and this router hear of it a moment later.
constexpr int kRetriesMax = 2;

class GenerateCall;

// One try at one worker. A class of its own because both halves have an OnWriteDone.
class WorkerTry final : public grpc::ClientBidiReactor<ByteBuffer, ByteBuffer> {
 public:
  WorkerTry(GenerateCall& call, const std::shared_ptr<grpc::Channel>& channel, RouteDecision decided)
      : decision(std::move(decided)), stub_(channel), call_(call) {
    context.set_initial_metadata_corked(true);  // headers and body leave in one batch
  }
  void Start(const ByteBuffer& body) {  // without a deadline: when the client's passes, this end is cancelled
    body_ = body;
    stub_.PrepareBidiStreamingCall(&context, "/prefixmesh.v1.Worker/Generate", grpc::StubOptions(), this);
    StartWriteLast(&body_, grpc::WriteOptions());
    StartRead(&incoming);
    AddHold();  // reads are started outside the worker's reactions: the stream must not end between two of them
    StartCall();
  }
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool) override { body_.Clear(); }
  void OnDone(const grpc::Status& status) override;

  const RouteDecision decision;
  grpc::ClientContext context;
  ByteBuffer incoming;
  bool held = true;

 private:
  grpc::TemplatedGenericStub<ByteBuffer, ByteBuffer> stub_;
  ByteBuffer body_;
  GenerateCall& call_;
};

class GenerateCall final : public RequestCall {
 public:
  GenerateCall(RequestPort& port, RouterHandler& handler, GrpcWorkerChannels& channels,
               grpc::GenericCallbackServerContext& context, bool announce)
      : RequestCall(port, context),
        handler_(handler),
        channels_(channels),
        announce_(announce && context.client_metadata().count(kAnnounceKey) > 0) {}

  // ---- the client's half

  void OnBody(ByteBuffer body) override {
    MutexLock lock(mutex_);
    body_ = std::move(body);
    if (const Status placed = Place(false); !placed.ok()) End(StatusOf(placed.error()));
  }
  void OnWriteDone(bool ok) override {
    MutexLock lock(mutex_);
    writing_ = false;
    WriteEnded();
    outgoing_.Clear();
    if (!ok) ClientGone();
    Step();
  }
  void OnCancel() override {
    {
      MutexLock lock(mutex_);
      ClientGone();
      Step();
    }
    RequestCall::OnCancel();
  }
  void Gone() override { Release(); }

  // ---- the worker's half

  void WorkerReplied(bool ok) {
    MutexLock lock(mutex_);
    if (ok) {
      NoteIncarnation();
      answered_ = true;
      body_.Clear();  // nobody else will need it
    }
    have_reply_ = ok;
    if (!ok) ReleaseHold();
    Step();
  }
  void WorkerDone(const grpc::Status& said) {
    {
      MutexLock lock(mutex_);
      // One that ends well and has said nothing has not answered.
      const grpc::Status ended =
          said.ok() && !answered_ ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "it said nothing") : said;
      const Forwarded forwarded = ForwardedOf(ended.error_code());
      handler_.Finished(try_->decision, forwarded);
      const std::unique_ptr<WorkerTry> over = std::move(try_);
      if (!MayTryAgain(ended) || !Place(true).ok())
        End(forwarded != Forwarded::kUnreached
                ? ended
                : grpc::Status(grpc::StatusCode::UNAVAILABLE, "worker broke off: " + ended.error_message()));
    }
    Release();
  }

 private:
  // Chooses a worker and starts a try. An error: nobody was chosen.
  Status Place(bool again) PREFIXMESH_REQUIRES(mutex_) {
    Result<ParsedRequest> parsed = ParseRequest(body_);
    if (!parsed.ok()) return parsed.error();
    Result<RouteDecision> decision = handler_.Decide(RouteRequestOf(*parsed), again);
    if (!decision.ok()) return decision.error();
    if (announce_ && !again) {
      context_.AddInitialMetadata(kPlacedKey, RoutedOf(*decision).SerializeAsString());
      StartSendInitialMetadata();
    }
    const std::shared_ptr<grpc::Channel>& channel = channels_.channel(decision->worker);
    try_ = std::make_unique<WorkerTry>(*this, channel, std::move(*decision));
    parts_.fetch_add(1, std::memory_order_relaxed);
    try_->Start(body_);
    if (client_gone_) try_->context.TryCancel();
    return {};
  }

  bool MayTryAgain(const grpc::Status& status) PREFIXMESH_REQUIRES(mutex_) {
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE || answered_ || client_gone_ || retries_ == kRetriesMax)
      return false;
    if (context_.deadline() <= std::chrono::system_clock::now() || !handler_.TakeRetry()) return false;
    ++retries_;
    return true;
  }

  // Moves a reply on when there is one and the line is free; ends the call when the worker's half is over.
  void Step() PREFIXMESH_REQUIRES(mutex_) {
    if (writing_ || finished_) return;
    if (have_reply_ && client_gone_) {  // dropped; no read is under way, and none will be
      have_reply_ = false;
      ReleaseHold();
    }
    if (have_reply_) {
      writing_ = true;
      WriteBegan();
      if (!routed_sent_) {
        routed_sent_ = true;
        v1::GenerateReply reply;
        *reply.mutable_routed() = RoutedOf(try_->decision);
        const grpc::Slice slice(reply.SerializeAsString());
        outgoing_ = ByteBuffer(&slice, 1);
        StartWrite(&outgoing_);
        return;
      }
      have_reply_ = false;
      outgoing_.Swap(&try_->incoming);
      try_->incoming.Clear();
      StartWrite(&outgoing_);
      try_->StartRead(&try_->incoming);
      return;
    }
    if (!last_status_.has_value()) return;
    finished_ = true;
    WriteBegan();
    Finish(*last_status_);
  }
  void End(const grpc::Status& status) PREFIXMESH_REQUIRES(mutex_) {
    last_status_ = status;
    Step();
  }

  void ClientGone() PREFIXMESH_REQUIRES(mutex_) {
    client_gone_ = true;
    if (try_ != nullptr) try_->context.TryCancel();
  }

  // A worker that answered with a refusal is there; one that cannot be reached, breaks off or hangs is not.
  static Forwarded ForwardedOf(grpc::StatusCode code) {
    switch (code) {
      case grpc::StatusCode::UNAVAILABLE:
      case grpc::StatusCode::UNKNOWN:
      case grpc::StatusCode::INTERNAL:
      case grpc::StatusCode::DEADLINE_EXCEEDED:
        return Forwarded::kUnreached;
      case grpc::StatusCode::OK:
      case grpc::StatusCode::CANCELLED:
      case grpc::StatusCode::INVALID_ARGUMENT:
      case grpc::StatusCode::NOT_FOUND:
      case grpc::StatusCode::OUT_OF_RANGE:
      case grpc::StatusCode::UNAUTHENTICATED:
      case grpc::StatusCode::PERMISSION_DENIED:
        return Forwarded::kServed;
      default:
        return Forwarded::kFailed;
    }
  }

  void ReleaseHold() PREFIXMESH_REQUIRES(mutex_) {
    if (!try_->held) return;
    try_->held = false;
    try_->RemoveHold();
  }

  void NoteIncarnation() PREFIXMESH_REQUIRES(mutex_) {
    ByteBuffer copy(try_->incoming);
    v1::GenerateReply reply;
    if (!grpc::SerializationTraits<v1::GenerateReply>::Deserialize(&copy, &reply).ok()) return;
    if (reply.has_first_token() && reply.first_token().worker_incarnation() != 0)
      handler_.SawIncarnation(try_->decision.worker, Incarnation{reply.first_token().worker_incarnation()});
  }

  void Release() {
    if (parts_.fetch_sub(1) == 1) delete this;
  }

  RouterHandler& handler_;
  GrpcWorkerChannels& channels_;
  const bool announce_;
  std::atomic<int> parts_{1};  // the client's half, and the try under way

  Mutex mutex_;
  ByteBuffer body_ PREFIXMESH_GUARDED_BY(mutex_);  // until the worker's first message
  ByteBuffer outgoing_;
  std::unique_ptr<WorkerTry> try_ PREFIXMESH_GUARDED_BY(mutex_);
  bool writing_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  bool have_reply_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  bool routed_sent_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  bool answered_ PREFIXMESH_GUARDED_BY(mutex_) = false;  // a message of a worker is in
  int retries_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  bool client_gone_ PREFIXMESH_GUARDED_BY(mutex_) = false;  // the worker's replies are dropped
  bool finished_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> last_status_ PREFIXMESH_GUARDED_BY(mutex_);
};

void WorkerTry::OnReadDone(bool ok) { call_.WorkerReplied(ok); }
void WorkerTry::OnDone(const grpc::Status& status) { call_.WorkerDone(status); }

}  // namespace

RequestCall* NewGenerateCall(RequestPort& port, RouterHandler& handler, GrpcWorkerChannels& channels,
                             grpc::GenericCallbackServerContext& context, bool announce) {
  return new GenerateCall(port, handler, channels, context, announce);
}

}  // namespace prefixmesh
