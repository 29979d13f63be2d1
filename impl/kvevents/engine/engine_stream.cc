#include "impl/kvevents/engine/engine_stream.h"

#include <algorithm>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace prefixmesh::kvevents {

std::uint64_t EngineStream::FenceOf(std::string_view payload) const {
  return XXH3_64bits_withSeed(payload.data(), payload.size(), seed_);
}

// ---- live -----------------------------------------------------------------------------------------------------------

void EngineStream::OnOpened(Time now, Actions& actions) {
  last_live_.reset();
  attempts_ = 0;
  settled_ = sure_ = false;
  waiting_.clear();  // of another connection, and so perhaps of another life
  waiting_bytes_ = 0;
  replays_ ? StartAsking(now, actions) : GoOnWithout(now, actions);
}

void EngineStream::OnLive(Time now, std::uint64_t number, std::string payload, Actions& actions) {
  if (last_live_ && number <= *last_live_) BeginAnew(now, actions);
  last_live_ = number;
  if (asking_) return Hold(number, std::move(payload));
  if (number < next_) {
    ++counts_.late;
    if (++late_in_a_row_ < kLateMax) return;
    BeginAnew(now, actions);
  }
  late_in_a_row_ = 0;
  if (number == next_) return TakeNext(std::move(payload), actions);
  ++counts_.gaps;
  Hold(number, std::move(payload));
  attempts_ = 0;
  replays_ ? StartAsking(now, actions) : GoOnWithout(now, actions);
}

void EngineStream::Hold(std::uint64_t number, std::string payload) {
  const auto at = std::lower_bound(waiting_.begin(), waiting_.end(), number,
                                   [](const Waiting& held, std::uint64_t wanted) { return held.number < wanted; });
  if (at != waiting_.end() && at->number == number) return;
  waiting_bytes_ += payload.size();
  waiting_.insert(at, {number, std::move(payload)});
  while (!waiting_.empty() && (waiting_.size() > kWaitingMax || waiting_bytes_ > kWaitingBytesMax)) {
    waiting_bytes_ -= waiting_.front().payload.size();
    waiting_.pop_front();
    ++counts_.dropped;
  }
}

void EngineStream::TakeNext(std::string payload, Actions& actions) {
  fence_ = FenceOf(payload);
  ++next_;
  progress_ = true;
  actions.emplace_back(Apply{std::move(payload)});
}

void EngineStream::LoseUntil(std::uint64_t number, Actions& actions) {
  ++counts_.incomplete;
  fence_.reset();
  next_ = number;
  actions.emplace_back(Forget{});
}

void EngineStream::BeginAnew(Time now, Actions& actions) {
  ++counts_.restarts;
  fence_.reset();
  next_ = 0;
  waiting_.clear();
  waiting_bytes_ = 0;
  actions.emplace_back(Forget{});
  if (!asking_) return;
  attempts_ = 0;
  StartAsking(now, actions);
}

// ---- asking ---------------------------------------------------------------------------------------------------------

void EngineStream::StartAsking(Time now, Actions& actions) {
  asking_ = true;
  if (now < may_ask_at_) {
    ask_at_ = may_ask_at_;
    return;
  }
  may_ask_at_ = now + kAskApart;
  progress_ = false;
  ask_at_.reset();
  fencing_ = fence_.has_value();
  actions.emplace_back(Ask{fencing_ ? next_ - 1 : next_});
}

void EngineStream::OnReplayed(Time now, std::uint64_t number, std::string payload, Actions& actions) {
  if (!asking_ || ask_at_) return;
  if (fencing_ && number + 1 >= next_) {
    fencing_ = false;
    if (number + 1 == next_) {
      if (FenceOf(payload) != *fence_) BeginAnew(now, actions);
      return;
    }
    if (number == next_ && !sure_) LoseUntil(number, actions);  // it may be of another life
  }
  if (number < next_) return;
  if (number > next_) LoseUntil(number, actions);
  TakeNext(std::move(payload), actions);
}

void EngineStream::OnReplayEnd(Time now, bool whole, Actions& actions) {
  if (!asking_ || ask_at_) return;
  if (!whole) return AskAgainOrGoOn(now, actions);
  if (fencing_) return BeginAnew(now, actions);  // the engine lacks what it once told
  asking_ = false;
  sure_ = true;
  ApplyWaiting(now, actions);
}

void EngineStream::ApplyWaiting(Time now, Actions& actions) {
  const bool progress = progress_;
  while (!waiting_.empty() && waiting_.front().number <= next_) {
    Waiting front = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= front.payload.size();
    if (front.number == next_) TakeNext(std::move(front.payload), actions);
  }
  if (waiting_.empty()) {
    attempts_ = 0;
    if (!std::exchange(settled_, true)) ask_at_ = now + kAskSettled;
  } else if (progress) {
    StartAsking(now, actions);
  } else {
    AskAgainOrGoOn(now, actions);
  }
}

void EngineStream::AskAgainOrGoOn(Time now, Actions& actions) {
  if (++attempts_ >= kAttemptsMax) return GoOnWithout(now, actions);
  asking_ = true;
  ask_at_ = now + kAskAgain * (1 << (attempts_ - 1));
}

void EngineStream::OnTick(Time now, Actions& actions) {
  if (ask_at_ && *ask_at_ <= now) StartAsking(now, actions);
}

// A hint that may lack something is better than an index that stands still.
void EngineStream::GoOnWithout(Time now, Actions& actions) {
  asking_ = false;
  attempts_ = kAttemptsMax - 1;  // the next one is tried once
  ask_at_ = replays_ ? std::optional(now + kAskSlowly) : std::nullopt;
  if (!std::exchange(sure_, true) && next_ > 0) LoseUntil(waiting_.empty() ? 0 : waiting_.front().number, actions);
  while (!waiting_.empty()) {
    Waiting front = std::move(waiting_.front());
    waiting_.pop_front();
    if (front.number > next_) LoseUntil(front.number, actions);
    if (front.number == next_) TakeNext(std::move(front.payload), actions);
  }
  waiting_bytes_ = 0;
}

}  // namespace prefixmesh::kvevents
