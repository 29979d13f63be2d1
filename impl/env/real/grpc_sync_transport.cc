#include "impl/env/real/grpc_sync_transport.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <deque>
#include <set>

#include "impl/base/check.h"
#include "impl/base/mutex.h"
#include "impl/env/real/socket_meter.h"
#include "impl/wire/prefixmesh.grpc.pb.h"

namespace prefixmesh {
namespace {

constexpr char kRouterKey[] = "prefixmesh-router";
constexpr Time kBackoffMin = std::chrono::milliseconds(100);
constexpr Time kUnreachedBackoffMax = std::chrono::seconds(1);  // connected, and no stream: look again soon
constexpr Time kRefusedBackoffMax = std::chrono::seconds(30);   // the two do not fit: there is no hurry
constexpr Time kStreamThatFits = std::chrono::seconds(5);       // one that lived so long was no misfit
constexpr Time kDrainMax = std::chrono::seconds(1);

std::uint16_t PortOf(const std::string& address) {
  const auto colon = address.rfind(':');
  return colon == std::string::npos ? std::uint16_t{0}
                                    : static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1));
}

}  // namespace

class GrpcSyncTransport::Impl final : public v1::Sync::CallbackService {
 public:
  // One end of a stream: a write queue, and one read at a time. Deletes itself when gRPC is done with it.
  class Stream {
   public:
    virtual ~Stream() = default;
    virtual void StartWriteNext(const v1::SyncFrame* frame) = 0;
    virtual void StartReadNext(v1::SyncFrame* frame) = 0;
    virtual void End() = 0;
    // The last word: what was written before it still arrives, then the stream ends.
    virtual void FinishWrites() = 0;

    Stream(Impl& owner, PeerIndex peer) : owner_(owner), peer_(peer) {}

    // All below are called with owner_.mutex_ held.
    SendOutcome Enqueue(std::string frame) {
      if (ended_ || draining_) return SendOutcome::kClosed;
      if (queue_.size() >= owner_.options_.queue_frames || queued_bytes_ + frame.size() > owner_.options_.queue_bytes)
        return SendOutcome::kFull;
      queued_bytes_ += frame.size();
      queue_.emplace_back().set_body(std::move(frame));
      if (queue_.size() == 1) StartWriteNext(&queue_.front());
      return SendOutcome::kQueued;
    }
    void Written() {
      queued_bytes_ -= queue_.front().body().size();
      queue_.pop_front();
      if (ended_) return;
      if (!queue_.empty()) {
        StartWriteNext(&queue_.front());
      } else if (draining_) {
        FinishWrites();
      }
    }
    void Drain() {
      if (ended_ || draining_) return;
      draining_ = true;
      if (queue_.empty()) FinishWrites();
    }

    Impl& owner_;
    const PeerIndex peer_;
    std::deque<v1::SyncFrame> queue_;
    std::size_t queued_bytes_ = 0;
    v1::SyncFrame incoming_;
    bool up_ = false;
    Time up_at_{0};
    bool draining_ = false;
    bool ended_ = false;
  };

  template <typename Reactor>
  class StreamOf : public Reactor, public Stream {
   public:
    using Stream::Stream;
    void StartWriteNext(const v1::SyncFrame* frame) override { Reactor::StartWrite(frame); }
    void StartReadNext(v1::SyncFrame* frame) override { Reactor::StartRead(frame); }
    void OnReadDone(bool ok) override { owner_.ReadDone(*this, ok); }
    void OnWriteDone(bool ok) override { owner_.WriteDone(*this, ok); }
  };

  class Dialed final : public StreamOf<grpc::ClientBidiReactor<v1::SyncFrame, v1::SyncFrame>> {
   public:
    Dialed(Impl& owner, PeerIndex peer, v1::Sync::Stub& stub) : StreamOf(owner, peer) {
      context_.AddMetadata(kRouterKey, owner.options_.router);
      // The stream begins when the channel has connected. A call that fails at once while the channel has not would be
      // tried again on a clock of its own, up to a second after the two could have talked.
      context_.set_wait_for_ready(true);
      if (owner.options_.gzip) context_.set_compression_algorithm(GRPC_COMPRESS_GZIP);
      stub.async()->Exchange(&context_, this);
    }
    void Begin() {
      AddHold();  // writes and reads are started from the mesh loop; released when the stream ends
      StartCall();
    }
    void OnReadInitialMetadataDone(bool ok) override {
      if (ok) {
        owner_.Up(*this, StreamRole::kDialer);
      } else {
        owner_.Ended(*this);
      }
    }
    void OnDone(const grpc::Status&) override { owner_.Done(*this); }
    void End() override {
      context_.TryCancel();
      RemoveHold();
    }
    void FinishWrites() override { StartWritesDone(); }

   private:
    grpc::ClientContext context_;
  };

  class Served final : public StreamOf<grpc::ServerBidiReactor<v1::SyncFrame, v1::SyncFrame>> {
   public:
    Served(Impl& owner, PeerIndex peer, grpc::CallbackServerContext& context)
        : StreamOf(owner, peer), context_(context) {
      if (owner.options_.gzip) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
      StartSendInitialMetadata();
    }
    void OnSendInitialMetadataDone(bool ok) override {
      if (ok) owner_.Up(*this, StreamRole::kServer);
    }
    void OnCancel() override {
      owner_.Ended(*this);  // nothing is started on it any more
      FinishOnce();
    }
    void OnDone() override { owner_.Done(*this); }
    void End() override {
      // Cancelling ends the stream at once; Finish would wait for the queue.
      context_.TryCancel();
    }
    void FinishWrites() override { FinishOnce(); }
    void FinishOnce() {
      if (!finished_.exchange(true)) Finish(grpc::Status(grpc::StatusCode::CANCELLED, "stream ended"));
    }

   private:
    grpc::CallbackServerContext& context_;
    std::atomic<bool> finished_{false};
  };

  // A stream this router refuses at once.
  class Refused final : public grpc::ServerBidiReactor<v1::SyncFrame, v1::SyncFrame> {
   public:
    explicit Refused(const std::string& why) { Finish(grpc::Status(grpc::StatusCode::PERMISSION_DENIED, why)); }
    void OnDone() override { delete this; }
  };

  Impl(SyncTransportOptions options, Clock& clock, Executor& loop, SyncTransportObserver& observer)
      : options_(std::move(options)), clock_(clock), loop_(loop), observer_(observer), peers_(options_.peers.size()) {
    for (const SyncPeerAddress& peer : options_.peers) ports_.insert(PortOf(peer.address));
    ports_.insert(PortOf(options_.listen));
  }

  Status Start() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(options_.listen, grpc::InsecureServerCredentials(), &port);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 8);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
    builder.SetMaxReceiveMessageSize(static_cast<int>(options_.frame_bytes));
    builder.SetMaxSendMessageSize(static_cast<int>(options_.frame_bytes));
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0)
      return Error{ErrorCode::kUnavailable,
                   "sync address " + options_.listen + " cannot be bound: is the port in use?"};
    for (std::uint16_t i = 0; i < options_.peers.size(); ++i) {
      if (options_.router >= options_.peers[i].name) continue;  // the other one dials
      grpc::ChannelArguments arguments;
      arguments.SetMaxReceiveMessageSize(static_cast<int>(options_.frame_bytes));
      arguments.SetMaxSendMessageSize(static_cast<int>(options_.frame_bytes));
      arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
      arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
      arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
      arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
      arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 250);
      arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3000);  // a connection attempt without an answer
      peers_[i].stub = v1::Sync::NewStub(
          grpc::CreateCustomChannel(options_.peers[i].address, grpc::InsecureChannelCredentials(), arguments));
      Dial(PeerIndex{i});
    }
    return {};
  }

  void Shutdown() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      for (Peer& peer : peers_)
        if (peer.stream != nullptr) EndLocked(*peer.stream);
      while (streams_ > 0) all_done_.Wait(mutex_);
    }
    if (server_ != nullptr) {
      server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
      server_->Wait();
    }
  }

  SendOutcome Send(PeerIndex peer, std::string frame) {
    MutexLock lock(mutex_);
    Stream* stream = peers_[peer.value].stream;
    if (stream == nullptr || !stream->up_) return SendOutcome::kClosed;
    return stream->Enqueue(std::move(frame));
  }

  void FrameHandled(PeerIndex peer) {
    MutexLock lock(mutex_);
    Stream* stream = peers_[peer.value].stream;
    // The frame may have come from a stream that is gone; then the new one already has its read under way.
    if (stream == nullptr || stream->ended_ || !peers_[peer.value].read_wanted) return;
    peers_[peer.value].read_wanted = false;
    stream->StartReadNext(&stream->incoming_);
  }

  void Close(PeerIndex peer) {
    MutexLock lock(mutex_);
    Stream* stream = peers_[peer.value].stream;
    if (stream == nullptr || !stream->up_) return;
    stream->Drain();
    loop_.PostAt(clock_.Now() + kDrainMax, [this, peer, life = stream->up_at_] {
      MutexLock ending(mutex_);
      Stream* still = peers_[peer.value].stream;
      if (still != nullptr && still->up_ && still->up_at_ == life) EndLocked(*still);
    });
  }

  std::size_t QueuedBytes(PeerIndex peer) const {
    MutexLock lock(mutex_);
    const Stream* stream = peers_[peer.value].stream;
    return stream != nullptr ? stream->queued_bytes_ : 0;
  }

  WireBytes SampleWireBytes() {
    MutexLock lock(meter_mutex_);
    const SocketMeter::Totals totals = meter_.Sample(ports_);
    return {totals.sent, totals.received};
  }

  grpc::ServerBidiReactor<v1::SyncFrame, v1::SyncFrame>* Exchange(grpc::CallbackServerContext* context) override {
    const auto& metadata = context->client_metadata();
    const auto named = metadata.find(kRouterKey);
    if (named == metadata.end()) return new Refused("a sync stream must name its router");
    const std::string name(named->second.data(), named->second.size());
    for (std::uint16_t i = 0; i < options_.peers.size(); ++i) {
      if (options_.peers[i].name != name) continue;
      MutexLock lock(mutex_);
      if (stopping_) return new Refused("shutting down");
      auto* stream = new Served(*this, PeerIndex{i}, *context);
      ++streams_;
      Replace(PeerIndex{i}, stream);
      return stream;
    }
    return new Refused("router " + name + " is not a configured peer");
  }

 private:
  struct Peer {
    std::unique_ptr<v1::Sync::Stub> stub;
    Stream* stream = nullptr;
    bool read_wanted = false;  // the observer has a frame; FrameHandled starts the next read
    Time backoff = kBackoffMin;
  };

  void EndLocked(Stream& stream) {
    if (stream.ended_) return;
    stream.ended_ = true;
    stream.End();
  }

  void Replace(PeerIndex peer, Stream* stream) PREFIXMESH_REQUIRES(mutex_) {
    Stream* old = peers_[peer.value].stream;
    peers_[peer.value].stream = stream;
    peers_[peer.value].read_wanted = false;
    if (old != nullptr) {
      if (old->up_) observer_.OnStreamDown(peer);
      old->up_ = false;
      EndLocked(*old);
    }
  }

  void Dial(PeerIndex peer) {
    MutexLock lock(mutex_);
    if (stopping_) return;
    auto* stream = new Dialed(*this, peer, *peers_[peer.value].stub);
    ++streams_;
    Replace(peer, stream);
    stream->Begin();
  }

  void Up(Stream& stream, StreamRole role) {
    MutexLock lock(mutex_);
    if (peers_[stream.peer_.value].stream != &stream || stream.ended_) return;
    stream.up_ = true;
    stream.up_at_ = clock_.Now();
    observer_.OnStreamUp(stream.peer_, role);
    stream.StartReadNext(&stream.incoming_);
  }

  void Ended(Stream& stream) {
    MutexLock lock(mutex_);
    EndLocked(stream);
  }

  void ReadDone(Stream& stream, bool ok) {
    MutexLock lock(mutex_);
    if (!ok) {
      EndLocked(stream);
      return;
    }
    if (peers_[stream.peer_.value].stream != &stream) return;
    peers_[stream.peer_.value].read_wanted = true;
    observer_.OnFrame(stream.peer_, std::move(*stream.incoming_.mutable_body()));
  }

  void WriteDone(Stream& stream, bool ok) {
    MutexLock lock(mutex_);
    stream.Written();
    if (!ok) EndLocked(stream);
  }

  template <typename AnyStream>
  void Done(AnyStream& stream) {
    const PeerIndex peer = stream.peer_;
    bool redial = false;
    Time when{0};
    {
      MutexLock lock(mutex_);
      Peer& state = peers_[peer.value];
      if (state.stream == &stream) {
        if (stream.up_) observer_.OnStreamDown(peer);
        state.stream = nullptr;
        redial = state.stub != nullptr && !stopping_;
        const Time now = clock_.Now();
        if (stream.up_ && now - stream.up_at_ >= kStreamThatFits) state.backoff = kBackoffMin;
        when = now + state.backoff;
        state.backoff = std::min(state.backoff * 2, stream.up_ ? kRefusedBackoffMax : kUnreachedBackoffMax);
      }
    }
    delete &stream;
    if (redial) loop_.PostAt(when, [this, peer] { Dial(peer); });
    MutexLock lock(mutex_);
    --streams_;
    all_done_.NotifyAll();
  }

  const SyncTransportOptions options_;
  Clock& clock_;
  Executor& loop_;
  SyncTransportObserver& observer_;
  std::set<std::uint16_t> ports_;
  std::unique_ptr<grpc::Server> server_;

  mutable Mutex mutex_;
  CondVar all_done_;
  std::vector<Peer> peers_;
  std::size_t streams_ = 0;
  bool stopping_ = false;

  Mutex meter_mutex_;
  SocketMeter meter_;
};

GrpcSyncTransport::GrpcSyncTransport(SyncTransportOptions options, Clock& clock, Executor& loop,
                                     SyncTransportObserver& observer)
    : impl_(std::make_unique<Impl>(std::move(options), clock, loop, observer)) {}
GrpcSyncTransport::~GrpcSyncTransport() = default;
Status GrpcSyncTransport::Start() { return impl_->Start(); }
void GrpcSyncTransport::Shutdown() { impl_->Shutdown(); }
SendOutcome GrpcSyncTransport::Send(PeerIndex peer, std::string frame) { return impl_->Send(peer, std::move(frame)); }
void GrpcSyncTransport::FrameHandled(PeerIndex peer) { impl_->FrameHandled(peer); }
void GrpcSyncTransport::Close(PeerIndex peer) { impl_->Close(peer); }
std::size_t GrpcSyncTransport::QueuedBytes(PeerIndex peer) const { return impl_->QueuedBytes(peer); }
GrpcSyncTransport::WireBytes GrpcSyncTransport::SampleWireBytes() { return impl_->SampleWireBytes(); }

}  // namespace prefixmesh
