#include "impl/sync/two_layer/send_window.h"

#include <algorithm>

#include "impl/sync/two_layer/options.h"

namespace prefixmesh::two_layer {

bool SendWindow::stalled() const { return unanswered_ >= kUnansweredMax; }

void SendWindow::RewindTo(std::uint32_t seq) {
  in_flight_.clear();
  unacked_bytes_ = 0;
  unanswered_ = 0;
  next_ = seq;
}

void SendWindow::RestartAt(std::uint32_t seq) {
  RewindTo(seq);
  acked_ = seq;
}

void SendWindow::OnAck(Time now, std::uint32_t have, bool hole) {
  if (have > acked_) {
    acked_ = have;
    moved_at_ = now;
    unanswered_ = 0;
  }
  while (!in_flight_.empty() && in_flight_.front().end <= have) {
    unacked_bytes_ -= in_flight_.front().bytes;
    in_flight_.pop_front();
  }
  if (hole) RewindTo(have);
}

void SendWindow::OnPull(Time now, std::uint32_t from, bool renewal) {
  ExtendLease(now + kLease);
  if (!renewal || from > next_ || now - moved_at_ >= kPullAfter) RestartAt(from);
}

void SendWindow::Send(Time at, std::uint32_t end, std::uint64_t bytes) {
  if (in_flight_.empty()) moved_at_ = at;
  next_ = end;
  in_flight_.push_back({end, bytes});
  unacked_bytes_ += bytes;
}

void SendWindow::RetransmitOnce(Time now, Time timeout) {
  if (in_flight_.empty() || now - moved_at_ < timeout) return;
  const int unanswered = std::min(unanswered_ + 1, kUnansweredMax);
  if (unanswered < kUnansweredMax) Rewind();
  unanswered_ = unanswered;
  moved_at_ = now;
}

}  // namespace prefixmesh::two_layer
