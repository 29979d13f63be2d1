#include "impl/sync/two_layer/host.h"

#include <utility>

#include "impl/sync/two_layer/stream.h"

namespace prefixmesh::two_layer {
namespace {

ReplicaOptions ReplicaOptionsOf(const Options& options, const StrategyView& view) {
  ReplicaOptions replica{
      {options.router, options.incarnation}, options.window_bytes, 4 * options.window_bytes, options.dead_after, {}};
  for (std::uint16_t i = 0; i < view.PeerCount(); ++i) replica.peers.emplace_back(view.PeerName(PeerIndex{i}));
  return replica;
}

}  // namespace

Host::Host(Options host_options, const StrategyView& strategy_view)
    : options(std::move(host_options)),
      view(strategy_view),
      peer_timeout(PeerTimeout(options)),
      replica(ReplicaOptionsOf(options, view)),
      streams(view.PeerCount()) {}

Host::~Host() = default;

bool Host::OwnerReached(Time now, const Log& log) const {
  if (log.direct_at >= Time{0} && now - log.direct_at < peer_timeout / 2) return true;
  for (const auto& stream : streams)
    if (stream && stream->IsOwnerOf(log.key)) return now - stream->received_at() < peer_timeout / 2;
  return false;
}

bool Host::HasVectorTurn(Time now, PeerIndex peer) const {
  return peer.value == vector_turn_ && now - vector_turn_at_ >= 5 * kHeartbeat;
}

void Host::PassVectorTurn(Time now) {
  vector_turn_ = static_cast<std::uint16_t>((vector_turn_ + 1u) % streams.size());
  vector_turn_at_ = now;
}

}  // namespace prefixmesh::two_layer
