// grpc_sync_transport.h — SyncTransport over gRPC: one bidirectional stream per pair of routers, callback API.
//
// The router with the smaller name dials: every 250 ms while nobody is there, every 3 s where nothing answers, and with
// backoff from 100 ms up to 30 s while streams end soon after they began; the other serves, and refuses streams under
// names that it dials itself. Each end begins with a preface (name, incarnation), which no byte count of the mesh knows
// of. A stream is up, and takes the place of an older one, from the peer's preface on; one that stays silent for 2 s
// ends, and cost nobody anything. Keepalive pings every 10 s find a dead peer within 15 s.
//
// Threads:  Send, Close, FrameHandled from the mesh loop; the observer is called on gRPC threads and must only post.
// Bounds:   per peer options.queue_frames and queue_bytes (kFull beyond), frames of options.frame_bytes both ways, one
//           stream and four that have not sent their preface; the port's own in port_limits.h. What was refused is
//           counted by reason (Refusals) and logged once in ten seconds per reason.
// Ownership: borrows observer, executor and clock; Shutdown before they go, and no task of the executor runs after this
//           is gone. Errors: Start says what is wrong in a line.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "impl/base/result.h"
#include "impl/env/env.h"
#include "impl/env/real/port_limits.h"

namespace prefixmesh {

struct SyncPeerAddress {
  std::string name;
  std::string address;  // host:port of its sync port
};

// The reason of Refusals for a stream that was up and ended, because a message on it grew beyond a frame.
inline constexpr const char* kOversizedRefusal = "oversized";
// Longest name of a router: a preface has at most 64 bytes.
inline constexpr std::size_t kRouterNameBytesMax = 48;

struct SyncTransportOptions {
  std::string router;       // at most kRouterNameBytesMax
  Incarnation incarnation;  // of this process; not 0
  std::string strategy;     // peers that run another one are refused
  std::string listen;       // host:port; port 0 picks one
  std::vector<SyncPeerAddress> peers;
  std::size_t queue_frames = 1024;
  std::size_t queue_bytes = 8u << 20;
  std::size_t frame_bytes = 4u << 20;
  PortLimits limits;
};

class GrpcSyncTransport : public SyncTransport {
 public:
  static std::unique_ptr<GrpcSyncTransport> Make(SyncTransportOptions options, Clock& clock, Executor& loop,
                                                 SyncTransportObserver& observer);

  // Binds, then dials. kUnavailable when the port is in use.
  virtual Status Start() = 0;
  // The one that is listened on, once started.
  virtual std::uint16_t port() const = 0;
  // Ends all streams; afterwards the observer is not called any more.
  virtual void Shutdown() = 0;

  // Streams that were refused, by reason: unnamed, unknown_router, role, no_preface, bad_preface, strategy,
  // oversized.
  virtual std::map<std::string, std::uint64_t> Refusals() const = 0;
  // Connections that the port closed, by reason (grpc_listener.h).
  virtual std::map<std::string, std::uint64_t> ConnectionRefusals() const = 0;

  // TCP payload bytes of the sync streams' sockets, both directions, ever. Samples the sockets; call at most a few
  // times a second.
  struct WireBytes {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
  };
  virtual WireBytes SampleWireBytes() = 0;
};

}  // namespace prefixmesh
