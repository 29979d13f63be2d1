#include "impl/env/real/grpc_sync_transport.h"

#include <grpcpp/grpcpp.h>

#include <spdlog/spdlog.h>
#include <xxhash.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <set>

#include "impl/base/log_limiter.h"
#include "impl/base/mutex.h"
#include "impl/env/real/grpc_listener.h"
#include "impl/env/real/socket_meter.h"
#include "impl/env/stream_state.h"
#include "impl/wire/prefixmesh.grpc.pb.h"

namespace prefixmesh {
namespace {

constexpr char kRouterKey[] = "prefixmesh-router";

// Says which strategy's frames a stream carries, in the few bytes that a preface has left. 0: it does not say.
std::uint32_t StrategyMark(std::string_view strategy) {
  return std::max<std::uint32_t>(XXH32(strategy.data(), strategy.size(), 0), 1);
}

// gRPC compares a message with the receiver's limit before either end's code sees it, and tells the dialing end alone,
// by a status that it has for other things, too.
bool IsAboveReceiveLimit(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
         status.error_message().find("larger than max") != std::string::npos;
}

constexpr Time kBackoffMin = std::chrono::milliseconds(100);
constexpr Time kUnreachedBackoffMax = std::chrono::seconds(1);  // no stream came up, or another took its place
constexpr Time kRefusedBackoffMax = std::chrono::seconds(30);   // the two do not fit: there is no hurry
constexpr Time kStableStreamMin = std::chrono::seconds(5);      // one that stayed up so long did fit
constexpr Time kDrainMax = std::chrono::seconds(1);
// gRPC 1.51 takes a whole message before it compares its size with the limit, so what came in is counted outside it.
constexpr Time kMeterPeriod = std::chrono::milliseconds(50);
constexpr std::uint64_t kMeterSlackBytes = 1u << 20;  // headers, pings, and what HTTP/2 delivers unasked
// Around a frame in its message: a tag and a length. gRPC's limit is on the message, ours on the frame.
constexpr std::size_t kEnvelopeBytes = 16;
constexpr Time kPrefaceTimeout = std::chrono::seconds(2);
// Served streams under one name that have not sent their preface yet; the oldest goes first.
constexpr std::size_t kUnnamedStreamsMax = 4;

std::uint16_t PortOf(const std::string& address) {
  const auto colon = address.rfind(':');
  return colon == std::string::npos ? std::uint16_t{0}
                                    : static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1));
}

}  // namespace

class GrpcSyncTransport::Impl final : public v1::Sync::CallbackService {
 public:
  // One end of a stream: its state, and the frames on their way out. Deletes itself when gRPC is done with it.
  class Stream {
   public:
    virtual ~Stream() = default;
    virtual void StartRead() = 0;
    virtual void StartWrite() = 0;
    virtual void Cancel() = 0;
    virtual void Finish() = 0;
    virtual void Release() = 0;
    virtual std::string Address() const = 0;  // of the other end, as gRPC names it

    Stream(Impl& owner, PeerIndex peer, StreamEnd end) : owner_(owner), peer_(peer), state_(end) {}

    Impl& owner_;
    const PeerIndex peer_;
    // All below belong to owner_.mutex_.
    std::uint64_t serial_ = 0;
    StreamState state_;
    std::deque<v1::SyncFrame> queue_;
    std::size_t queued_bytes_ = 0;
    v1::SyncFrame incoming_;
    bool up_ = false;  // the peer's preface is in, and no newer stream took its place
    Time up_at_{0};
    std::uint64_t incarnation_ = 0;  // the peer's, once it is up
    // What its connection had received when the read under way was first seen.
    std::optional<std::uint64_t> received_then_;
    grpc::Status status_{grpc::StatusCode::CANCELLED, "stream ended"};  // what a served end finishes with
  };

  template <typename Reactor>
  class StreamOf : public Reactor, public Stream {
   public:
    using Stream::Stream;
    void StartRead() override { Reactor::StartRead(&incoming_); }
    void StartWrite() override { Reactor::StartWrite(&queue_.front()); }
    void OnReadDone(bool ok) override { owner_.ReadDone(*this, ok); }
    void OnWriteDone(bool ok) override { owner_.WriteDone(*this, ok); }
  };

  class Dialed final : public StreamOf<grpc::ClientBidiReactor<v1::SyncFrame, v1::SyncFrame>> {
   public:
    Dialed(Impl& owner, PeerIndex peer, v1::Sync::Stub& stub) : StreamOf(owner, peer, StreamEnd::kDialed) {
      context_.AddMetadata(kRouterKey, owner.options_.router);
      // The stream begins when the channel has connected. A call that fails at once while the channel has not would be
      // tried again on a clock of its own, up to a second after the two could have talked.
      context_.set_wait_for_ready(true);
      stub.async()->Exchange(&context_, this);
    }
    void Begin() {
      AddHold();  // writes and reads are started from the mesh loop; released when the stream ends
      StartCall();
    }
    void OnReadInitialMetadataDone(bool ok) override { owner_.Opened(*this, ok); }
    void OnDone(const grpc::Status& status) override {
      owner_.Done(*this, status.error_code() == grpc::StatusCode::ABORTED, IsAboveReceiveLimit(status));
    }
    void Cancel() override { context_.TryCancel(); }
    void Finish() override { StartWritesDone(); }
    void Release() override { RemoveHold(); }
    std::string Address() const override { return context_.peer(); }

   private:
    grpc::ClientContext context_;
  };

  class Served final : public StreamOf<grpc::ServerBidiReactor<v1::SyncFrame, v1::SyncFrame>> {
   public:
    Served(Impl& owner, PeerIndex peer, grpc::CallbackServerContext& context)
        : StreamOf(owner, peer, StreamEnd::kServed), context_(context) {
      StartSendInitialMetadata();
    }
    void OnSendInitialMetadataDone(bool ok) override { owner_.Opened(*this, ok); }
    void OnCancel() override { owner_.End(*this); }
    void OnDone() override { owner_.Done(*this, false, false); }
    void Cancel() override { context_.TryCancel(); }
    void Finish() override { grpc::ServerBidiReactor<v1::SyncFrame, v1::SyncFrame>::Finish(status_); }
    void Release() override {}
    std::string Address() const override { return context_.peer(); }

   private:
    grpc::CallbackServerContext& context_;
  };

  // A stream this router refuses at its headers.
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

  std::uint16_t port() const { return port_; }

  Status Start() {
    grpc::ServerBuilder builder;
    const Result<std::uint16_t> port = listener_.Bind(options_.listen, options_.limits, builder);
    if (!port.ok()) return Error{port.error().code, "sync address: " + port.error().message};
    port_ = *port;
    ApplyPortLimits(options_.limits, options_.frame_bytes + kEnvelopeBytes, builder);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return Error{ErrorCode::kUnavailable, "cannot serve " + options_.listen};
    listener_.Start();
    loop_.PostAt(clock_.Now() + kMeterPeriod, [this] { MeterStreams(); });
    for (std::uint16_t i = 0; i < options_.peers.size(); ++i) {
      if (!Dials(i)) continue;
      grpc::ChannelArguments arguments;
      ApplyClientLimits(options_.limits, options_.frame_bytes + kEnvelopeBytes, arguments);
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
      std::vector<Stream*> all;
      for (const auto& [serial, stream] : streams_) all.push_back(stream);
      for (Stream* stream : all) Run(*stream, stream->state_.End());
      while (!streams_.empty()) all_done_.Wait(mutex_);
    }
    listener_.StopAccepting();
    if (server_ != nullptr) {
      server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
      server_->Wait();
    }
    listener_.Stop();
  }

  SendOutcome Send(PeerIndex peer, std::string frame) {
    MutexLock lock(mutex_);
    Stream* stream = peers_[peer.value].stream;
    if (stream == nullptr || !stream->up_ || !stream->state_.writable()) return SendOutcome::kClosed;
    if (frame.size() > options_.frame_bytes) return SendOutcome::kTooBig;
    if (stream->queue_.size() >= options_.queue_frames || stream->queued_bytes_ + frame.size() > options_.queue_bytes)
      return SendOutcome::kFull;
    stream->queued_bytes_ += frame.size();
    stream->queue_.emplace_back().set_body(std::move(frame));
    Run(*stream, stream->state_.Queued());
    return SendOutcome::kQueued;
  }

  void FrameHandled(PeerIndex peer) {
    MutexLock lock(mutex_);
    Peer& state = peers_[peer.value];
    if (state.frames_of_the_past > 0) {  // of streams that this one replaced; their frames were posted before
      --state.frames_of_the_past;
    } else if (state.stream != nullptr) {
      state.frame_in_hand = false;
      Run(*state.stream, state.stream->state_.Handled());
    }
  }

  void Close(PeerIndex peer) {
    MutexLock lock(mutex_);
    Stream* stream = peers_[peer.value].stream;
    if (stream != nullptr && stream->up_) DrainWithin(*stream, kDrainMax);
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

  std::map<std::string, std::uint64_t> Refusals() const {
    MutexLock lock(mutex_);
    return refusals_;
  }

  std::map<std::string, std::uint64_t> ConnectionRefusals() const { return listener_.Refusals(); }

  grpc::ServerBidiReactor<v1::SyncFrame, v1::SyncFrame>* Exchange(grpc::CallbackServerContext* context) override {
    MutexLock lock(mutex_);
    if (stopping_) return new Refused("shutting down");
    const auto& metadata = context->client_metadata();
    const auto named = metadata.find(kRouterKey);
    if (named == metadata.end()) {
      Count("unnamed", "a stream from " + context->peer() + " names no router");
      return new Refused("a sync stream must name its router");
    }
    const std::string name(named->second.data(), named->second.size());
    for (std::uint16_t i = 0; i < options_.peers.size(); ++i) {
      if (options_.peers[i].name != name) continue;
      if (Dials(i)) {
        Count("role",
              "a stream from " + context->peer() + " came under the name " + name + ", which this router dials");
        return new Refused("router " + options_.router + " dials " + name + ", not the other way round");
      }
      auto* stream = new Served(*this, PeerIndex{i}, *context);
      Register(*stream);
      std::deque<Stream*>& unnamed = peers_[i].unnamed;
      unnamed.push_back(stream);
      if (unnamed.size() > kUnnamedStreamsMax) {
        Stream* oldest = unnamed.front();
        unnamed.pop_front();
        Count("no_preface", "a stream under the name " + name + " sent no preface and made room for newer ones");
        Run(*oldest, oldest->state_.End());
      }
      return stream;
    }
    Count("unknown_router", "a stream from " + context->peer() + " names a router that is not a configured peer");
    return new Refused("this router is not a configured peer");
  }

 private:
  struct Peer {
    std::unique_ptr<v1::Sync::Stub> stub;  // null: the peer dials
    Stream* stream = nullptr;              // the dialed one, or the served one whose preface came last
    std::deque<Stream*> unnamed;           // served, no preface yet
    bool frame_in_hand = false;            // the observer has a frame of `stream`
    int frames_of_the_past = 0;            // it has frames of streams that are gone
    Time backoff = kBackoffMin;
  };

  // The smaller name dials.
  bool Dials(std::uint16_t peer) const { return options_.router < options_.peers[peer].name; }

  // Starts what the stream's state says is due.
  void Run(Stream& stream, const StreamState::Ops& ops) PREFIXMESH_REQUIRES(mutex_) {
    if (ops.deliver) {
      if (stream.up_) {
        peers_[stream.peer_.value].frame_in_hand = true;
        observer_.OnFrame(stream.peer_, std::move(*stream.incoming_.mutable_body()));
      } else {
        TakePreface(stream);
      }
    }
    if (ops.start_read) stream.StartRead();
    if (ops.start_write) stream.StartWrite();
    if (ops.cancel) stream.Cancel();
    if (ops.finish) stream.Finish();
    if (ops.release) stream.Release();
  }

  void Register(Stream& stream) PREFIXMESH_REQUIRES(mutex_) {
    stream.serial_ = ++streams_made_;
    streams_[stream.serial_] = &stream;
  }

  // After `wait` the stream is ended unless `over` says that there is no need; streams that are gone are not touched.
  template <typename Over>
  void EndAfter(Stream& stream, Time wait, Over over) PREFIXMESH_REQUIRES(mutex_) {
    loop_.PostAt(clock_.Now() + wait, [this, serial = stream.serial_, over] {
      MutexLock lock(mutex_);
      const auto at = streams_.find(serial);
      if (at != streams_.end() && !over(*at->second)) Run(*at->second, at->second->state_.End());
    });
  }

  void DrainWithin(Stream& stream, Time wait) PREFIXMESH_REQUIRES(mutex_) {
    Run(stream, stream.state_.Drain());
    EndAfter(stream, wait, [](const Stream&) { return false; });
  }

  void Dial(PeerIndex peer) {
    MutexLock lock(mutex_);
    if (stopping_) return;
    auto* stream = new Dialed(*this, peer, *peers_[peer.value].stub);
    Register(*stream);
    peers_[peer.value].stream = stream;
    stream->Begin();
  }

  void Opened(Stream& stream, bool ok) {
    MutexLock lock(mutex_);
    if (!ok) return Run(stream, stream.state_.End());
    Run(stream, stream.state_.Opened());
    if (peers_[stream.peer_.value].stub != nullptr) SendPreface(stream);
    EndAfter(stream, kPrefaceTimeout, [this](const Stream& late) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS {
      if (late.up_at_ > Time{0}) return true;
      if (!late.state_.ended())
        Count("no_preface", "a stream with " + options_.peers[late.peer_.value].name +
                                " sent no preface within two seconds: another release?");
      return false;
    });
  }

  void SendPreface(Stream& stream) PREFIXMESH_REQUIRES(mutex_) {
    if (!stream.state_.writable()) return;
    v1::StreamPreface& preface = *stream.queue_.emplace_back().mutable_preface();
    preface.set_router(options_.router);
    preface.set_incarnation(options_.incarnation.value);
    preface.set_strategy(StrategyMark(options_.strategy));
    Run(stream, stream.state_.Queued());
  }

  // The first message of the other end. From here on the stream is the peer's.
  void TakePreface(Stream& stream) PREFIXMESH_REQUIRES(mutex_) {
    Peer& peer = peers_[stream.peer_.value];
    const std::string& name = options_.peers[stream.peer_.value].name;
    const v1::StreamPreface& preface = stream.incoming_.preface();
    std::erase(peer.unnamed, &stream);
    if (preface.router() != name || preface.incarnation() == 0) {
      Count("bad_preface", "a stream with " + name + " began with no valid preface");
      return Run(stream, stream.state_.End());
    }
    if (preface.strategy() != 0 && preface.strategy() != StrategyMark(options_.strategy)) {
      Count("strategy", "a stream with " + name + " was refused: it runs another strategy than " + options_.strategy);
      if (peer.stub == nullptr) SendPreface(stream);  // so that its dialer can say the same
      return DrainWithin(stream, kDrainMax);
    }
    if (peer.stream != nullptr && peer.stream != &stream) {
      const Stream& old = *peer.stream;
      if (old.up_ && old.incarnation_ != preface.incarnation())
        if (const auto held_back = log_.Allow("replaced " + name, clock_.Now()))
          spdlog::warn("sync: a new process called {} takes the place of one that is up{}", name,
                       HeldBackNote(*held_back));
      Replace(peer, *peer.stream);
    }
    stream.incarnation_ = preface.incarnation();
    peer.stream = &stream;
    stream.up_ = true;
    stream.up_at_ = clock_.Now();
    if (peer.stub == nullptr) SendPreface(stream);
    observer_.OnStreamUp(stream.peer_, peer.stub != nullptr ? StreamRole::kDialer : StreamRole::kServer);
    Run(stream, stream.state_.Handled());
  }

  // The older stream ends; its dialer hears why, so that it tries again soon.
  void Replace(Peer& peer, Stream& old) PREFIXMESH_REQUIRES(mutex_) {
    if (old.up_) Down(peer, old);
    old.status_ = grpc::Status(grpc::StatusCode::ABORTED, "replaced by a newer stream of this router");
    if (old.queue_.empty()) {
      DrainWithin(old, kDrainMax);
    } else {
      Run(old, old.state_.End());
    }
  }

  void Down(Peer& peer, Stream& stream) PREFIXMESH_REQUIRES(mutex_) {
    stream.up_ = false;
    peer.frames_of_the_past += peer.frame_in_hand;
    peer.frame_in_hand = false;
    observer_.OnStreamDown(stream.peer_);
  }

  void End(Stream& stream) {
    MutexLock lock(mutex_);
    Run(stream, stream.state_.End());
  }

  // Ends streams whose message has grown beyond what a frame may have.
  void MeterStreams() {
    MutexLock lock(mutex_);
    if (stopping_) return;
    std::set<std::string> addresses;
    std::vector<Stream*> oversized;
    for (const auto& [serial, stream] : streams_) {
      if (!stream->state_.opened() || stream->state_.ended()) continue;
      // While a frame is in hand the next ones come in, as many as the window takes: those are not one message.
      if (!stream->state_.reading()) {
        stream->received_then_.reset();
        continue;
      }
      const std::string address = stream->Address();
      const bool served = peers_[stream->peer_.value].stub == nullptr;
      const auto received = served ? listener_.BodyBytes(address) : dialed_.Received(address);
      if (!received) continue;
      if (!served) addresses.insert(address);
      if (!stream->received_then_) {
        stream->received_then_ = received;
      } else if (*received - *stream->received_then_ > options_.frame_bytes + kMeterSlackBytes) {
        oversized.push_back(stream);
      }
    }
    dialed_.Keep(addresses);
    for (Stream* stream : oversized) {
      Count(kOversizedRefusal, "a stream with " + options_.peers[stream->peer_.value].name + " sends a message above " +
                                   std::to_string(options_.frame_bytes) + " bytes");
      Run(*stream, stream->state_.End());
    }
    loop_.PostAt(clock_.Now() + kMeterPeriod, [this] { MeterStreams(); });
  }

  void ReadDone(Stream& stream, bool ok) {
    MutexLock lock(mutex_);
    stream.received_then_.reset();
    StreamState::Ops ops = stream.state_.ReadDone(ok);
    if (ops.deliver && !stream.up_ && stream.up_at_ > Time{0}) ops = stream.state_.End();  // it was replaced
    Run(stream, ops);
  }

  void WriteDone(Stream& stream, bool ok) {
    MutexLock lock(mutex_);
    stream.queued_bytes_ -= stream.queue_.front().body().size();
    stream.queue_.pop_front();
    Run(stream, stream.state_.WriteDone(ok));
  }

  template <typename AnyStream>
  void Done(AnyStream& stream, bool replaced, bool above_limit) {
    MutexLock lock(mutex_);
    Peer& peer = peers_[stream.peer_.value];
    if (above_limit)
      Count(kOversizedRefusal, "a stream with " + options_.peers[stream.peer_.value].name +
                                   " ended: an end refused a message above its limit");
    std::erase(peer.unnamed, &stream);
    const bool was_up = stream.up_;
    if (was_up) Down(peer, stream);
    if (peer.stream == &stream) peer.stream = nullptr;
    if (peer.stub != nullptr && !stopping_) {
      const Time now = clock_.Now();
      if (was_up && now - stream.up_at_ >= kStableStreamMin) peer.backoff = kBackoffMin;
      loop_.PostAt(now + peer.backoff, [this, index = stream.peer_] { Dial(index); });
      peer.backoff = std::min(peer.backoff * 2, was_up && !replaced ? kRefusedBackoffMax : kUnreachedBackoffMax);
    }
    streams_.erase(stream.serial_);
    delete &stream;
    all_done_.NotifyAll();
  }

  // One stream that was refused: counted by reason, and one line of it in ten seconds.
  void Count(const char* reason, const std::string& line) PREFIXMESH_REQUIRES(mutex_) {
    ++refusals_[reason];
    if (const auto held_back = log_.Allow(reason, clock_.Now()))
      spdlog::warn("sync: {}{}", line, HeldBackNote(*held_back));
  }

  const SyncTransportOptions options_;
  Clock& clock_;
  Executor& loop_;
  SyncTransportObserver& observer_;
  std::set<std::uint16_t> ports_;
  GrpcListener listener_;
  std::unique_ptr<grpc::Server> server_;
  std::uint16_t port_ = 0;

  mutable Mutex mutex_;
  CondVar all_done_;
  std::vector<Peer> peers_;
  std::map<std::uint64_t, Stream*> streams_;  // all that gRPC is not done with, by serial
  std::uint64_t streams_made_ = 0;
  bool stopping_ = false;
  std::map<std::string, std::uint64_t> refusals_;  // by reason
  LogLimiter log_;
  ConnectionMeter dialed_;

  Mutex meter_mutex_;
  SocketMeter meter_;
};

GrpcSyncTransport::GrpcSyncTransport(SyncTransportOptions options, Clock& clock, Executor& loop,
                                     SyncTransportObserver& observer)
    : impl_(std::make_unique<Impl>(std::move(options), clock, loop, observer)) {}
GrpcSyncTransport::~GrpcSyncTransport() = default;
std::uint16_t GrpcSyncTransport::port() const { return impl_->port(); }
Status GrpcSyncTransport::Start() { return impl_->Start(); }
void GrpcSyncTransport::Shutdown() { impl_->Shutdown(); }
SendOutcome GrpcSyncTransport::Send(PeerIndex peer, std::string frame) { return impl_->Send(peer, std::move(frame)); }
void GrpcSyncTransport::FrameHandled(PeerIndex peer) { impl_->FrameHandled(peer); }
void GrpcSyncTransport::Close(PeerIndex peer) { impl_->Close(peer); }
std::size_t GrpcSyncTransport::QueuedBytes(PeerIndex peer) const { return impl_->QueuedBytes(peer); }
std::map<std::string, std::uint64_t> GrpcSyncTransport::Refusals() const { return impl_->Refusals(); }
std::map<std::string, std::uint64_t> GrpcSyncTransport::ConnectionRefusals() const {
  return impl_->ConnectionRefusals();
}
GrpcSyncTransport::WireBytes GrpcSyncTransport::SampleWireBytes() { return impl_->SampleWireBytes(); }

}  // namespace prefixmesh
