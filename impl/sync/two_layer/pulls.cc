#include "impl/sync/two_layer/pulls.h"

#include <algorithm>

#include "impl/sync/two_layer/options.h"

namespace prefixmesh::two_layer {
namespace {

// Who can bring more than is here: the owner, or the first of those who show most.
std::optional<PeerIndex> BestSource(const PullState& state) {
  if (state.owner && state.known > state.have) return state.owner;
  std::optional<PeerIndex> best;
  std::uint32_t most = state.have;
  for (const PullState::Source& source : state.others)
    if (source.have > most) best = source.peer, most = source.have;
  return best;
}

}  // namespace

PullDecision DecidePull(Time now, Time timeout, const PullState& state, const std::optional<PendingPull>& pending) {
  const bool moved = pending && state.have > pending->have;
  std::optional<PeerIndex> peer = BestSource(state);
  if (peer && pending) {
    const Time wait = moved ? timeout : pending->timeout;
    if (now - std::max(pending->at, state.progress_at) < wait) return {false, pending};
  } else if (peer) {
    // The owner pushes, or is about to: a router that comes back greets one router after the other.
    if (now - std::max(state.progress_at, state.lacks_since) < timeout) return {};
  } else {
    if (!pending || state.owner_reached || now - pending->at >= kLease || !state.pending_peer_up) return {};
    if (!moved || now - pending->at < kLease / 2) return {false, pending};
    peer = pending->peer;
  }
  PendingPull next{*peer, now, timeout, state.have};
  if (pending && !moved) next.timeout = std::min<Time>(pending->timeout * 2, kLease);
  return {true, next};
}

}  // namespace prefixmesh::two_layer
