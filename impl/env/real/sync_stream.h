// sync_stream.h — one end of a sync stream over gRPC: its state, and the frames on their way out. The router that dials
// it, the one that serves it, or a stream that is refused at its headers.
//
// gRPC's reactions are calls of the owner's, which takes its lock, asks the state what is due (stream_state.h) and
// starts that here.
//
// Threads: reactions come on gRPC's; all members belong to the owner's lock. Bounds: the owner's. Ownership: a stream
// is made with `new`, and the owner deletes it in Done; a refused one deletes itself. Errors: an end that gRPC reports
// is `ok` false.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "impl/env/env.h"
#include "impl/env/real/port_limits.h"
#include "impl/env/stream_state.h"
#include "impl/wire/prefixmesh.grpc.pb.h"

namespace prefixmesh {

// The metadata in which a dialing router says its name.
inline constexpr char kRouterKey[] = "prefixmesh-router";

// To dial with. While nobody is there it tries to connect every 250 ms, where nothing answers every 3 s.
std::unique_ptr<v1::Sync::Stub> NewSyncStub(const std::string& address, const PortLimits& limits,
                                            std::size_t message_bytes);

// gRPC compares a message with the receiver's limit before either end's code sees it, and tells the dialing end alone,
// by a status that it has for other things, too.
bool IsAboveReceiveLimit(const grpc::Status& ended);

class SyncStream;

class SyncStreamOwner {
 public:
  virtual void Opened(SyncStream& stream, bool ok) = 0;
  virtual void ReadDone(SyncStream& stream, bool ok) = 0;
  virtual void WriteDone(SyncStream& stream, bool ok) = 0;
  // The dialing end of a served stream is gone.
  virtual void Cancelled(SyncStream& stream) = 0;
  // gRPC is done with it. Only the dialing end is told how it ended.
  virtual void Done(SyncStream& stream, const grpc::Status& ended) = 0;

 protected:
  ~SyncStreamOwner() = default;
};

class SyncStream {
 public:
  SyncStream(SyncStreamOwner& stream_owner, PeerIndex stream_peer, StreamEnd stream_end)
      : owner(stream_owner), peer(stream_peer), end(stream_end), state(stream_end) {}
  virtual ~SyncStream() = default;
  virtual void StartRead() = 0;   // into `incoming`
  virtual void StartWrite() = 0;  // of the first in `queue`
  virtual void Cancel() = 0;
  virtual void Finish() = 0;
  virtual void Release() = 0;               // what is started next comes from a reaction, or not at all
  virtual std::string Address() const = 0;  // of the other end, as gRPC names it

  SyncStreamOwner& owner;
  const PeerIndex peer;
  const StreamEnd end;
  std::uint64_t serial = 0;
  StreamState state;
  std::deque<v1::SyncFrame> queue;
  std::size_t queued_bytes = 0;
  v1::SyncFrame incoming;
  bool opened = false;  // the other end has answered
  bool up = false;      // the peer's preface is in, and no newer stream took its place
  Time up_at{0};
  std::uint64_t incarnation = 0;  // the peer's, once it is up
  // What its connection had received when the read under way was first seen.
  std::optional<std::uint64_t> received_then;
  grpc::Status status{grpc::StatusCode::CANCELLED, "stream ended"};  // what a served end finishes with
};

template <typename Reactor>
class SyncStreamOf : public Reactor, public SyncStream {
 public:
  using SyncStream::SyncStream;
  void StartRead() override { Reactor::StartRead(&incoming); }
  void StartWrite() override { Reactor::StartWrite(&queue.front()); }
  void OnReadDone(bool ok) override { owner.ReadDone(*this, ok); }
  void OnWriteDone(bool ok) override { owner.WriteDone(*this, ok); }
};

class DialedSyncStream final : public SyncStreamOf<grpc::ClientBidiReactor<v1::SyncFrame, v1::SyncFrame>> {
 public:
  DialedSyncStream(SyncStreamOwner& stream_owner, PeerIndex stream_peer, const std::string& router,
                   v1::Sync::Stub& stub);
  void Begin();
  void OnReadInitialMetadataDone(bool ok) override { owner.Opened(*this, ok); }
  void OnDone(const grpc::Status& ended) override;
  void Cancel() override { context_.TryCancel(); }
  void Finish() override { StartWritesDone(); }
  void Release() override { RemoveHold(); }
  std::string Address() const override { return context_.peer(); }

 private:
  grpc::ClientContext context_;
};

class ServedSyncStream final : public SyncStreamOf<grpc::ServerBidiReactor<v1::SyncFrame, v1::SyncFrame>> {
 public:
  ServedSyncStream(SyncStreamOwner& stream_owner, PeerIndex stream_peer, grpc::CallbackServerContext& context)
      : SyncStreamOf(stream_owner, stream_peer, StreamEnd::kServed), context_(context) {
    StartSendInitialMetadata();
  }
  void OnSendInitialMetadataDone(bool ok) override { owner.Opened(*this, ok); }
  void OnCancel() override { owner.Cancelled(*this); }
  void OnDone() override { owner.Done(*this, grpc::Status::OK); }
  void Cancel() override { context_.TryCancel(); }
  void Finish() override { grpc::ServerBidiReactor<v1::SyncFrame, v1::SyncFrame>::Finish(status); }
  void Release() override {}
  std::string Address() const override { return context_.peer(); }

 private:
  grpc::CallbackServerContext& context_;
};

class RefusedSyncStream final : public grpc::ServerBidiReactor<v1::SyncFrame, v1::SyncFrame> {
 public:
  explicit RefusedSyncStream(const std::string& why) { Finish(grpc::Status(grpc::StatusCode::PERMISSION_DENIED, why)); }
  void OnDone() override { delete this; }
};

}  // namespace prefixmesh
