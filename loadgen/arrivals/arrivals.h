// arrivals.h — start here for the send times of a plan: one model per file, each a pure function of its inputs.
//
// Every function returns offsets in nanoseconds from the start of its span, ascending, inside [0, span). Poisson and
// gamma are conditioned on the count, so a plan of rps x T has exactly that many requests, whatever the seed; the price
// is that the count itself does not vary between seeds, which a comparison of strategies wants anyway.
//
// Threads: pure functions. Time: only as arguments. Ownership: values. Bounds: the caller bounds the count (settings).
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "impl/base/prng.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::load {

using Offsets = std::vector<std::int64_t>;

// The whole number nearest to rps x seconds.
std::uint64_t CountOf(double rps, std::chrono::nanoseconds span);

// Poisson conditioned on N: the N order statistics of a uniform distribution.
Offsets PoissonArrivals(std::uint64_t count, std::chrono::nanoseconds span, Prng& prng);

// One every span / count, the first at 0.
Offsets ConstantArrivals(std::uint64_t count, std::chrono::nanoseconds span);

// Gaps are gamma with shape = burstiness (as in vLLM's benchmark: 1 is Poisson, below 1 burstier), scaled so that the
// N arrivals and one more gap fill the span.
Offsets GammaArrivals(std::uint64_t count, double burstiness, std::chrono::nanoseconds span, Prng& prng);

// Piecewise Poisson, each stage conditioned on its own count. The last stage holds to the end of the span; stages
// beyond the span are cut, with the count scaled.
Offsets StagedArrivals(std::span<const Stage> stages, std::chrono::nanoseconds span, Prng& prng);

// Timestamps of a trace (ascending, milliseconds) at `speed`, starting at 0. With `spread`, a group of equal timestamps
// is spread evenly over the gap to the next one (the last group over the gap before it); without, they stay a burst.
// Times at or after `span` are cut: the result is a prefix.
Offsets TraceArrivals(std::span<const std::int64_t> timestamps_ms, double speed, bool spread,
                      std::chrono::nanoseconds span);

}  // namespace prefixmesh::load
