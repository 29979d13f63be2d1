// port_limits.h — what a listening port takes from strangers: one table, the same for every port of every program here.
//
// Each row of PortLimitRows is an option of the router. A port that is a plain HTTP server (metrics_page.h) keeps those
// that it has a word for: connections, header bytes, body timeout.
//
// Threads: values. Bounds: what a port holds for clients that say nothing more is at most
//   connections x (sockets and connection state, about 60 KiB) + bodies x message_bytes(),
// and what is under way through the gate (gated_connection.h) while it waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "impl/env/env.h"
#include "impl/env/http2_gate.h"

namespace prefixmesh {

struct PortLimits {
  // Connections at a time; a newcomer beyond is closed.
  std::uint32_t connections = 1024;
  // New ones that gRPC is given; more wait, and who leaves meanwhile was none. One costs gRPC about 1 ms.
  std::uint32_t connections_per_second = 400;
  // A prompt above it is refused (limits.prompt_bytes); the limit on a whole message follows it.
  std::uint64_t prompt_bytes = 2u << 20;
  // Names and field headers beside the prompt.
  static constexpr std::uint64_t kMessageOverheadBytes = 4u << 10;
  std::uint64_t message_bytes() const { return prompt_bytes + kMessageOverheadBytes; }
  // Requests whose body has begun and not ended.
  std::uint32_t bodies_per_connection = 16;
  std::uint32_t bodies = 128;
  Time body_timeout = std::chrono::seconds(10);
  // For a client to take what is written to it.
  Time answer_timeout = std::chrono::seconds(30);
  // The same while half of what may be in flight is, or half of the calls that may be open are.
  static constexpr Time kCrowdedAnswerTimeout = std::chrono::milliseconds(250);
  // Calls of one connection at a time; more wait at the client.
  std::uint32_t streams_per_connection = 512;
  std::uint32_t header_bytes = 16u << 10;
  // Calls of all connections at a time; more are not read. Above what may be in flight, so that who is too many hears
  // it.
  std::uint32_t streams = 8192;
  // Calls that a connection begins; more are not read before their turn. What a router does at most is far below it.
  std::uint32_t streams_per_second = 1000;
  // Until a new connection has spoken HTTP/2.
  Time handshake_timeout = std::chrono::seconds(5);
  // A connection without a call is closed after it.
  Time idle_timeout = std::chrono::minutes(5);
  // Pings that come more often than this, three times in a row, end the connection.
  Time ping_interval_min = std::chrono::milliseconds(500);
  // How long a peer that answers nothing keeps its connection: one ping, and the wait for its answer.
  Time keepalive_period = std::chrono::seconds(10);
  Time keepalive_timeout = std::chrono::seconds(5);
  // What gRPC may hold for all connections of the port; above it, it ends calls. A backstop: the limits above bite
  // first.
  std::uint64_t memory_bytes = 512u << 20;

  // What is held against clients before gRPC sees it.
  Http2GateOptions gate() const { return {header_bytes, streams_per_connection, streams, streams_per_second}; }
};

// One limit as an option: its value in the unit that the name ends with.
struct PortLimitRow {
  const char* name;
  const char* help;
  double low, high;
  bool whole;  // a count, or bytes
  double (*get)(const PortLimits&);
  void (*set)(PortLimits&, double);
};
std::span<const PortLimitRow> PortLimitRows();

}  // namespace prefixmesh
