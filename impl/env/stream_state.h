// stream_state.h — one end of a bidirectional stream as a pure state machine: which operation may be started when.
//
//   Opened ─► reads one after another, writes one after another ─► Drain (the queue goes out) ─► Finish ─► done
//                                        └──────────── End (at once, from anywhere) ───────────────────► done
//
// The rules it keeps are those of gRPC's callback API: at most one read and one write under way; after Finish a served
// end starts nothing any more, while a dialed end goes on reading until the peer's status arrives; a dialed end is kept
// alive by a hold that is released once, and starts nothing after that. Finish waits for the write under way, so that
// no status overtakes a frame.
//
// Every event returns the operations to start now; the caller starts them in the order of the fields, before the next
// event. Threads: none of its own; the owner's mutex serialises the events. Errors: none; an event that comes late (a
// read that fails after the end, a handled frame of a stream that ended) returns nothing to do.
// Source: include/grpcpp/support/{client,server}_callback.h of gRPC 1.51.
#pragma once

#include <cstddef>

#include "impl/base/check.h"

namespace prefixmesh {

enum class StreamEnd { kDialed, kServed };

class StreamState {
 public:
  struct Ops {
    bool deliver = false;  // hand the frame that was read to the observer; Handled comes when it was dealt with
    bool start_read = false;
    bool start_write = false;  // of the oldest frame that is queued
    bool cancel = false;       // abort the call
    bool finish = false;       // dialed: half-close; served: send the status
    bool release = false;      // dialed: remove the hold
  };

  explicit StreamState(StreamEnd end) : end_(end) {}

  // The call exists on both sides: reading begins, and writing if something is queued.
  Ops Opened() {
    if (ended_) return {};
    opened_ = true;
    Ops ops;
    StartRead(ops);
    StartWrite(ops);
    FinishWhenIdle(ops);
    return ops;
  }

  Ops ReadDone(bool ok) {
    PREFIXMESH_CHECK(reading_);
    reading_ = false;
    if (!ok) return End();
    if (ended_ || finished_served()) return {};
    handing_ = true;
    Ops ops;
    ops.deliver = true;
    return ops;
  }

  // What was delivered is dealt with.
  Ops Handled() {
    Ops ops;
    if (!handing_) return ops;
    handing_ = false;
    StartRead(ops);
    return ops;
  }

  // Whether a frame may still be queued.
  bool writable() const { return !ended_ && !draining_; }
  Ops Queued() {
    PREFIXMESH_CHECK(writable());
    ++queued_;
    Ops ops;
    StartWrite(ops);
    return ops;
  }

  // The oldest queued frame is out, or never will be.
  Ops WriteDone(bool ok) {
    PREFIXMESH_CHECK(writing_ && queued_ > 0);
    writing_ = false;
    --queued_;
    Ops ops;
    if (!ok) ops = End();
    StartWrite(ops);
    FinishWhenIdle(ops);
    return ops;
  }

  // Nothing more is queued; what is queued goes out, then the stream finishes.
  Ops Drain() {
    Ops ops;
    if (!writable()) return ops;
    draining_ = true;
    FinishWhenIdle(ops);
    return ops;
  }

  // At once: what is queued is dropped, and whatever is under way fails.
  Ops End() {
    Ops ops;
    if (ended_) return ops;
    ended_ = true;
    ops.cancel = true;
    FinishWhenIdle(ops);
    ops.release = end_ == StreamEnd::kDialed;
    return ops;
  }

  bool opened() const { return opened_; }
  bool reading() const { return reading_; }
  bool ended() const { return ended_; }

 private:
  bool finished_served() const { return finished_ && end_ == StreamEnd::kServed; }
  void StartRead(Ops& ops) {
    if (!opened_ || ended_ || reading_ || handing_ || finished_served()) return;
    reading_ = ops.start_read = true;
  }
  void StartWrite(Ops& ops) {
    if (!opened_ || ended_ || finished_ || writing_ || queued_ == 0) return;
    writing_ = ops.start_write = true;
  }
  // A served end always owes a status; a dialed end that ended was cancelled and owes nothing.
  void FinishWhenIdle(Ops& ops) {
    if (finished_ || writing_) return;
    const bool drained = draining_ && opened_ && queued_ == 0 && !ended_;
    if (!drained && !(ended_ && end_ == StreamEnd::kServed)) return;
    finished_ = ops.finish = true;
  }

  const StreamEnd end_;
  bool opened_ = false;
  bool reading_ = false;
  bool handing_ = false;  // between deliver and Handled
  bool writing_ = false;
  std::size_t queued_ = 0;
  bool draining_ = false;
  bool finished_ = false;
  bool ended_ = false;
};

}  // namespace prefixmesh
