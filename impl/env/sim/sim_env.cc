#include "impl/env/sim/sim_env.h"

#include <algorithm>

#include "impl/base/check.h"

namespace prefixmesh {

// ---- time -----------------------------------------------------------------------------------------------------------

void SimWorld::At(Time when, std::function<void()> task) {
  events_.push({std::max(when, now_), posted_++, std::move(task)});
}

void SimWorld::RunUntil(Time until) {
  while (!events_.empty() && events_.top().when <= until) {
    Event event = std::move(const_cast<Event&>(events_.top()));  // top() is const only to protect the order
    events_.pop();
    now_ = event.when;
    event.task();
  }
  now_ = std::max(now_, until);
}

void SimExecutor::At(Time when, std::function<void()> task) {
  world_.At(when,
            [&world = world_, life = life_, task = std::move(task)]() mutable { Run(world, life, std::move(task)); });
}

void SimExecutor::Run(SimWorld& world, const std::shared_ptr<Life>& life, std::function<void()> task) {
  if (life->over) return;
  if (world.now() >= life->paused_until && life->waiting.empty()) return task();
  life->waiting.push_back(std::move(task));
}

void SimExecutor::PauseUntil(Time until) {
  life_->paused_until = until;
  world_.At(until, [&world = world_, life = life_] { Resume(world, life); });
}

void SimExecutor::Resume(const SimWorld& world, const std::shared_ptr<Life>& life) {
  while (!life->over && world.now() >= life->paused_until && !life->waiting.empty()) {
    const std::function<void()> task = std::move(life->waiting.front());
    life->waiting.pop_front();
    task();
  }
}

// ---- network --------------------------------------------------------------------------------------------------------

class SimNetwork::Transport final : public SyncTransport {
 public:
  Transport(SimNetwork& network, std::size_t node) : network_(network), node_(node) {}
  SendOutcome Send(PeerIndex peer, std::string frame) override {
    return network_.Send(node_, NodeOf(node_, peer), std::move(frame));
  }
  void FrameHandled(PeerIndex peer) override {
    const std::size_t from = NodeOf(node_, peer);
    Direction& direction = network_.DirectionOf(from, node_);
    if (!direction.reading) return;
    direction.reading = false;
    network_.Pump(from, node_);
  }
  void Close(PeerIndex peer) override {
    const std::size_t other = NodeOf(node_, peer);
    Pair& pair = network_.PairOf(node_, other);
    Direction& direction = network_.DirectionOf(node_, other);
    if (!pair.up || direction.draining) return;
    direction.draining = true;
    pair.backoff = std::clamp<Time>(pair.backoff * 2, network_.options_.redial, std::chrono::seconds(5));
    const std::uint64_t life = pair.life;
    network_.world_.At(network_.world_.now() + std::chrono::seconds(1), [this, other, life, &pair] {
      if (pair.up && pair.life == life) network_.Down(node_, other);
    });
    network_.Pump(node_, other);
  }
  std::size_t QueuedBytes(PeerIndex peer) const override {
    return network_.DirectionOf(node_, NodeOf(node_, peer)).bytes;
  }

 private:
  SimNetwork& network_;
  const std::size_t node_;
};

SimNetwork::SimNetwork(SimWorld& world, std::size_t nodes, const SimNetworkOptions& options, std::uint64_t seed)
    : world_(world),
      nodes_(nodes),
      options_(options),
      prng_(Prng::ForPurpose(seed, "network")),
      pairs_(nodes * nodes),
      observers_(nodes, nullptr),
      read_delay_(nodes, Time{0}) {
  for (std::size_t i = 0; i < nodes; ++i) transports_.push_back(std::make_unique<Transport>(*this, i));
}

SimNetwork::~SimNetwork() = default;

SyncTransport& SimNetwork::Attach(std::size_t node, SyncTransportObserver& observer) {
  PREFIXMESH_CHECK(observers_[node] == nullptr);
  observers_[node] = &observer;
  for (std::size_t other = 0; other < nodes_; ++other)
    if (other != node) Dial(node, other);
  return *transports_[node];
}

void SimNetwork::Detach(std::size_t node) {
  observers_[node] = nullptr;
  for (std::size_t other = 0; other < nodes_; ++other)
    if (other != node && PairOf(node, other).up) Down(node, other);
}

void SimNetwork::Cut(std::size_t a, std::size_t b) {
  Direction& direction = DirectionOf(a, b);
  if (direction.cut) return;
  direction.cut = true;
  direction.cut_at = world_.now();
  Pair& pair = PairOf(a, b);
  world_.At(world_.now() + options_.keepalive, [this, a, b, life = pair.life, at = world_.now()] {
    const Direction& still = DirectionOf(a, b);
    const Pair& now = PairOf(a, b);
    if (still.cut && still.cut_at == at && now.up && now.life == life) Down(a, b);
  });
}

void SimNetwork::Heal(std::size_t a, std::size_t b) {
  DirectionOf(a, b).cut = false;
  Pump(a, b);
  Dial(a, b);
}

void SimNetwork::Break(std::size_t a, std::size_t b) {
  if (PairOf(a, b).up) Down(a, b);
}

void SimNetwork::SlowReader(std::size_t node, Time per_frame) { read_delay_[node] = per_frame; }

void SimNetwork::StopChaos() {
  options_.lose = options_.repeat = options_.reorder = options_.damage = options_.replay = 0;
  std::fill(read_delay_.begin(), read_delay_.end(), Time{0});
}

void SimNetwork::SetLimits(std::size_t queue_frames, std::size_t queue_bytes, std::size_t frame_bytes) {
  options_.queue_frames = queue_frames;
  options_.queue_bytes = queue_bytes;
  options_.frame_bytes = frame_bytes;
}

// Tries after the pair's backoff, again and again while both are there and no way is cut.
void SimNetwork::Dial(std::size_t a, std::size_t b) {
  Pair& pair = PairOf(a, b);
  if (pair.up || pair.dialing) return;
  pair.dialing = true;
  const Time wait = std::max(options_.redial, pair.backoff) / 2 +
                    Time(static_cast<Time::rep>(prng_.Below(static_cast<std::uint64_t>(options_.redial.count()))));
  world_.At(world_.now() + wait, [this, a, b, &pair] {
    pair.dialing = false;
    if (pair.up || observers_[a] == nullptr || observers_[b] == nullptr) return;
    if (pair.to[0].cut || pair.to[1].cut) return Dial(a, b);
    pair.up = true;
    ++pair.life;
    for (Direction& direction : pair.to) {
      direction.queue.clear();
      direction.bytes = 0;
      direction.reading = direction.draining = false;
    }
    observers_[a]->OnStreamUp(PeerOf(a, b), a < b ? StreamRole::kDialer : StreamRole::kServer);
    observers_[b]->OnStreamUp(PeerOf(b, a), b < a ? StreamRole::kDialer : StreamRole::kServer);
    // A stream that lives is no reason to wait the next time.
    world_.At(world_.now() + std::chrono::seconds(5), [&pair, life = pair.life] {
      if (pair.life == life && pair.up) pair.backoff = Time{0};
    });
  });
}

void SimNetwork::Down(std::size_t a, std::size_t b) {
  Pair& pair = PairOf(a, b);
  pair.up = false;
  for (Direction& direction : pair.to) {
    direction.queue.clear();
    direction.bytes = 0;
  }
  if (observers_[a] != nullptr) observers_[a]->OnStreamDown(PeerOf(a, b));
  if (observers_[b] != nullptr) observers_[b]->OnStreamDown(PeerOf(b, a));
  Dial(a, b);
}

SendOutcome SimNetwork::Send(std::size_t from, std::size_t to, std::string frame) {
  Direction& direction = DirectionOf(from, to);
  if (!PairOf(from, to).up || direction.draining) return SendOutcome::kClosed;
  if (frame.size() > options_.frame_bytes) return SendOutcome::kTooBig;
  if (direction.queue.size() >= options_.queue_frames || direction.bytes + frame.size() > options_.queue_bytes)
    return SendOutcome::kFull;
  direction.bytes += frame.size();
  queue_peak_bytes_ = std::max(queue_peak_bytes_, direction.bytes);
  const Time delay =
      options_.delay_min +
      Time(static_cast<Time::rep>(static_cast<double>(options_.delay_mean.count()) * prng_.Exponential()));
  direction.last_due = std::max(direction.last_due, world_.now() + delay);
  direction.queue.emplace_back(direction.last_due, std::move(frame));
  Pump(from, to);
  return SendOutcome::kQueued;
}

void SimNetwork::Pump(std::size_t from, std::size_t to) {
  Pair& pair = PairOf(from, to);
  Direction& direction = DirectionOf(from, to);
  if (!pair.up || direction.pumping || direction.reading || direction.cut) return;
  if (direction.queue.empty()) {
    if (direction.draining) Down(from, to);
    return;
  }
  direction.pumping = true;
  const Time due = std::max(direction.queue.front().first, world_.now()) + read_delay_[to];
  world_.At(due, [this, from, to, &pair, &direction, life = pair.life] {
    direction.pumping = false;
    if (!pair.up || direction.cut) return;
    if (pair.life != life) return Pump(from, to);
    Deliver(from, to);
  });
}

void SimNetwork::Deliver(std::size_t from, std::size_t to) {
  Direction& direction = DirectionOf(from, to);
  if (direction.queue.size() > 1 && options_.reorder > 0 && prng_.Unit() < options_.reorder)
    std::swap(direction.queue[0].second, direction.queue[1].second);
  std::string frame = std::move(direction.queue.front().second);
  direction.queue.pop_front();
  direction.bytes -= std::min(direction.bytes, frame.size());
  if (frame.size() > options_.frame_bytes) return Down(from, to);
  const std::uint64_t life = PairOf(from, to).life;
  if (options_.lose > 0 && prng_.Unit() < options_.lose) return Pump(from, to);
  if (options_.replay > 0) {
    history_.emplace_back(from, frame);
    if (history_.size() > 64) history_.pop_front();
    if (prng_.Unit() < options_.replay) {
      const auto& [whose, old] = history_[prng_.Below(history_.size())];
      if (whose == from) Hand(from, to, std::string(old));
    }
  }
  if (options_.strange > 0 && prng_.Unit() < options_.strange) Hand(from, to, "\xc8 of a later release");
  if (options_.repeat > 0 && prng_.Unit() < options_.repeat) Hand(from, to, std::string(frame));
  if (options_.damage > 0 && prng_.Unit() < options_.damage && !frame.empty()) {
    ++damaged_;
    frame[prng_.Below(frame.size())] ^= static_cast<char>(1u << prng_.Below(8));
  }
  if (PairOf(from, to).up && PairOf(from, to).life == life) Hand(from, to, std::move(frame));
}

std::uint64_t SimNetwork::Digest(std::string_view frame) const {
  const auto last_eight = [](std::string_view bytes) {
    std::uint64_t value = bytes.size();
    for (const char byte : bytes.substr(bytes.size() - std::min<std::size_t>(bytes.size(), 8)))
      value = value << 8 ^ static_cast<std::uint8_t>(byte);
    return value;
  };
  if (options_.checksummed) return last_eight(frame);
  std::uint64_t digest = frame.size();
  for (; !frame.empty(); frame.remove_prefix(std::min<std::size_t>(frame.size(), 8)))
    digest = Mix64(digest ^ last_eight(frame.substr(0, 8)));
  return digest;
}

void SimNetwork::Hand(std::size_t from, std::size_t to, std::string frame) {
  if (observers_[to] == nullptr) return;
  ++frames_;
  trace_hash_ =
      Mix64(trace_hash_ ^ Mix64(Digest(frame) + (from << 8 | to)) ^ static_cast<std::uint64_t>(world_.now().count()));
  DirectionOf(from, to).reading = true;
  observers_[to]->OnFrame(PeerOf(to, from), std::move(frame));
}

}  // namespace prefixmesh
