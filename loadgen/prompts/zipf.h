// zipf.h — draws one of N unevenly: the n-th has weight n^-exponent; with 0 all are alike.
//
// Threads: one. Ownership: a table of N numbers. Errors, time: none. Bounds: the caller's N. A draw costs log N.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "impl/base/prng.h"

namespace prefixmesh::load {

class Zipf {
 public:
  Zipf(std::size_t count, double exponent) : count_(count) {
    if (exponent == 0) return;
    double sum = 0;
    for (std::size_t i = 1; i <= count; ++i) up_to_.push_back(sum += std::pow(static_cast<double>(i), -exponent));
  }
  // Below N. Without an exponent it takes one draw, as Below does.
  std::uint64_t Draw(Prng& prng) const {
    if (up_to_.empty()) return prng.Below(count_);
    const double drawn = prng.Unit() * up_to_.back();
    const auto at = std::upper_bound(up_to_.begin(), up_to_.end(), drawn);
    return std::min<std::uint64_t>(static_cast<std::uint64_t>(at - up_to_.begin()), count_ - 1);
  }

 private:
  std::size_t count_;
  std::vector<double> up_to_;  // sums of the weights
};

}  // namespace prefixmesh::load
