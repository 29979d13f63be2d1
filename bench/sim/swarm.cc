#include "bench/sim/swarm.h"

#include <algorithm>
#include <cmath>

#include "bench/sim/fields.h"
#include "impl/base/prng.h"

namespace prefixmesh::sim {
namespace {

constexpr Field<Swarm> kSwarmFields[] = {
    {"routers", &Swarm::routers, 2, 128},
    {"round_ms", &Swarm::round_ms, 1, 10000},
    {"workers", &Swarm::workers, 1, 64},
    {"rate", &Swarm::rate, 0, 10000},
    {"templates", &Swarm::templates, 1, 1e6},
    {"blocks", &Swarm::blocks, 1, 1000},
    {"repeats", &Swarm::repeats, 0, 1},
    {"id_bits", &Swarm::id_bits, 4, 64},
    {"anchors", &Swarm::anchors, 0, 1024},
    {"window_kib", &Swarm::window_kib, 0.1, 1e6},
    {"index_kib", &Swarm::index_kib, 64, 1e7},
    {"small_router", &Swarm::small_router, 0, 1},
    {"page_bytes", &Swarm::page_bytes, 1, 524288},
    {"unacked_kib", &Swarm::unacked_kib, 0.1, 1e6},
    {"queue_frames", &Swarm::queue_frames, 1, 1e6},
    {"queue_kib", &Swarm::queue_kib, 1, 1e6},
    {"dead_after_s", &Swarm::dead_after_s, 4, 86400},
    {"delay_ms", &Swarm::delay_ms, 0, 10000},
    {"lose", &Swarm::lose, 0, 1},
    {"repeat", &Swarm::repeat, 0, 1},
    {"reorder", &Swarm::reorder, 0, 1},
    {"damage", &Swarm::damage, 0, 1},
    {"replay", &Swarm::replay, 0, 1},
    {"crash_rate", &Swarm::crash_rate, 0, 10},
    {"clone_rate", &Swarm::clone_rate, 0, 10},
    {"pause_rate", &Swarm::pause_rate, 0, 10},
    {"break_rate", &Swarm::break_rate, 0, 10},
    {"cut_rate", &Swarm::cut_rate, 0, 10},
    {"bridge", &Swarm::bridge, 0, 1},
    {"split_s", &Swarm::split_s, 0, 86400},
    {"slow_ms", &Swarm::slow_ms, 0, 10000},
    {"clock_skew", &Swarm::clock_skew, 0, 0.5},
    {"worker_restart_rate", &Swarm::worker_restart_rate, 0, 10},
    {"worker_clock_back", &Swarm::worker_clock_back, 0, 1},
    {"worker_down_rate", &Swarm::worker_down_rate, 0, 10},
    {"health_s", &Swarm::health_s, 0.1, 3600},
    {"removal_rate", &Swarm::removal_rate, 0, 10},
    {"clear_rate", &Swarm::clear_rate, 0, 10},
    {"newer", &Swarm::newer, 0, 1},
    {"stranger", &Swarm::stranger, 0, 1},
    {"foreign", &Swarm::foreign, 0, 1},
    {"liar", &Swarm::liar, 0, 1},
    {"core_only", &Swarm::core_only, 0, 1},
};

}  // namespace

Swarm Swarm::Draw(std::uint64_t seed) {
  Prng prng = Prng::ForPurpose(seed, "swarm");
  const auto chance = [&](double p) { return prng.Unit() < p; };
  const auto uniform = [&](double low, double high) { return low + prng.Unit() * (high - low); };
  const auto spread = [&](double low, double high) { return low * std::pow(high / low, prng.Unit()); };
  const auto whole = [&](double low, double high) { return std::floor(uniform(low, high + 1)); };
  Swarm s;
  s.routers = whole(3, 9);
  s.round_ms = std::floor(spread(50, 1000));
  s.workers = whole(2, 8);
  s.rate = spread(1, 40);
  s.templates = std::floor(spread(1, 64));
  s.blocks = std::floor(spread(2, 40));
  s.repeats = chance(0.3) ? 0 : uniform(0, 0.9);
  s.id_bits = chance(0.2) ? 12 : 64;
  s.anchors = chance(0.2) ? 0 : std::floor(spread(1, 32));
  // Windows smaller than the data in flight are where floors overtake records.
  s.window_kib = chance(0.4) ? spread(0.2, 2) : chance(0.5) ? spread(2, 64) : 16384;
  s.index_kib = chance(0.3) ? spread(64, 1024) : 16384;
  s.small_router = chance(0.3);
  s.page_bytes = std::floor(chance(0.3) ? spread(1, 500) : spread(500, 262144));
  s.unacked_kib = chance(0.3) ? spread(0.2, 4) : 1024;
  s.queue_frames = std::floor(chance(0.3) ? spread(1, 8) : 1024);
  s.queue_kib = std::floor(chance(0.2) ? spread(8, 64) : 8192);
  s.dead_after_s = std::floor(spread(8, 20));
  s.delay_ms = chance(0.5) ? spread(0.1, 5) : spread(5, 600);
  if (chance(0.4)) s.lose = spread(0.001, 0.3);
  if (chance(0.4)) s.repeat = spread(0.001, 0.5);
  if (chance(0.3)) s.reorder = spread(0.001, 0.3);
  if (chance(0.3)) s.damage = spread(0.001, 0.01);
  if (chance(0.3)) s.replay = spread(0.001, 0.5);
  if (chance(0.5)) s.crash_rate = spread(0.002, 0.05);
  if (chance(0.15)) s.clone_rate = spread(0.002, 0.02);
  if (chance(0.4)) s.pause_rate = spread(0.002, 0.05);
  if (chance(0.5)) s.break_rate = spread(0.005, 0.2);
  if (chance(0.5)) s.cut_rate = spread(0.002, 0.1);
  s.bridge = chance(0.15);
  if (chance(0.15)) s.split_s = uniform(5, 60);
  if (chance(0.2)) s.slow_ms = spread(1, 200);
  if (chance(0.5)) s.clock_skew = spread(0.0001, 0.05);
  if (chance(0.5)) s.worker_restart_rate = spread(0.01, 0.3);
  if (chance(0.5)) s.worker_clock_back = uniform(0, 1);
  if (chance(0.2)) s.newer = uniform(0, 1);
  s.stranger = chance(0.05);
  s.core_only = chance(0.1);
  s.liar = chance(0.15);
  // What is heard of a worker that is another's counts by the maximum: a lie, or a life before a clock went back,
  // stays.
  if (chance(0.3) && s.liar == 0 && s.worker_clock_back == 0) s.foreign = uniform(0, 0.6);
  if (chance(0.3)) s.worker_down_rate = spread(0.005, 0.1);
  if (chance(0.5)) s.removal_rate = spread(0.05, 2);
  if (chance(0.3)) s.clear_rate = spread(0.005, 0.1);
  // A round must fit a queue: a page, and all the registers that a liar invents.
  if (s.liar > 0) s.queue_kib = std::max(s.queue_kib, 32.0);
  s.page_bytes = std::min(s.page_bytes, s.queue_kib * 512);
  // More than a peer can be sent, however long one waits, proves nothing: no more than half of what fits.
  const double record_bytes = 12 + 8 * (2 + (s.anchors > 0 ? 5 + s.blocks / s.anchors : 0));
  const double per_trip = std::max(1.0, std::min(s.page_bytes, s.unacked_kib * 1024) / record_bytes);
  // Drawn apart: the other fields of a seed stay as they were.
  Prng health = Prng::ForPurpose(seed, "swarm: health");
  if (health.Unit() < 0.2) s.health_s = 2 + 8 * health.Unit();
  s.rate = std::min(s.rate, 0.5 * per_trip / (std::max(s.round_ms, 2 * s.delay_ms) / 1e3));
  return s;
}

Status Swarm::Set(std::string_view assignment) { return SetField<Swarm>(kSwarmFields, assignment, *this); }

std::string Swarm::Print() const { return PrintFields<Swarm>(kSwarmFields, *this); }

}  // namespace prefixmesh::sim
