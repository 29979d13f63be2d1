#include "loadgen/record/recorder.h"

#include <algorithm>

namespace prefixmesh::load {
namespace {

constexpr std::int64_t kNsPerUs = 1000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::size_t kSecondsMax = 1u << 20;

std::uint64_t Us(std::int64_t ns) { return ns <= 0 ? 0 : static_cast<std::uint64_t>((ns + kNsPerUs / 2) / kNsPerUs); }

template <typename Row>
Row& RowAt(std::vector<Row>& rows, std::int64_t at_ns) {
  const auto second = static_cast<std::size_t>(std::max<std::int64_t>(at_ns, 0) / kNsPerSecond);
  const std::size_t index = std::min(second, kSecondsMax - 1);
  if (rows.size() <= index) rows.resize(index + 1);
  return rows[index];
}

std::uint64_t P99(std::vector<std::uint32_t> values) {
  if (values.empty()) return 0;
  const std::size_t rank = (values.size() * 99 + 99) / 100 - 1;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(rank), values.end());
  return values[rank];
}

}  // namespace

void SendRecorder::OnSent(Phase phase, std::int64_t intended_ns, std::int64_t woke_ns, std::int64_t sent_ns) {
  ++sent_all_;
  const std::int64_t delay_ns = sent_ns - intended_ns;
  const std::size_t rows = seconds_.size();
  const std::size_t row = static_cast<std::size_t>(&RowAt(seconds_, sent_ns) - seconds_.data());
  if (seconds_.size() > rows) {
    if (rows > 0) seconds_[rows - 1].schedule_delay_p99_us = P99(std::move(delays_us_));
    delays_us_.clear();
  }
  ++seconds_[row].sent;
  delays_us_.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(Us(delay_ns), UINT32_MAX)));
  if (phase != Phase::kLoad) return;
  ++sent_;
  if (delay_ns > late_ns_) ++late_;
  schedule_delay_us_.Record(Us(delay_ns));
  if (woke_ns >= 0) wakeup_us_.Record(Us(woke_ns - intended_ns));
}

void SendRecorder::OnDropped(Phase phase, std::uint64_t requests) {
  (phase == Phase::kLoad ? dropped_ : dropped_warmup_) += requests;
}

std::vector<SendSecond> SendRecorder::Seconds() const {
  std::vector<SendSecond> rows = seconds_;
  if (!rows.empty()) rows.back().schedule_delay_p99_us = P99(delays_us_);
  return rows;
}

void ReplyRecorder::OnDone(const RequestRecord& record) {
  ++done_all_;
  ReplySecond& second = RowAt(seconds_, record.done_ns);
  const bool ok = record.outcome == Outcome::kOk;
  if (ok) {
    ++ok_all_;
    ++second.ok;
    second.prompt_bytes += record.prompt_bytes;
    second.cached_bytes += record.cached_bytes;
  } else {
    ++second.failed;
    ++failed_by_status_all_[StatusName(record.status)];
  }
  if (record.phase != static_cast<std::uint8_t>(Phase::kLoad)) return;
  if (!ok) {
    ++failed_;
    ++failed_by_status_[StatusName(record.status)];
    if (record.outcome == Outcome::kTimeout) ++timeouts_;
    return;
  }
  ++ok_;
  prompt_bytes_ += record.prompt_bytes;
  cached_bytes_ += record.cached_bytes;
  from_intended_us_.Record(Us(record.done_ns - record.intended_ns));
  from_sent_us_.Record(Us(record.done_ns - record.sent_ns));
  ttft_us_.Record(Us(record.first_token_ns - record.intended_ns));
  ++requests_by_worker_[record.worker];
  ++requests_by_reason_[record.reason];
}

}  // namespace prefixmesh::load
