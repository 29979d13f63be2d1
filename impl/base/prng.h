// prng.h — a small seeded generator: xoshiro256** seeded by splitmix64.
// Source: David Blackman and Sebastiano Vigna, https://prng.di.unimi.it (public domain algorithms).
//
// One instance per purpose (arrivals, prompts, routing ties, faults), each forked from one seed by name, so that a draw
// added in one place does not shift the others. Threads: one. Same seed, same numbers, on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace prefixmesh {

class Prng {
 public:
  explicit Prng(std::uint64_t seed);
  // The generator for `purpose` under `seed`.
  static Prng ForPurpose(std::uint64_t seed, std::string_view purpose);

  std::uint64_t Next();
  // Uniform in [0, bound); bound > 0. Unbiased (Lemire's method).
  std::uint64_t Below(std::uint64_t bound);
  // Uniform in [0, 1), 53 bits.
  double Unit();
  // Exponential with mean 1.
  double Exponential();
  double Normal();
  // Gamma with the given shape > 0 and scale 1 (Marsaglia and Tsang, ACM TOMS 26(3), 2000).
  double Gamma(double shape);

 private:
  std::uint64_t state_[4];
};

// What is wrong with this text as a seed, which is a whole number of 64 bits; empty: nothing.
std::string SeedProblem(const std::string& text);

// One step of splitmix64's output function: a fixed, good mixing of 64 bits.
std::uint64_t Mix64(std::uint64_t value);

}  // namespace prefixmesh
