// swarm.h — what one simulated run is made of: sizes, budgets and faults, drawn per seed, printed, and settable by
// name.
//
// "Swarm" testing: every seed draws its own mixture, faults that are off included, because a bug that needs one fault
// is often hidden by another (Groce et al., ISSTA 2012; TigerBeetle's VOPR; FoundationDB). Rates are per second of
// virtual time and per router or pair, chances per frame. Threads: any; values. Errors: Set gives a line that names
// what is allowed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "impl/base/result.h"

namespace prefixmesh::sim {

struct Swarm {
  double routers = 3;
  double round_ms = 50;
  double workers = 4;
  double rate = 10;      // placements per second and router
  double templates = 8;  // prompts share one of so many heads
  double blocks = 12;    // of a prompt
  double repeats = 0.3;  // share of prompts that were placed before
  double id_bits = 64;   // of a block's hash: with few, different prefixes collide
  double anchors = 4;
  double window_kib = 64;
  double index_kib = 16384;
  double small_router = 0;  // 1: the first router's index has a sixteenth of the budget
  double page_bytes = 16384;
  double unacked_kib = 256;
  double queue_frames = 1024;
  double queue_kib = 8192;
  double dead_after_s = 12;

  double delay_ms = 0.3;  // mean, above a tenth of it
  double lose = 0, repeat = 0, reorder = 0, damage = 0, replay = 0;
  double crash_rate = 0;  // a router dies and comes back, empty, under a new incarnation
  double clone_rate = 0;  // … under the one it had: two writers of one log
  double pause_rate = 0;  // stops for 1 to 20 s
  double break_rate = 0;  // streams break
  double cut_rate = 0;    // silent cuts of a pair, one way or both, healed after a while
  double bridge = 0;      // 1: the first and the last cannot reach each other until the end
  double split_s = 0;     // a symmetric cut of the mesh in two halves, for so long
  double slow_ms = 0;     // one router reads a frame so slowly
  double clock_skew = 0;  // rates of clocks differ by up to so much
  double worker_restart_rate = 0;
  double worker_clock_back = 0;  // share of restarts under an older incarnation
  double worker_down_rate = 0;   // a worker is down for a while, and comes back under the incarnation it had
  double health_s = 1;           // a quiet worker is checked so often
  double removal_rate = 0;       // a worker drops a prefix that was placed …
  double clear_rate = 0;         // … or everything; told to the routers that it is an own one of, one after the other
  double newer = 0;              // share of routers of a later release
  double stranger = 0;           // 1: the last router hashes otherwise and must be refused
  double foreign = 0;            // share of pairs in which the worker is not the router's own
  double liar = 0;               // 1: the last router but one claims lives of workers that never were, until the end
  double core_only = 0;          // 1: liveness: routers outside a core never come back

  // Everything drawn for this seed.
  static Swarm Draw(std::uint64_t seed);
  // No faults at all, the defaults above.
  static Swarm Calm() { return {}; }
  // "name=value"; an error names the known names.
  Status Set(std::string_view assignment);
  // "name=value,…": all of it, so that it can be pasted after --faults.
  std::string Print() const;
};

}  // namespace prefixmesh::sim
