#include "impl/base/prng.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <numbers>

#include "impl/base/check.h"

namespace prefixmesh {

std::uint64_t Mix64(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

Prng::Prng(std::uint64_t seed) {
  for (auto& word : state_) {
    word = Mix64(seed);
    seed += 0x9e3779b97f4a7c15u;
  }
}

Prng Prng::ForPurpose(std::uint64_t seed, std::string_view purpose) {
  std::uint64_t hash = Mix64(seed);
  for (const char c : purpose) hash = Mix64(hash ^ static_cast<unsigned char>(c));
  return Prng(hash);
}

std::uint64_t Prng::Next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Prng::Below(std::uint64_t bound) {
  PREFIXMESH_CHECK(bound > 0);
  unsigned __int128 product = static_cast<unsigned __int128>(Next()) * bound;
  auto low = static_cast<std::uint64_t>(product);
  if (low < bound) {
    const std::uint64_t threshold = (0 - bound) % bound;
    while (low < threshold) {
      product = static_cast<unsigned __int128>(Next()) * bound;
      low = static_cast<std::uint64_t>(product);
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

double Prng::Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

double Prng::Exponential() { return -std::log1p(-Unit()); }

double Prng::Normal() {
  const double radius = std::sqrt(-2.0 * std::log1p(-Unit()));
  return radius * std::cos(2.0 * std::numbers::pi * Unit());
}

double Prng::Gamma(double shape) {
  PREFIXMESH_CHECK(shape > 0);
  if (shape < 1.0) {
    const double boosted = Gamma(shape + 1.0);
    return boosted * std::pow(1.0 - Unit(), 1.0 / shape);
  }
  const double d = shape - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  while (true) {
    const double x = Normal();
    const double v = 1.0 + c * x;
    if (v <= 0.0) continue;
    const double cubed = v * v * v;
    const double u = 1.0 - Unit();
    if (std::log(u) < 0.5 * x * x + d - d * cubed + d * std::log(cubed)) return d * cubed;
  }
}

std::string SeedProblem(const std::string& text) {
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (error == std::errc() && end == text.data() + text.size()) return "";
  return "'" + text + "' is not a whole number from 0 to 18446744073709551615";
}

}  // namespace prefixmesh
