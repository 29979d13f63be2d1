// two_layer_phases.h — what two-layer promises of a mesh at peace, each as a phase of a run: nothing is repaired or
// comes twice, what one writes is at all in time, also around a broken link, and at rest only digests flow.
//
// Threads: one. Ownership: borrows the run. Errors: the run's. Time: virtual.
#pragma once

#include "bench/sim/run.h"

namespace prefixmesh::sim {

// Each record goes to each peer once, from its owner, within two rounds.
void CalmPhase(Run& run);
// Two routers cannot reach each other and all others can: what one writes is at the other within a lease, for as long
// as it lasts, and neither takes the other for dead.
void BridgedPhase(Run& run);
// At most 32 bytes of digests per peer and second.
void QuietPhase(Run& run);

}  // namespace prefixmesh::sim
