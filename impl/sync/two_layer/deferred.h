// deferred.h — records about incarnations that an own worker has not confirmed. They are kept as all others and applied
// when the worker says so itself, some at a time.
//
// Each log remembers the hull of the seqs that were deferred. When a worker's register rises, a pass over these hulls
// is due: it reads each record once, applies those about the workers that rose before the pass began, and defers again
// those that are still ahead, or whose worker rose during the pass: they are the next one's.
//
// Threads: mesh loop. Ownership: borrows names and registers, which must outlive it. Time, errors: none.
// Bounds: one call of Replay reads kReadMax records and applies kAppliedMax; of own workers one name each.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "impl/sync/actions.h"
#include "impl/sync/report.h"
#include "impl/sync/two_layer/log.h"
#include "impl/sync/two_layer/record_names.h"
#include "impl/sync/two_layer/registers.h"

namespace prefixmesh::two_layer {

class DeferredRecords {
 public:
  static constexpr std::size_t kReadMax = 1u << 18;
  static constexpr std::size_t kAppliedMax = 4096;

  DeferredRecords(const RecordNames& names, const Registers& registers) : names_(names), registers_(registers) {}

  static void Defer(Log& log, std::uint32_t seq);
  // The register of this own worker rose.
  void Confirm(std::string_view worker, const Logs& logs);
  // Goes on with the pass, or begins one that is due. Once a round.
  void Replay(const Logs& logs, RecordCounts& counts, Actions& actions);

 private:
  // What a pass does with a record.
  enum class Fate : std::uint8_t { kUnknown, kPass, kDefer, kApply };

  void Begin(const Logs& logs);
  Fate FateOf(const WorkerName& worker) const;

  const RecordNames& names_;
  const Registers& registers_;
  std::set<std::string, std::less<>> due_;      // workers that rose; for the next pass
  std::set<std::string, std::less<>> applied_;  // of the running pass
  bool running_ = false;
  Record record_;  // in hand; its memory is used again
};

}  // namespace prefixmesh::two_layer
