#include "impl/env/real/grpc_limits.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include <utility>

namespace prefixmesh {
namespace {

int Milliseconds(Time time) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

}  // namespace

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
