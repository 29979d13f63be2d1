#include "impl/env/real/sync_stream.h"

#include "impl/env/real/grpc_limits.h"

namespace prefixmesh {

std::unique_ptr<v1::Sync::Stub> NewSyncStub(const std::string& address, const PortLimits& limits,
                                            std::size_t message_bytes) {
  grpc::ChannelArguments arguments;
  ApplyClientLimits(limits, message_bytes, arguments);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 250);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3000);  // a connection attempt without an answer
  return v1::Sync::NewStub(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
}

bool IsAboveReceiveLimit(const grpc::Status& ended) {
  return ended.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
         ended.error_message().find("larger than max") != std::string::npos;
}

DialedSyncStream::DialedSyncStream(SyncStreamOwner& stream_owner, PeerIndex stream_peer, const std::string& router,
                                   v1::Sync::Stub& stub)
    : SyncStreamOf(stream_owner, stream_peer, StreamEnd::kDialed) {
  context_.AddMetadata(kRouterKey, router);
  // The stream begins when the channel has connected. A call that fails at once while the channel has not would be
  // tried again on a clock of its own, up to a second after the two could have talked.
  context_.set_wait_for_ready(true);
  stub.async()->Exchange(&context_, this);
}

void DialedSyncStream::Begin() {
  AddHold();  // writes and reads are started from the mesh loop; released when the stream ends
  StartCall();
}

void DialedSyncStream::OnDone(const grpc::Status& ended) { owner.Done(*this, ended); }

}  // namespace prefixmesh
