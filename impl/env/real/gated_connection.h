// gated_connection.h — one client's TCP connection and the socket pair through which gRPC has it, with the gate
// between.
//
//   client ── TCP ──► gate (http2_gate.h) ──► pair ── gRPC
//          ◄───────────────────────────────
//
// Either direction is read only while nothing of it is held, so an end that does not read is not read from. An end that
// is closed or broken is closed at the other end, too, once what it had sent before is out. A client that does not take
// what is held for it within the answer timeout is refused: behind it lie the ends of its calls, which count as open
// until they are read. While half of the calls that the port may have are open, that is
// PortLimits::kCrowdedAnswerTimeout. What gRPC still says is then read and dropped for a moment, so that calls which it
// has answered are over.
//
// Threads:  one, but for body_bytes. Bounds: 96 KiB held each way, and only while the receiver does not take them or
//           the gate makes them wait. Ownership: closes both its sockets. Time: comes in.
// Errors:   Outcome::kRefused: the client broke a rule (refusal()). Everything else ends as kClosed.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "impl/env/env.h"
#include "impl/env/http2_gate.h"

namespace prefixmesh {

class GatedConnection {
 public:
  // Room for what is under way, a window of 64 KiB and its headers; the thread of the connections has one for all.
  using Scratch = std::array<std::uint8_t, 96u << 10>;
  enum class Outcome { kOpen, kClosed, kRefused };

  // Both sockets are non-blocking. Their events come with `key` for the TCP socket, `key` + 1 for the pair.
  GatedConnection(int tcp, int pair, int epoll, std::uint64_t key, PortGate& port, Time answer_timeout);
  ~GatedConnection();
  GatedConnection(const GatedConnection&) = delete;
  GatedConnection& operator=(const GatedConnection&) = delete;

  // epoll's events of one of the sockets.
  Outcome OnTcp(std::uint32_t events, Time now, Scratch& scratch);
  Outcome OnPair(std::uint32_t events, Time now, Scratch& scratch);
  // The time of wake_at has come.
  Outcome OnTime(Time now, Scratch& scratch);
  std::optional<Time> wake_at() const;

  GateRefusal refusal() const { return refusal_; }
  std::size_t open_calls() const { return gate_.open_streams(); }
  std::uint32_t calls() const { return gate_.calls(); }  // that it began
  // The gate's. Any thread.
  std::uint64_t body_bytes() const { return body_bytes_.load(std::memory_order_relaxed); }

 private:
  // What was read of a direction and not sent.
  struct Held {
    std::span<const std::uint8_t> rest() const { return std::span(bytes).subspan(begin); }
    void Keep(std::span<const std::uint8_t> what);
    void Drop(std::size_t count);
    std::vector<std::uint8_t> bytes;
    std::size_t begin = 0;
  };
  struct Socket {
    int fd;
    std::uint64_t key;
    std::uint32_t events;  // that epoll watches
  };
  // One step of a direction. False: the connection is over.
  bool MoveUp(bool readable, Time now, Scratch& scratch);
  bool MoveDown(bool readable, Time now, Scratch& scratch);
  bool Untaken(Time now) const;
  void Refuse(GateRefusal refusal, Time now);
  Outcome Discard(Scratch& scratch);
  bool waiting() const { return wait_until_ > Time{0}; }
  Outcome Ended() const { return refusal_ == GateRefusal::kNone ? Outcome::kClosed : Outcome::kRefused; }
  Outcome Watch();
  void Watch(Socket& socket, std::uint32_t events);
  void PairClosed(Time now);

  const int epoll_;
  const Time answer_timeout_;
  const PortGate& port_;
  Socket tcp_, pair_;
  Http2Gate gate_;
  std::atomic<std::uint64_t> body_bytes_{0};

  // ---- client to gRPC
  Held up_;
  std::size_t up_passed_ = 0;  // of what is held the gate has let so many pass
  Time wait_until_{0};         // of the others; 0: for more bytes
  bool up_ended_ = false;      // the client sends no more
  GateRefusal refusal_ = GateRefusal::kNone;

  // ---- gRPC to client
  Held down_;
  Time down_since_{0};     // what is held is held; 0: nothing is
  Time down_check_at_{0};  // the next look at it
  bool down_ended_ = false;
  Time close_by_{0};         // gRPC has closed its end: the rest goes out until then
  bool discarding_ = false;  // or the client is refused: the rest is dropped until then
};

}  // namespace prefixmesh
