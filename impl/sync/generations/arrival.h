// arrival.h — one tree's value from a peer on its way in: opened, checked, and only then applied.
//
//   entry ─OpenEntry─► Arrival ─the generation's Check─► Checked, of a whole frame ─► apply of each
//
// So a frame of which one entry is bad changes nothing. A value is read in place; what is put together is one
// operation, or one body, at a time.
//
// Threads: mesh loop. Ownership: borrows from the frame, which outlives it. Time: none. Errors: kCorrupt for an
// envelope that does not decode and, with H4 fixed, for a key that is no writer's of its model; kTooBig for names
// longer than any that a request can have. Bounds: those of the frame.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "impl/base/result.h"
#include "impl/sync/actions.h"
#include "impl/sync/generations/context.h"
#include "impl/sync/generations/store_frame.h"
#include "impl/wire/bincode.h"
#include "impl/wire/policy_state.h"

namespace prefixmesh::generations {

struct Arrival {
  Bytes value;  // the envelope as it came; good until the frame is handled
  PolicyStateView envelope;
  std::string key;                        // under which it is kept here
  StreamRole role = StreamRole::kServer;  // of this end
};

// A value that decodes, and how to apply it: with an error if it does not go together with what is kept. A tag that the
// generation does not look into has neither records nor `apply`.
struct Checked {
  std::uint64_t records = 0;
  std::function<Status(Actions&)> apply = {};
  std::uint64_t declared_bytes = 0;  // what it says it is when decompressed
};

Result<Arrival> OpenEntry(const Context& context, const StoreEntryView& entry, StreamRole role);
// The key under which what a peer sent about a model is kept.
Result<std::string> KeyOf(const Context& context, const StoreEntryView& entry, std::string_view model);

// One operation of a list into the tree; removals are dropped, but with H13 fixed. Where the whole list is replayed
// for each delta (H9), so are the removals in it.
void ReplayInto(Actions& actions, std::string_view model, const OperationView& operation, HazardSet fixed);

}  // namespace prefixmesh::generations
