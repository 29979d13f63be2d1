#include "bench/ab/statistics/sign_flip.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "impl/base/check.h"
#include "impl/base/prng.h"

namespace prefixmesh::bench::ab {
namespace {

// The sums of all sign patterns over `differences`.
std::vector<double> AllSums(std::span<const double> differences) {
  std::vector<double> sums = {0};
  for (const double difference : differences) {
    const std::size_t before = sums.size();
    sums.resize(2 * before);
    for (std::size_t i = 0; i < before; ++i) {
      sums[before + i] = sums[i] - difference;
      sums[i] += difference;
    }
  }
  return sums;
}

}  // namespace

double SignFlipP(std::span<const double> differences, std::uint64_t seed) {
  double observed = 0, size = 0;
  for (const double difference : differences) {
    PREFIXMESH_CHECK(std::isfinite(difference));
    observed += difference;
    size += std::fabs(difference);
  }
  // Patterns that are equal on paper may differ in the last bits.
  const double reached = std::fabs(observed) - 1e-12 * size;
  if (differences.size() <= kExactPairsMax) {
    // Two halves, so that no sum is longer than n terms and the table stays small.
    const std::size_t half = differences.size() / 2;
    const std::vector<double> left = AllSums(differences.first(half)), right = AllSums(differences.subspan(half));
    std::size_t extreme = 0;
    for (const double l : left)
      for (const double r : right) extreme += std::fabs(l + r) >= reached ? 1 : 0;
    return static_cast<double>(extreme) / static_cast<double>(left.size() * right.size());
  }
  Prng prng = Prng::ForPurpose(seed, "ab-sign-flip");
  std::size_t extreme = 1;
  for (std::size_t flip = 0; flip < kFlips; ++flip) {
    double sum = 0;
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < differences.size(); ++i) {
      if (i % 64 == 0) bits = prng.Next();
      sum += (bits >> (i % 64) & 1) != 0 ? differences[i] : -differences[i];
    }
    extreme += std::fabs(sum) >= reached ? 1 : 0;
  }
  return static_cast<double>(extreme) / static_cast<double>(kFlips + 1);
}

std::vector<double> SignedRanks(std::span<const double> differences) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < differences.size(); ++i) {
    PREFIXMESH_CHECK(!std::isnan(differences[i]));
    if (differences[i] != 0) order.push_back(i);
  }
  const auto size = [&](std::size_t i) { return std::fabs(differences[order[i]]); };
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return std::fabs(differences[a]) < std::fabs(differences[b]); });
  std::vector<double> ranks(differences.size(), 0);
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && size(end) == size(begin)) ++end;
    const double rank = static_cast<double>(begin + 1 + end) / 2;
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = std::copysign(rank, differences[order[i]]);
  }
  return ranks;
}

double RankBiserial(std::span<const double> differences) {
  double sum = 0, all = 0;
  for (const double rank : SignedRanks(differences)) {
    sum += rank;
    all += std::fabs(rank);
  }
  return all > 0 ? sum / all : 0;
}

}  // namespace prefixmesh::bench::ab
