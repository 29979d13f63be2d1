// manual_env.h — Clock, Executor and SyncTransport that a test moves by hand. Single-threaded.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "impl/env/env.h"

namespace prefixmesh::test {

class ManualClock final : public Clock {
 public:
  Time Now() const override { return now; }
  Time now{0};
};

// Runs tasks in order of (due time, posting) when the test advances the clock.
class ManualExecutor final : public Executor {
 public:
  explicit ManualExecutor(ManualClock& clock) : clock_(clock) {}
  void Post(std::function<void()> task) override { PostAt(clock_.now, std::move(task)); }
  void PostAt(Time when, std::function<void()> task) override {
    tasks_.emplace(std::pair(when, posted_++), std::move(task));
  }
  void AdvanceTo(Time until) {
    while (!tasks_.empty() && tasks_.begin()->first.first <= until) {
      if (tasks_.begin()->first.first > clock_.now) clock_.now = tasks_.begin()->first.first;
      std::function<void()> task = std::move(tasks_.begin()->second);
      tasks_.erase(tasks_.begin());
      task();
    }
    clock_.now = until;
  }
  void AdvanceBy(Time duration) { AdvanceTo(clock_.now + duration); }
  // The first task that is due.
  void RunOne() {
    if (tasks_.empty() || tasks_.begin()->first.first > clock_.now) return;
    std::function<void()> task = std::move(tasks_.begin()->second);
    tasks_.erase(tasks_.begin());
    task();
  }

 private:
  ManualClock& clock_;
  std::uint64_t posted_ = 0;
  std::map<std::pair<Time, std::uint64_t>, std::function<void()>> tasks_;
};

// Keeps what was sent; answers with `outcome`.
class RecordingTransport final : public SyncTransport {
 public:
  SendOutcome Send(PeerIndex peer, std::string frame) override {
    if (outcome == SendOutcome::kQueued) sent.emplace_back(peer, std::move(frame));
    return outcome;
  }
  void FrameHandled(PeerIndex) override { ++handled; }
  void Close(PeerIndex peer) override { closed.push_back(peer); }
  std::size_t QueuedBytes(PeerIndex) const override { return 0; }

  SendOutcome outcome = SendOutcome::kQueued;
  std::vector<std::pair<PeerIndex, std::string>> sent;
  std::vector<PeerIndex> closed;
  int handled = 0;
};

}  // namespace prefixmesh::test
