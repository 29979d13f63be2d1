// http2_gate.h — start here for what a port lets through to gRPC: the rules for the bytes of one HTTP/2 connection.
//
// gRPC 1.51 buffers a header block of any length, decodes references without bound, and takes calls faster than it can
// let go of those that are cancelled. The gate reads the frames (RFC 9113) before gRPC does and says of each: it may
// pass, it waits until a time (the connection is not read meanwhile), or the connection is refused. Nothing is changed
// or held back beyond that; gRPC checks the rest itself.
//
//   refused   what no client sends: another preface, a frame of a wrong size or at a wrong place, a header block that
//             goes over many frames, may decode to more than twice `header_bytes`, or does not parse
//   waits     what may come too often, or while too many calls are open
//   refused   instead of waiting: who sends one frame after another that carries nothing and that no call explains.
//             Connections take turns, so many of those would keep the others waiting.
//             And who does not take what is sent to it, which gated_connection.h sees.
//
// Twice, because a Huffman-coded string counts as the most that it can decode to; and so that gRPC itself answers a
// call whose headers are a little above the limit, with a status. On the wire a block has fewer bytes than that: a
// field takes at most 15 beside its text, and counts 32.
//
// Threads:  none of its own; all connections of a port on one. Time: comes in.
// Bounds:   eight bytes for each open call (options.streams_per_connection of them) and the header meter's table;
//           nothing is allocated while the number of open calls does not reach a new height.
// Ownership: a gate borrows the port's share. Errors: GateRefusal.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "impl/env/env.h"
#include "impl/env/header_block.h"
#include "impl/env/pace.h"

namespace prefixmesh {

// The defaults are those of port_limits.h.
struct Http2GateOptions {
  // Of the headers of a call, as gRPC counts them.
  std::uint32_t header_bytes;
  // Calls open at a time.
  std::uint32_t streams_per_connection;
  std::uint32_t streams;  // of the whole port
  // Calls that a connection may begin in a second, streams_per_connection of them at once; all together four times so
  // many. One that is refused counts as several.
  std::uint32_t streams_per_second;
};

// Why a connection was closed; each is a label of a counter (GateRefusalName).
enum class GateRefusal : std::uint8_t {
  kNone,
  kPreface,
  kFrame,
  kHeadersTooBig,
  kHeadersCorrupt,
  kEmptyFrames,
  kUntaken
};
inline constexpr std::size_t kGateRefusals = 7;
const char* GateRefusalName(GateRefusal refusal);

// Rates of what clients may ask for: their calls (one for each 4 KiB of headers), the calls that they cancel, and
// frames that carry nothing.
struct GatePaces {
  GatePaces(const Http2GateOptions& options, std::uint32_t times);
  Pace streams, resets, control;
};

// What the connections of one port share.
struct PortGate {
  explicit PortGate(const Http2GateOptions& port_options);
  const Http2GateOptions options;
  // Half of the calls that may be open are.
  bool crowded() const { return open_streams >= options.streams / 2; }
  GatePaces paces;
  std::uint32_t open_streams = 0;
};

class Http2Gate {
 public:
  explicit Http2Gate(PortGate& port);
  ~Http2Gate();
  Http2Gate(const Http2Gate&) = delete;
  Http2Gate& operator=(const Http2Gate&) = delete;

  struct Verdict {
    std::size_t pass_bytes = 0;  // how many of the bytes may pass
    // Of the rest: give them again when more have come (Time{0}), or at this time.
    Time wait_until{0};
    // The connection is over; nothing of these bytes passes.
    GateRefusal refusal = GateRefusal::kNone;
  };
  // The next bytes of the client: those that did not pass the last time, and more.
  Verdict FromClient(std::span<const std::uint8_t> bytes, Time now);
  // The next bytes of the server, which all pass: they say which calls are over.
  void FromServer(std::span<const std::uint8_t> bytes);

  std::size_t open_streams() const { return open_.size(); }
  std::uint32_t calls() const { return last_stream_ / 2 + last_stream_ % 2; }  // at most, that began
  // Bodies that passed, of calls that were open: what comes late for others gRPC drops.
  std::uint64_t body_bytes() const { return body_bytes_; }

 private:
  struct Frame {
    std::uint32_t length = 0;
    std::uint8_t type = 0, flags = 0;
    std::uint32_t stream = 0;
  };
  static Frame ReadFrame(std::span<const std::uint8_t> header);

  GateRefusal Check(const Frame& frame) const;
  // When it may pass; asked once for each frame.
  Time Reserve(const Frame& frame, Time now);
  bool CarriesNothing(const Frame& frame) const;
  void Explain(std::uint32_t frames);
  bool TooManyOpen(const Frame& frame) const;
  GateRefusal Begin(const Frame& frame);
  // Of the frame that has begun; sets how many bytes were taken.
  GateRefusal TakePayload(std::span<const std::uint8_t> bytes, std::size_t& taken);
  GateRefusal EndHeaders();
  struct Call {
    std::uint32_t stream = 0;
    bool answered = false;  // it has headers of an answer
  };
  std::vector<Call>::iterator Find(std::uint32_t stream);
  void SawAnswer(const Frame& frame);
  void Close(std::uint32_t stream);

  PortGate& port_;
  const std::uint32_t continuations_max_;
  GatePaces paces_;

  // ---- from the client
  std::size_t preface_bytes_ = 0;  // that came
  bool reserved_ = false;          // the next frame has its place in line:
  Time due_{0};
  std::uint32_t explained_ = 0;     // frames that carry nothing and need not wait
  Pace unexplained_;                // those that would
  std::uint32_t payload_left_ = 0;  // of the frame under way, and of it, if it has headers:
  bool in_body_ = false;            // it is data of an open call
  bool pad_length_next_ = false;
  std::uint32_t priority_left_ = 0, fragment_left_ = 0;
  bool in_headers_ = false;     // the frame under way is HEADERS or CONTINUATION
  std::uint32_t block_of_ = 0;  // the stream whose header block has not ended; 0: none
  bool block_ends_ = false;     // with the frame under way
  std::uint32_t continuations_ = 0;
  HeaderBlockMeter headers_;
  std::uint32_t last_stream_ = 0;
  std::vector<Call> open_;  // by stream, ascending
  std::uint64_t body_bytes_ = 0;

  // ---- from the server
  std::array<std::uint8_t, 9> answer_header_{};
  std::size_t answer_header_bytes_ = 0;
  std::uint32_t answer_left_ = 0;  // payload
};

}  // namespace prefixmesh
