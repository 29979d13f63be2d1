#include "bench/process/machine_floor.h"

#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "impl/base/check.h"
#include "impl/base/prng.h"

namespace prefixmesh::bench {
namespace {

constexpr std::size_t kPromptBytes = 80000, kPrompts = 800;

}  // namespace

MachineFloor MeasureMachineFloor() {
  std::vector<std::uint64_t> words(kPromptBytes / sizeof(std::uint64_t) * kPrompts);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = Mix64(i);
  const auto* bytes = reinterpret_cast<const char*>(words.data());
  std::vector<double> samples;
  std::uint64_t all = 0;
  // Steps of 347 prompts: each is visited once, far from the one before, so that neither caches nor prefetching help.
  for (std::size_t i = 0, prompt = 0; i < kPrompts; ++i, prompt = (prompt + 347) % kPrompts) {
    const auto start = std::chrono::steady_clock::now();
    all ^= XXH3_64bits(bytes + prompt * kPromptBytes, kPromptBytes);
    samples.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  PREFIXMESH_CHECK(all != 0);
  std::sort(samples.begin(), samples.end());
  return {samples[samples.size() / 2], samples[samples.size() * 99 / 100]};
}

}  // namespace prefixmesh::bench
