#include "impl/sync/two_layer/repair.h"

#include <algorithm>
#include <optional>

#include "impl/sync/two_layer/stream.h"

namespace prefixmesh::two_layer {

PullState Repair::StateOf(Time now, const Log& log, const PendingPull* pending) {
  sources_.clear();
  PullState state;
  state.have = log.window.head();
  state.known = log.known_head;
  state.progress_at = log.progress_at;
  state.lacks_since = log.lacks_since;
  state.owner_reached = host_.OwnerReached(now, log);
  for (std::uint16_t i = 0; i < host_.streams.size(); ++i) {
    const Stream* stream = host_.streams[i].get();
    if (stream == nullptr || !stream->greeted()) continue;
    if (pending != nullptr && pending->peer.value == i) state.pending_peer_up = true;
    if (now - stream->received_at() > host_.peer_timeout) continue;
    if (state.owner_reached && stream->IsOwnerOf(log.key)) {
      state.owner = PeerIndex{i};
    } else {
      sources_.push_back({PeerIndex{i}, stream->HaveOf(log.key)});
    }
  }
  state.others = sources_;
  return state;
}

void Repair::Run(Time now, Actions& actions) {
  const Time timeout = std::max<Time>(kPullAfter, 3 * host_.options.round_period);
  for (const auto& log : host_.replica.logs()) {
    if (log->own()) continue;
    const auto at = pending_.find(log->key);
    if (log->window.head() >= log->known_head) {
      log->lacks_since = Time{-1};
      if (at == pending_.end()) continue;
    } else if (log->lacks_since < Time{0}) {
      log->lacks_since = now;
    }
    const bool asked = at != pending_.end();
    const PullDecision decision = DecidePull(now, timeout, StateOf(now, *log, asked ? &at->second : nullptr),
                                             asked ? std::optional(at->second) : std::nullopt);
    if (decision.pending) {
      pending_.insert_or_assign(log->key, *decision.pending);
    } else if (asked) {
      pending_.erase(at);
    }
    if (!decision.send) continue;
    host_.streams[decision.pending->peer.value]->SendPull({log->key, log->window.head()}, actions);
  }
  std::erase_if(pending_, [&](const auto& each) { return host_.replica.table().Find(each.first) == nullptr; });
}

}  // namespace prefixmesh::two_layer
