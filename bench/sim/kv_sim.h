// kv_sim.h — KV events under faults, on virtual time: whatever streams lose, repeat, delay or reorder, and whatever
// workers do to their caches, in the end every router's index is what the workers that it hears hold.
//
//   workers   caches of chains with an event log of a few events: stores, evictions, clears, new lives
//   streams   messages lost, repeated, late, so out of order; streams cut and opened again
//   answers   late, lost, of a moment between question and answer
//   routers   the real KvFeed over the real HeldIndex, with requests that expect and forget; some hear some workers
//   only
//
// After a while of all that comes a calm time: streams are open, nothing is lost, nothing is done. Then the rules:
//   truth       block by block, the index of each router is the caches of those it hears
//   quiet       nothing is asked any more, everything that was brought is taken
//   clean       nothing is expected, and nothing of what was cleared is kept
//   live only   no answer had anything before its last clear
//
// Threads: one. Time: virtual; tens of milliseconds a seed. Ownership: values. Errors: `broken`. Bounds: a few workers.
#pragma once

#include <cstdint>
#include <string>

namespace prefixmesh::sim {

struct KvOutcome {
  std::string broken;  // the first rule that broke, with what; empty: none
  std::uint64_t events = 0, asked = 0, replayed = 0, clears = 0, lives = 0;
};

// What happens is drawn from the seed.
KvOutcome SimulateKvEvents(std::uint64_t seed);

}  // namespace prefixmesh::sim
