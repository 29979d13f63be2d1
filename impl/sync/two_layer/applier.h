// applier.h — where records enter and leave windows, and what changes in the index then. The only place for both.
//
// A record of the own log stamps what the index has already. A record of another's log is applied if it is about the
// worker's present incarnation; else it is kept, so that positions stay true, and deferred when the worker may confirm
// it later (deferred.h). A floor that rises takes its records out of the window and back from the index: one by one, or
// in one sweep when there are many.
//
// Threads: mesh loop. Ownership: borrows names and registers, which must outlive it. Time, errors: none. Bounds: the
// caller's.
#pragma once

#include <cstdint>

#include "impl/sync/actions.h"
#include "impl/sync/report.h"
#include "impl/sync/two_layer/log.h"
#include "impl/sync/two_layer/record_names.h"
#include "impl/sync/two_layer/registers.h"

namespace prefixmesh::two_layer {

class Applier {
 public:
  Applier(RecordNames& names, Registers& registers) : names_(names), registers_(registers) {}

  // Appends at the log's head; the record's own seq is ignored.
  void AppendOwn(Log& log, const Record& record, Actions& actions);
  void AppendCopied(Log& log, const Record& record, Introducer by, RecordCounts& counts, Actions& actions);
  // The oldest record leaves the window. The caller changes the index.
  void DropOldest(Log& log);
  // Records below `floor` go; the head becomes at least the floor.
  void RaiseFloor(Log& log, std::uint32_t floor, Actions& actions);
  // Tells the index where the older half of the log ends.
  static void MoveMark(const Log& log, Actions& actions);

 private:
  void Append(Log& log, const Record& record);

  RecordNames& names_;
  Registers& registers_;
  Record oldest_;  // that DropOldest took out last; its memory is used again
};

}  // namespace prefixmesh::two_layer
