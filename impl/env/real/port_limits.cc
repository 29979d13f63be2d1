#include "impl/env/real/port_limits.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include <type_traits>

namespace prefixmesh {
namespace {

int Milliseconds(Time time) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

constexpr double kNanoseconds = 1e9;

// A count or a number of bytes; a time in seconds.
template <auto Member>
constexpr PortLimitRow Row(const char* name, double low, double high, const char* help) {
  using Value = std::decay_t<decltype(std::declval<PortLimits>().*Member)>;
  return {name,
          help,
          low,
          high,
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

void ApplyPortLimits(const PortLimits& limits, std::size_t message_bytes, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(message_bytes));
  builder.SetMaxSendMessageSize(static_cast<int>(message_bytes));
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetResourceQuota(grpc::ResourceQuota().Resize(limits.memory_bytes));
  const std::pair<const char*, int> arguments[] = {
      {GRPC_ARG_ALLOW_REUSEPORT, 0},  // or a port in use would be shared in silence
      {GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0},
      // What a stream may send unasked stays at one window; gRPC would widen it by what it measures.
      {GRPC_ARG_HTTP2_BDP_PROBE, 0},
      {GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 64 << 10},
      {GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(limits.streams_per_connection)},
      {GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(limits.header_bytes)},
      {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Milliseconds(limits.handshake_timeout)},
      {GRPC_ARG_MAX_CONNECTION_IDLE_MS, Milliseconds(limits.idle_timeout)},
      {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, Milliseconds(limits.ping_interval_min)},
      {GRPC_ARG_HTTP2_MAX_PING_STRIKES, 3},
      {GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(limits.keepalive_period)},
      {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(limits.keepalive_timeout)},
  };
  for (const auto& [name, value] : arguments) builder.AddChannelArgument(name, value);
}

void ApplyClientLimits(const PortLimits& limits, std::size_t message_bytes, grpc::ChannelArguments& arguments) {
  arguments.SetMaxReceiveMessageSize(static_cast<int>(message_bytes));
  arguments.SetMaxSendMessageSize(static_cast<int>(message_bytes));
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(limits.header_bytes));
}

}  // namespace prefixmesh
