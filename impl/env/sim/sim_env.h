// sim_env.h — start here for the simulated world: virtual time, one thread, a seeded network with faults.
//
// SimWorld runs events in order of (time, posting). Every router has a clock of its own (any offset, a rate that is a
// little off) and an executor that can be paused or stopped for good. SimNetwork joins them by streams as gRPC has
// them: in order, with bounded queues and one frame at a time per reader; and it can do worse than a stream does: lose,
// repeat, reorder, damage frames, or replay those of an earlier life. Same seed, same events.
//
// Threads: one. Ownership: borrows observers and executors; Detach before they go. Errors: none. Bounds: queues as the
// options say. Time: virtual.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/prng.h"
#include "impl/env/env.h"

namespace prefixmesh {

class SimWorld {
 public:
  Time now() const { return now_; }
  void At(Time when, std::function<void()> task);
  // Runs what is due up to and including `until`; afterwards it is that late.
  void RunUntil(Time until);

 private:
  struct Event {
    Time when;
    std::uint64_t order;
    std::function<void()> task;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
  };
  Time now_{0};
  std::uint64_t posted_ = 0;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
};

// A monotonic clock that started anywhere and runs at `rate` seconds per second.
class SimClock final : public Clock {
 public:
  SimClock(const SimWorld& world, Time offset, double rate) : world_(world), offset_(offset), rate_(rate) {}
  Time Now() const override { return offset_ + Scaled(world_.now(), rate_); }
  // When, in the world's time, this clock shows `local`, or by rounding a little more: a timer never fires early.
  Time ToWorld(Time local) const {
    Time world = Scaled(local - offset_, 1 / rate_);
    while (offset_ + Scaled(world, rate_) < local) ++world;
    return world;
  }

 private:
  static Time Scaled(Time time, double by) {
    return Time(static_cast<Time::rep>(static_cast<double>(time.count()) * by));
  }
  const SimWorld& world_;
  const Time offset_;
  const double rate_;
};

class SimRandom final : public Random {
 public:
  explicit SimRandom(std::uint64_t seed) : prng_(seed) {}
  std::uint64_t Next() override { return prng_.Next(); }

 private:
  Prng prng_;
};

// The loop of one life of one router. Tasks of a life that ended are dropped.
class SimExecutor final : public Executor {
 public:
  SimExecutor(SimWorld& world, const SimClock& clock) : world_(world), clock_(clock), life_(std::make_shared<Life>()) {}
  ~SimExecutor() override { life_->over = true; }

  void Post(std::function<void()> task) override { At(world_.now(), std::move(task)); }
  void PostAt(Time when, std::function<void()> task) override { At(clock_.ToWorld(when), std::move(task)); }
  // Nothing runs before `until` (world time): a stopped process.
  void PauseUntil(Time until);
  bool paused() const { return world_.now() < life_->paused_until; }

 private:
  struct Life {
    bool over = false;
    Time paused_until{0};
    std::deque<std::function<void()>> waiting;  // what came due meanwhile, in order
  };
  void At(Time when, std::function<void()> task);
  static void Run(SimWorld& world, const std::shared_ptr<Life>& life, std::function<void()> task);
  static void Resume(const SimWorld& world, const std::shared_ptr<Life>& life);

  SimWorld& world_;
  const SimClock& clock_;
  std::shared_ptr<Life> life_;
};

struct SimNetworkOptions {
  Time delay_min = std::chrono::microseconds(100);
  Time delay_mean = std::chrono::microseconds(300);  // above the minimum, exponential
  std::size_t queue_frames = 1024;
  std::size_t queue_bytes = 8u << 20;
  // A larger frame is not taken; one that comes all the same ends the stream.
  std::size_t frame_bytes = SIZE_MAX;
  // Frames end with a checksum of all before, so that their end stands for them in the trace hash; else all goes in.
  bool checksummed = true;
  // A silent cut ends the stream after so long (keepalive).
  Time keepalive = std::chrono::seconds(15);
  Time redial = std::chrono::milliseconds(100);
  // Chances per frame; streams do none of it, so these are worse than the real network.
  double lose = 0, repeat = 0, reorder = 0, damage = 0, replay = 0;
  double strange = 0;  // a frame of a kind that no release has yet comes along, also when the chaos is over
};

class SimNetwork {
 public:
  SimNetwork(SimWorld& world, std::size_t nodes, const SimNetworkOptions& options, std::uint64_t seed);
  ~SimNetwork();

  // Index of `other` in the peer list of `node`: all nodes in order, itself left out.
  static PeerIndex PeerOf(std::size_t node, std::size_t other) {
    return PeerIndex{static_cast<std::uint16_t>(other < node ? other : other - 1)};
  }
  static std::size_t NodeOf(std::size_t node, PeerIndex peer) {
    return peer.value < node ? peer.value : peer.value + 1u;
  }

  // A node comes up; streams to it form. The transport is good until Detach.
  SyncTransport& Attach(std::size_t node, SyncTransportObserver& observer);
  // It is gone at once: its streams break.
  void Detach(std::size_t node);
  // Frames from a to b wait, without a sign. Past the keepalive the stream ends at both.
  void Cut(std::size_t a, std::size_t b);
  void Heal(std::size_t a, std::size_t b);
  // The stream between the two breaks now.
  void Break(std::size_t a, std::size_t b);
  // Each frame to this node takes so much longer to be read.
  void SlowReader(std::size_t node, Time per_frame);
  // From now on the network only delays.
  void StopChaos();
  // Bounds of queues and frames from now on, instead of those of the options.
  void SetLimits(std::size_t queue_frames, std::size_t queue_bytes, std::size_t frame_bytes);

  // A fold over every frame handed over, with its time: two runs are the same iff it is.
  std::uint64_t trace_hash() const { return trace_hash_; }
  std::uint64_t frames() const { return frames_; }
  std::uint64_t damaged() const { return damaged_; }
  // The most any queue held.
  std::size_t queue_peak_bytes() const { return queue_peak_bytes_; }

 private:
  class Transport;
  struct Direction {
    std::deque<std::pair<Time, std::string>> queue;  // due at, frame
    std::size_t bytes = 0;
    Time last_due{0};
    bool cut = false;
    Time cut_at{0};
    bool reading = false;   // the receiver has a frame and has not asked for the next
    bool pumping = false;   // a delivery is scheduled
    bool draining = false;  // the sender closed: what is queued goes out, then the stream ends
  };
  struct Pair {
    bool up = false;
    std::uint64_t life = 0;
    bool dialing = false;
    Time backoff{0};
    Direction to[2];  // [0]: from the lower node to the higher
  };

  Pair& PairOf(std::size_t a, std::size_t b) { return pairs_[std::min(a, b) * nodes_ + std::max(a, b)]; }
  Direction& DirectionOf(std::size_t from, std::size_t to) { return PairOf(from, to).to[from < to ? 0 : 1]; }
  void Dial(std::size_t a, std::size_t b);
  void Down(std::size_t a, std::size_t b);
  SendOutcome Send(std::size_t from, std::size_t to, std::string frame);
  void Pump(std::size_t from, std::size_t to);
  void Deliver(std::size_t from, std::size_t to);
  void Hand(std::size_t from, std::size_t to, std::string frame);
  std::uint64_t Digest(std::string_view frame) const;

  SimWorld& world_;
  const std::size_t nodes_;
  SimNetworkOptions options_;
  Prng prng_;
  std::vector<Pair> pairs_;
  std::vector<SyncTransportObserver*> observers_;
  std::vector<std::unique_ptr<Transport>> transports_;
  std::vector<Time> read_delay_;
  std::deque<std::pair<std::size_t, std::string>> history_;  // frames to replay: from, bytes
  std::uint64_t trace_hash_ = 0;
  std::uint64_t frames_ = 0;
  std::uint64_t damaged_ = 0;
  std::size_t queue_peak_bytes_ = 0;
};

}  // namespace prefixmesh
