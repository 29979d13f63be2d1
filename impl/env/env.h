// env.h — start here for the seam between the state machines and the world: Clock, Random, Executor, SyncTransport.
//
// Everything above this folder takes what it needs from here by constructor; env/real implements it with threads and
// gRPC. A simulator implements the same with a virtual clock and a seeded network. Outside env/real and the mains
// nobody calls a system clock, sleeps, starts a thread or reads a random device (tests/checks/bans.py holds that).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "impl/base/ids.h"
#include "impl/base/slices.h"

namespace prefixmesh {

// Monotonic time since an arbitrary start; durations and instants share the type on purpose: only differences mean
// anything, and no wall clock enters a protocol decision.
using Time = std::chrono::nanoseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time Now() const = 0;  // any thread
};

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t Next() = 0;  // any thread
};

// Runs tasks one after another: the mesh loop. Tasks due at the same time run in the order they were posted.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void Post(std::function<void()> task) = 0;               // any thread; runs as soon as the loop is free
  virtual void PostAt(Time when, std::function<void()> task) = 0;  // any thread; a time in the past means now
};

// Which end of a sync stream this process is. The router with the smaller name dials.
enum class StreamRole : std::uint8_t { kDialer = 0, kServer = 1 };

// What became of one Send. Each value is also a label of prefixmesh_sync_sends_total.
enum class SendOutcome : std::uint8_t {
  kQueued,  // the transport has it; it will be written in order or the stream will close
  kFull,    // the peer's queue is at its bound; the frame was dropped here
  kClosed,  // no stream to that peer
  kTooBig,  // above the limit on one frame: it was not taken
};

// Bidirectional streams of frames, at most one per peer. Implementations own the queues and their bounds.
class SyncTransport {
 public:
  virtual ~SyncTransport() = default;
  // Never blocks. Order is kept per peer. Mesh loop only.
  virtual SendOutcome Send(PeerIndex peer, std::string frame) = 0;
  // The last frame the observer got from this peer was dealt with: the next one may be read. This is the flow control:
  // a peer that sends faster than the loop works fills its own socket, not this process.
  virtual void FrameHandled(PeerIndex peer) = 0;
  // Ends the stream when what was sent before is out, after a second at most; the observer hears OnStreamDown, and the
  // dialer tries again with backoff.
  virtual void Close(PeerIndex peer) = 0;
  // Bytes handed over and not yet written.
  virtual std::size_t QueuedBytes(PeerIndex peer) const = 0;
};

// Who hears of the streams. Called on transport threads; implementations only post to their loop.
class SyncTransportObserver {
 public:
  virtual ~SyncTransportObserver() = default;
  virtual void OnStreamUp(PeerIndex peer, StreamRole role) = 0;
  virtual void OnStreamDown(PeerIndex peer) = 0;
  virtual void OnFrame(PeerIndex peer, std::string frame) = 0;
};

}  // namespace prefixmesh
