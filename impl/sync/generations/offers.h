// offers.h — what a generation keeps of a placement: the whole prompt, or only whose it was; and the operation that the
// mesh loop makes of it, or of a removal.
//
// Threads: CopyOf and NameOf on request threads, the rest any. Ownership: values. Time and errors: none. Bounds: the
// prompt's size.
#pragma once

#include <string_view>

#include "impl/sync/placement.h"
#include "impl/sync/removal.h"
#include "impl/wire/bincode.h"

namespace prefixmesh::generations {

// The model's name, or that of requests without one.
std::string_view ModelName(const PlacementView& placement);
// A copy of the whole prompt, as the callers of most generations made for each request.
Offer CopyOf(const PlacementView& placement);
// The same copy made and dropped: what is left is whose it was. For those whose callers built an operation for nothing.
Offer NameOf(const PlacementView& placement);
// The prompt and its worker as an operation, whole.
TreeOperation OperationOf(Offer offer);
// The operation for a worker that dropped everything; for a prefix there was none.
TreeOperation OperationOf(const Removal& removal);

}  // namespace prefixmesh::generations
