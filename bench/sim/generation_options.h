// generation_options.h — what one simulated run of a generation is made of: drawn per seed, printed, settable by name.
//
// Rates are per second of virtual time. Threads: any; values. Errors: Set gives a line that names what is allowed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "impl/base/result.h"

namespace prefixmesh::sim {

struct GenerationOptions {
  double routers = 2;
  double writers = 1;  // so many of them, the first by name, place
  double workers = 4;
  double models = 1;
  double rate = 20;           // placements of the first writer; evenly spaced, but for a jitter of half a distance
  double skew = 1;            // each further writer's rate, times that of the one before; 0.01 to 10,000 comes out
  double prompt_chars = 400;  // of which the first shared_chars are the same in all prompts
  double shared_chars = 40;
  double duplicates = 0.2;  // share of prompts that are of a pool which all routers have in common
  double pool = 50;
  double rebuild_ms = 50;  // placements go on for so long while a checkpoint rebuilds a tree (snapshot-ops, capped-ops)
  double delay_ms = 0.3;   // mean, above a tenth of it
  double break_rate = 0;   // streams of a pair break
  double join_s = 0;       // the last router starts so late
  double removal_rate = 0;    // while there is load, a worker drops a prefix of a prompt that was placed there …
  double clear_rate = 0;      // … or everything, and says so to the router that placed it
  double fixes_removals = 0;  // 1: peers apply removals, where that can be fixed (H13)

  // Small enough that even a log of all lists ever written fits into a machine for two minutes.
  static GenerationOptions Draw(std::uint64_t seed);
  // The defaults above.
  static GenerationOptions Calm() { return {}; }
  // "name=value"; an error names the known names.
  Status Set(std::string_view assignment);
  // "name=value,…"; up to the first that is wrong.
  Status SetAll(std::string_view assignments);
  // "name=value,…": all that is not at its default.
  std::string Print() const;
};

}  // namespace prefixmesh::sim
