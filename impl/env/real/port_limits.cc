#include "impl/env/real/port_limits.h"

#include <type_traits>
#include <utility>

namespace prefixmesh {
namespace {

constexpr double kNanoseconds = 1e9;

// A count or a number of bytes; a time in seconds.
template <auto Member>
constexpr PortLimitRow Row(const char* name, double low, double high, const char* help) {
  using Value = std::decay_t<decltype(std::declval<PortLimits>().*Member)>;
  return {name,
          help,
          low,
          high,
          !std::is_same_v<Value, Time>,
          [](const PortLimits& limits) {
            if constexpr (std::is_same_v<Value, Time>) {
              return static_cast<double>((limits.*Member).count()) / kNanoseconds;
            } else {
              return static_cast<double>(limits.*Member);
            }
          },
          [](PortLimits& limits, double value) {
            if constexpr (std::is_same_v<Value, Time>) {
              limits.*Member = Time(static_cast<std::int64_t>(value * kNanoseconds));
            } else {
              limits.*Member = static_cast<Value>(value);
            }
          }};
}

constexpr PortLimitRow kRows[] = {
    Row<&PortLimits::connections>("connections-max", 1, 65536, "connections of a port at a time"),
    Row<&PortLimits::connections_per_second>("connections-per-second-max", 1, 1e6,
                                             "connections that a port takes; more wait"),
    Row<&PortLimits::bodies_per_connection>("bodies-per-connection-max", 1, 65536,
                                            "requests of a connection whose body is being read"),
    Row<&PortLimits::bodies>("bodies-max", 1, 65536, "the same over all connections"),
    Row<&PortLimits::body_timeout>("body-timeout-s", 0.1, 3600, "for a request's body to arrive"),
    Row<&PortLimits::answer_timeout>("answer-timeout-s", 0.1, 3600, "for a client to take its answer"),
    Row<&PortLimits::streams_per_connection>("streams-per-connection-max", 1, 1 << 20,
                                             "calls of a connection at a time"),
    Row<&PortLimits::streams>("streams-max", 1, 1 << 20, "calls of all connections at a time; more wait"),
    Row<&PortLimits::streams_per_second>("streams-per-second-max", 1, 1e6,
                                         "calls that a connection begins; more wait, all together four times as many"),
    Row<&PortLimits::header_bytes>("header-bytes-max", 1024, 1 << 20, "headers of a call"),
    Row<&PortLimits::handshake_timeout>("handshake-timeout-s", 0.1, 3600, "until a new connection has spoken HTTP/2"),
    Row<&PortLimits::idle_timeout>("idle-timeout-s", 1, 86400, "a connection without a call is closed after it"),
    Row<&PortLimits::ping_interval_min>("ping-interval-min-s", 0, 3600,
                                        "pings that come more often, three in a row, end the connection"),
    Row<&PortLimits::keepalive_period>("keepalive-s", 1, 86400, "between this end's own pings while calls are open"),
    Row<&PortLimits::keepalive_timeout>("keepalive-timeout-s", 0.1, 3600, "for the answer to such a ping"),
    Row<&PortLimits::memory_bytes>("grpc-memory-bytes-max", 16 << 20, 1e12,
                                   "what gRPC may hold for a port, a backstop"),
};

}  // namespace

std::span<const PortLimitRow> PortLimitRows() { return kRows; }

}  // namespace prefixmesh
