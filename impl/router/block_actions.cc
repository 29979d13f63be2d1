#include "impl/router/block_actions.h"

namespace prefixmesh {

void BlockActions::Apply(const ApplyIds& action) {
  if (const auto worker = fleet_.Intern(action.worker_name)) {
    // What is about an incarnation that is over the index refuses, under its own lock: the register may rise at any
    // moment.
    if (action.origin == 0) {
      index_.StampOwn(action.ids, *worker, action.seq, action.worker_incarnation);
    } else {
      index_.ApplyIds(action.ids, *worker, action.origin, action.seq, action.worker_incarnation);
      fleet_.NotePeerPlacement(*worker);
    }
  }
  if (on_applied_) on_applied_(action);
}

void BlockActions::Apply(const RetractIds& action) {
  if (const auto worker = fleet_.Find(action.worker_name))
    index_.RetractIds(action.ids, *worker, action.origin, action.seq);
}

void BlockActions::Apply(const RetractBelow& action) { index_.RetractBelow(action.origin, action.seq); }

void BlockActions::Apply(const MoveRefreshMark& action) { index_.SetRefreshMark(action.origin, action.seq); }

void BlockActions::Apply(const ApplyLoad& action) {
  const auto worker = fleet_.Intern(action.worker_name);
  if (!worker) return;
  fleet_.SetPeerLoad(action.peer, *worker, action.in_flight, action.unreached);
  if (action.unreached && fleet_.own(*worker)) ask_.unreached(*worker);
}

void BlockActions::Apply(const ForgetLoads& action) { fleet_.ForgetPeerLoads(action.peer); }

void BlockActions::Apply(const ApplyRegister& action) {
  const auto worker = fleet_.Intern(action.worker_name);
  if (!worker) return;
  if (fleet_.own(*worker)) return ask_.restarted(*worker);
  registers_.Raise(*worker, action.incarnation);
}

}  // namespace prefixmesh
