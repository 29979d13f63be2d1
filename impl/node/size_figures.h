// size_figures.h — what was above a limit, as readings: by kind, by layer, the streams that ended by it, and what the
// generations trimmed.
//
// Threads: pure. Ownership: values. Time, errors: none. Bounds: one reading per label of a closed set.
#pragma once

#include "impl/figures/readings.h"
#include "impl/mesh/mesh.h"

namespace prefixmesh {

void ReadSizes(const MeshStats& stats, Readings& out);

}  // namespace prefixmesh
