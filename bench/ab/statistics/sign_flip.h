// sign_flip.h — the paired test of an A/B: is the middle of these differences 0, or would chance do the same?
//
// Under "no difference" the two runs of a pair could swap places, so every difference could as well have the other
// sign. p is the share of all 2^n sign patterns whose |sum| reaches the observed one: exact, no distribution is
// assumed, and drift that both runs of a pair see cancels. With n pairs p cannot go below 2/2^n (9 pairs: 0.0039),
// which is why an A/B needs pairs, not certainty. Rejected: Mann-Whitney, which throws the pairing away (spec of this
// project: 24 % power where this has 72 %), and the paired t-test, which assumes a shape.
//
// Source: R. A. Fisher, The Design of Experiments, 1935, §21; M. D. Ernst, Permutation Methods, Statistical Science
// 19(4), 2004. Signed ranks: F. Wilcoxon, Biometrics Bulletin 1(6), 1945, zeros dropped.
// Threads: any, pure. Units: none (log ratios). Time: 2^n for n <= kExactPairsMax (milliseconds), else kFlips draws.
// Errors: none; a NaN is a programmer error (CHECK). Ownership: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace prefixmesh::bench::ab {

inline constexpr std::size_t kExactPairsMax = 20;
inline constexpr std::size_t kFlips = 100000;

// The two-sided p-value of the sum. Finite differences only. 1 without any. `seed` draws the flips above
// kExactPairsMax; there the observed pattern counts as one of them, so p is never 0.
double SignFlipP(std::span<const double> differences, std::uint64_t seed);

// The rank of every |difference| with its sign; equal sizes share their mean rank, 0 has rank 0 and takes none.
// Infinite differences are the largest, and equal to each other. The sign-flip test over them is Wilcoxon's.
std::vector<double> SignedRanks(std::span<const double> differences);

// The matched-pairs rank-biserial correlation (D. S. Kerby, Comprehensive Psychology 3, 2014): of the rank sum, the
// part that speaks for "larger" minus the part for "smaller". 1: every pair went up; -1: down; 0 when no pair differs.
double RankBiserial(std::span<const double> differences);

}  // namespace prefixmesh::bench::ab
