// send_window.h — one log on its way to one peer: what was sent, what of it the peer has, and what goes out next.
//
//   acked   the peer has everything below it, by its own word
//   next    the seq that goes out next. [acked, next) is in flight, in the parts that it was sent in; `next` goes back
//           when something was lost
//   lease   another router's log is sent while its lease lasts; the own log always
//
// A window lives as long as its stream, or its lease. It is restarted when the peer says where it stands (a vector, a
// pull, equal digests) and rewound when what is in flight was lost (a hole, a refused frame, silence).
//
// Threads: mesh loop. Ownership: a value. Errors: none. Time: `now` of each call.
// Bounds: in flight is what the sender lets be: options.peer_unacked_bytes over all windows of a stream.
#pragma once

#include <cstdint>
#include <deque>

#include "impl/env/env.h"

namespace prefixmesh::two_layer {

class SendWindow {
 public:
  std::uint32_t next() const { return next_; }
  std::uint32_t acked() const { return acked_; }
  bool idle() const { return in_flight_.empty(); }  // nothing is in flight
  // Sent so often without an answer that nothing more goes out until the peer says where it stands.
  bool stalled() const;
  std::uint64_t unacked_bytes() const { return unacked_bytes_; }
  bool leased(Time now) const { return lease_until_ >= now; }

  // The peer stands at `seq`, whatever was sent.
  void RestartAt(std::uint32_t seq);
  // What is in flight was lost: it goes out again.
  void Rewind() { RewindTo(acked_); }
  // The peer has everything below `have`. `hole`: and what came after it did not fit.
  void OnAck(Time now, std::uint32_t have, bool hole);
  // The peer asks for everything from `from` on. `renewal`: it did so before, and what is under way to it is not sent
  // twice.
  void OnPull(Time now, std::uint32_t from, bool renewal);
  void ExtendLease(Time until) { lease_until_ = until; }
  // [next, end) is under way since `at`.
  void Send(Time at, std::uint32_t end, std::uint64_t bytes);
  // Moves `next` alone: records below it are gone.
  void SkipTo(std::uint32_t seq) { next_ = seq; }
  // What is in flight and has not moved for `timeout` goes out once more; the second time the window stalls. Streams
  // keep order, so it only happens to peers that were slow for a long time, when a frame was damaged, or when a peer
  // that talks does not receive.
  void RetransmitOnce(Time now, Time timeout);

 private:
  struct Part {
    std::uint32_t end;  // acknowledged when the peer has this
    std::uint64_t bytes;
  };

  void RewindTo(std::uint32_t seq);

  std::uint32_t next_ = 1;
  std::uint32_t acked_ = 1;
  std::deque<Part> in_flight_;
  std::uint64_t unacked_bytes_ = 0;  // sum of in_flight_
  Time moved_at_{0};                 // last send into an empty pipe, or last ack
  int unanswered_ = 0;               // sends of what is in flight
  Time lease_until_{0};
};

}  // namespace prefixmesh::two_layer
