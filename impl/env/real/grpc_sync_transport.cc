// Long: one lock over the streams of all peers, dialed and served, and what becomes of each.
#include "impl/env/real/grpc_sync_transport.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>
#include <xxhash.h>

#include <algorithm>
#include <deque>
#include <set>

#include "impl/base/log_limiter.h"
#include "impl/base/mutex.h"
#include "impl/base/printable.h"
#include "impl/env/real/grpc_limits.h"
#include "impl/env/real/grpc_listener.h"
#include "impl/env/real/socket_meter.h"
#include "impl/env/real/sync_stream.h"
#include "impl/env/real/sync_stream_meter.h"
#include "impl/env/redial.h"

namespace prefixmesh {
namespace {

// Says which strategy's frames a stream carries, in the few bytes that a preface has left. 0: it does not say.
std::uint32_t StrategyMark(std::string_view strategy) {
  return std::max<std::uint32_t>(XXH32(strategy.data(), strategy.size(), 0), 1);
}

// A peer that does not answer is said so after it, then after twice as long each time.
constexpr Time kUnreachedAfter = std::chrono::seconds(5), kUnreachedAgainMax = std::chrono::minutes(5);
constexpr Time kDrainMax = std::chrono::seconds(1), kShutdownGrace = std::chrono::seconds(1);
constexpr Time kMeterPeriod = std::chrono::milliseconds(50);
// Around a frame in its message: a tag and a length. gRPC's limit is on the message, ours on the frame.
constexpr std::size_t kEnvelopeBytes = 16;
constexpr Time kPrefaceTimeout = std::chrono::seconds(2);
// Served streams under one name that have not sent their preface yet; the oldest goes first.
constexpr std::size_t kUnnamedStreamsMax = 4;

// Of a stream that was up.
Redial::Ending EndingOf(const grpc::Status& ended) {
  if (ended.error_code() == grpc::StatusCode::ABORTED) return Redial::Ending::kReplaced;
  return ended.error_code() == grpc::StatusCode::UNAVAILABLE ? Redial::Ending::kBroken : Redial::Ending::kRefused;
}

std::uint16_t PortOf(const std::string& address) {
  const auto colon = address.rfind(':');
  return static_cast<std::uint16_t>(colon == std::string::npos ? 0 : std::atoi(address.c_str() + colon + 1));
}

class SyncStreams final : public GrpcSyncTransport, private SyncStreamOwner, private v1::Sync::CallbackService {
 public:
  SyncStreams(SyncTransportOptions options, Clock& clock, Executor& loop, SyncTransportObserver& observer)
      : options_(std::move(options)),
        clock_(clock),
        loop_(loop),
        observer_(observer),
        peers_(options_.peers.size()),
        meter_(listener_, options_.frame_bytes) {
    for (const SyncPeerAddress& peer : options_.peers) ports_.insert(PortOf(peer.address));
    ports_.insert(PortOf(options_.listen));
  }

  std::uint16_t port() const override { return port_; }

  Status Start() override {
    grpc::ServerBuilder builder;
    const Result<std::uint16_t> port = listener_.Bind(options_.listen, options_.limits, builder);
    if (!port.ok()) return Error{port.error().code, "sync address: " + port.error().message};
    port_ = *port;
    ApplyPortLimits(options_.limits, message_bytes(), builder);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return Error{ErrorCode::kUnavailable, "cannot serve " + options_.listen};
    listener_.Start();
    loop_.PostAt(clock_.Now() + kMeterPeriod, [this] { MeterStreams(); });
    for (std::uint16_t i = 0; i < options_.peers.size(); ++i) {
      if (!Dials(i)) continue;
      peers_[i].stub = NewSyncStub(options_.peers[i].address, options_.limits, message_bytes());
      Dial(PeerIndex{i});
    }
    return {};
  }

  void Shutdown() override {
    listener_.StopAccepting(kShutdownGrace);  // and a client that does not read holds up nothing below for longer
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      std::vector<SyncStream*> all;
      for (const auto& [serial, stream] : streams_) all.push_back(stream);
      for (SyncStream* stream : all) Run(*stream, stream->state.End());
      while (!streams_.empty()) all_done_.Wait(mutex_);
    }
    if (server_ != nullptr) {
      server_->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
      server_->Wait();
    }
    listener_.Stop();
  }

  SendOutcome Send(PeerIndex peer, std::string frame) override {
    MutexLock lock(mutex_);
    SyncStream* stream = peers_[peer.value].stream;
    if (stream == nullptr || !stream->up || !stream->state.writable()) return SendOutcome::kClosed;
    if (frame.size() > options_.frame_bytes) return SendOutcome::kTooBig;
    if (stream->queue.size() >= options_.queue_frames || stream->queued_bytes + frame.size() > options_.queue_bytes)
      return SendOutcome::kFull;
    stream->queued_bytes += frame.size();
    stream->queue.emplace_back().set_body(std::move(frame));
    Run(*stream, stream->state.Queued());
    return SendOutcome::kQueued;
  }

  void FrameHandled(PeerIndex peer) override {
    MutexLock lock(mutex_);
    Peer& state = peers_[peer.value];
    if (state.frames_of_the_past > 0) {  // of streams that this one replaced; their frames were posted before
      --state.frames_of_the_past;
    } else if (state.stream != nullptr) {
      state.frame_in_hand = false;
      Run(*state.stream, state.stream->state.Handled());
    }
  }

  void Close(PeerIndex peer) override {
    MutexLock lock(mutex_);
    SyncStream* stream = peers_[peer.value].stream;
    if (stream != nullptr && stream->up) DrainWithin(*stream, kDrainMax);
  }

  std::size_t QueuedBytes(PeerIndex peer) const override {
    MutexLock lock(mutex_);
    const SyncStream* stream = peers_[peer.value].stream;
    return stream != nullptr ? stream->queued_bytes : 0;
  }

  WireBytes SampleWireBytes() override {
    MutexLock lock(wire_mutex_);
    const SocketMeter::Totals totals = wire_.Sample(ports_);
    return {totals.sent, totals.received};
  }

  std::map<std::string, std::uint64_t> Refusals() const override {
    MutexLock lock(mutex_);
    return refusals_;
  }

  std::map<std::string, std::uint64_t> ConnectionRefusals() const override { return listener_.Refusals(); }

  grpc::ServerBidiReactor<v1::SyncFrame, v1::SyncFrame>* Exchange(grpc::CallbackServerContext* context) override {
    MutexLock lock(mutex_);
    if (stopping_) return new RefusedSyncStream("shutting down");
    const auto& metadata = context->client_metadata();
    const auto named = metadata.find(kRouterKey);
    if (named == metadata.end()) {
      Count("unnamed", "a stream from " + context->peer() + " names no router");
      return new RefusedSyncStream("a sync stream must name its router");
    }
    const std::string name(named->second.data(), named->second.size());
    for (std::uint16_t i = 0; i < options_.peers.size(); ++i) {
      if (options_.peers[i].name != name) continue;
      if (Dials(i)) {
        Count("role",
              "a stream from " + context->peer() + " came under the name " + name + ", which this router dials");
        return new RefusedSyncStream("router " + options_.router + " dials " + name + ", not the other way round");
      }
      auto* stream = new ServedSyncStream(*this, PeerIndex{i}, *context);
      Register(*stream);
      std::deque<SyncStream*>& unnamed = peers_[i].unnamed;
      unnamed.push_back(stream);
      if (unnamed.size() > kUnnamedStreamsMax) {
        SyncStream* oldest = unnamed.front();
        unnamed.pop_front();
        Count("no_preface", "a stream under the name " + name + " sent no preface and made room for newer ones");
        Run(*oldest, oldest->state.End());
      }
      return stream;
    }
    Count("unknown_router", "a stream from " + context->peer() + " names a router that is not a configured peer");
    return new RefusedSyncStream("this router is not a configured peer");
  }

 private:
  struct Peer {
    std::unique_ptr<v1::Sync::Stub> stub;  // null: the peer dials
    SyncStream* stream = nullptr;          // the dialed one, or the served one whose preface came last
    std::deque<SyncStream*> unnamed;       // served, no preface yet
    bool frame_in_hand = false;            // the observer has a frame of `stream`
    int frames_of_the_past = 0;            // it has frames of streams that are gone
    Redial redial;
  };

  std::size_t message_bytes() const { return options_.frame_bytes + kEnvelopeBytes; }
  // The smaller name dials.
  bool Dials(std::uint16_t peer) const { return options_.router < options_.peers[peer].name; }

  // Starts what the stream's state says is due.
  void Run(SyncStream& stream, const StreamState::Ops& ops) PREFIXMESH_REQUIRES(mutex_) {
    if (ops.deliver) {
      if (stream.up) {
        peers_[stream.peer.value].frame_in_hand = true;
        observer_.OnFrame(stream.peer, std::move(*stream.incoming.mutable_body()));
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

  void Register(SyncStream& stream) PREFIXMESH_REQUIRES(mutex_) {
    stream.serial = ++streams_made_;
    streams_[stream.serial] = &stream;
  }

  // After `wait` the stream is ended unless `over` says that there is no need; streams that are gone are not touched.
  template <typename Over>
  void EndAfter(SyncStream& stream, Time wait, Over over) PREFIXMESH_REQUIRES(mutex_) {
    loop_.PostAt(clock_.Now() + wait, [this, serial = stream.serial, over] {
      MutexLock lock(mutex_);
      const auto at = streams_.find(serial);
      if (at != streams_.end() && !over(*at->second)) Run(*at->second, at->second->state.End());
    });
  }

  void DrainWithin(SyncStream& stream, Time wait) PREFIXMESH_REQUIRES(mutex_) {
    Run(stream, stream.state.Drain());
    EndAfter(stream, wait, [](const SyncStream&) { return false; });
  }

  void Dial(PeerIndex peer) {
    MutexLock lock(mutex_);
    if (stopping_) return;
    auto* stream = new DialedSyncStream(*this, peer, options_.router, *peers_[peer.value].stub);
    Register(*stream);
    peers_[peer.value].stream = stream;
    NoteUnreached(stream->serial, kUnreachedAfter);
    stream->Begin();
  }

  void NoteUnreached(std::uint64_t serial, Time after) PREFIXMESH_REQUIRES(mutex_) {
    loop_.PostAt(clock_.Now() + after, [this, serial, after] {
      MutexLock lock(mutex_);
      const auto at = streams_.find(serial);
      if (stopping_ || at == streams_.end() || at->second->opened) return;
      CountUnreached(*at->second, "does not answer");
      NoteUnreached(serial, std::min(after * 2, kUnreachedAgainMax));
    });
  }

  void CountUnreached(const SyncStream& stream, const std::string& why) PREFIXMESH_REQUIRES(mutex_) {
    const SyncPeerAddress& peer = options_.peers[stream.peer.value];
    Count("unreached", "peer " + peer.name + " at " + peer.address + " " + why, peer.name);
  }

  void Opened(SyncStream& stream, bool ok) override {
    MutexLock lock(mutex_);
    if (!ok) return Run(stream, stream.state.End());
    stream.opened = true;
    Run(stream, stream.state.Opened());
    if (peers_[stream.peer.value].stub != nullptr) SendPreface(stream);
    EndAfter(stream, kPrefaceTimeout, [this](const SyncStream& late) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS {
      if (late.up_at > Time{0}) return true;
      if (!late.state.ended())
        Count("no_preface", "a stream with " + options_.peers[late.peer.value].name +
                                " sent no preface within two seconds: another release?");
      return false;
    });
  }

  void SendPreface(SyncStream& stream) PREFIXMESH_REQUIRES(mutex_) {
    if (!stream.state.writable()) return;
    v1::StreamPreface& preface = *stream.queue.emplace_back().mutable_preface();
    preface.set_router(options_.router);
    preface.set_incarnation(options_.incarnation.value);
    preface.set_strategy(StrategyMark(options_.strategy));
    Run(stream, stream.state.Queued());
  }

  // The first message of the other end. From here on the stream is the peer's.
  void TakePreface(SyncStream& stream) PREFIXMESH_REQUIRES(mutex_) {
    Peer& peer = peers_[stream.peer.value];
    const std::string& name = options_.peers[stream.peer.value].name;
    const v1::StreamPreface& preface = stream.incoming.preface();
    std::erase(peer.unnamed, &stream);
    if (preface.router() != name || preface.incarnation() == 0) {
      Count("bad_preface", "a stream with " + name + " began with no valid preface");
      return Run(stream, stream.state.End());
    }
    if (preface.strategy() != 0 && preface.strategy() != StrategyMark(options_.strategy)) {
      Count("strategy", "a stream with " + name + " was refused: it runs another strategy than " + options_.strategy);
      if (peer.stub == nullptr) SendPreface(stream);  // so that its dialer can say the same
      return DrainWithin(stream, kDrainMax);
    }
    if (peer.stream != nullptr && peer.stream != &stream) {
      const SyncStream& old = *peer.stream;
      if (old.up && old.incarnation != preface.incarnation())
        if (const auto held_back = log_.Allow("replaced " + name, clock_.Now()))
          spdlog::warn("sync: a new process called {} takes the place of one that is up{}", name,
                       HeldBackNote(*held_back));
      Replace(peer, *peer.stream);
    }
    stream.incarnation = preface.incarnation();
    peer.stream = &stream;
    stream.up = true;
    stream.up_at = clock_.Now();
    if (peer.stub == nullptr) SendPreface(stream);
    observer_.OnStreamUp(stream.peer, peer.stub != nullptr ? StreamRole::kDialer : StreamRole::kServer);
    Run(stream, stream.state.Handled());
  }

  // The older stream ends; its dialer hears why, so that it tries again soon.
  void Replace(Peer& peer, SyncStream& old) PREFIXMESH_REQUIRES(mutex_) {
    if (old.up) Down(peer, old);
    old.status = grpc::Status(grpc::StatusCode::ABORTED, "replaced by a newer stream of this router");
    if (old.queue.empty()) {
      DrainWithin(old, kDrainMax);
    } else {
      Run(old, old.state.End());
    }
  }

  void Down(Peer& peer, SyncStream& stream) PREFIXMESH_REQUIRES(mutex_) {
    stream.up = false;
    peer.frames_of_the_past += peer.frame_in_hand;
    peer.frame_in_hand = false;
    observer_.OnStreamDown(stream.peer);
  }

  void Cancelled(SyncStream& stream) override {
    MutexLock lock(mutex_);
    Run(stream, stream.state.End());
  }

  // Ends streams whose message has grown beyond what a frame may have.
  void MeterStreams() {
    MutexLock lock(mutex_);
    if (stopping_) return;
    for (SyncStream* stream : meter_.Oversized(streams_)) {
      Count(kOversizedRefusal, "a stream with " + options_.peers[stream->peer.value].name + " sends a message above " +
                                   std::to_string(options_.frame_bytes) + " bytes");
      Run(*stream, stream->state.End());
    }
    loop_.PostAt(clock_.Now() + kMeterPeriod, [this] { MeterStreams(); });
  }

  void ReadDone(SyncStream& stream, bool ok) override {
    MutexLock lock(mutex_);
    stream.received_then.reset();
    StreamState::Ops ops = stream.state.ReadDone(ok);
    if (ops.deliver && !stream.up && stream.up_at > Time{0}) ops = stream.state.End();  // it was replaced
    Run(stream, ops);
  }

  void WriteDone(SyncStream& stream, bool ok) override {
    MutexLock lock(mutex_);
    stream.queued_bytes -= stream.queue.front().body().size();
    stream.queue.pop_front();
    Run(stream, stream.state.WriteDone(ok));
  }

  void Done(SyncStream& stream, const grpc::Status& ended) override {
    MutexLock lock(mutex_);
    Peer& peer = peers_[stream.peer.value];
    if (IsAboveReceiveLimit(ended))
      Count(kOversizedRefusal, "a stream with " + options_.peers[stream.peer.value].name +
                                   " ended: an end refused a message above its limit");
    std::erase(peer.unnamed, &stream);
    const bool was_up = stream.up;
    if (was_up) Down(peer, stream);
    if (peer.stream == &stream) peer.stream = nullptr;
    if (peer.stub != nullptr && !stopping_) {
      if (!stream.opened)
        CountUnreached(stream, "is no router that takes this one: " + (ended.error_message().empty()
                                                                           ? std::string("no reason given")
                                                                           : Printable(ended.error_message())));
      const Time now = clock_.Now(), up_for = was_up ? now - stream.up_at : Time{0};
      const Time wait = peer.redial.After(was_up ? EndingOf(ended) : Redial::Ending::kUnreached, up_for);
      loop_.PostAt(now + wait, [this, index = stream.peer] { Dial(index); });
    }
    streams_.erase(stream.serial);
    delete &stream;
    all_done_.NotifyAll();
  }

  // One stream that was refused: counted by reason, and one line of it (and of `who`) in ten seconds.
  void Count(const std::string& reason, const std::string& line, const std::string& who = {})
      PREFIXMESH_REQUIRES(mutex_) {
    ++refusals_[reason];
    if (const auto held_back = log_.Allow(reason + " " + who, clock_.Now()))
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
  std::map<std::uint64_t, SyncStream*> streams_;  // all that gRPC is not done with, by serial
  std::uint64_t streams_made_ = 0;
  bool stopping_ = false;
  std::map<std::string, std::uint64_t> refusals_;  // by reason
  LogLimiter log_;
  SyncStreamMeter meter_;

  Mutex wire_mutex_;
  SocketMeter wire_;
};

}  // namespace

std::unique_ptr<GrpcSyncTransport> GrpcSyncTransport::Make(SyncTransportOptions options, Clock& clock, Executor& loop,
                                                           SyncTransportObserver& observer) {
  return std::make_unique<SyncStreams>(std::move(options), clock, loop, observer);
}

}  // namespace prefixmesh
