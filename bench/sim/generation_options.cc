#include "bench/sim/generation_options.h"

#include <cmath>

#include "bench/sim/fields.h"
#include "impl/base/prng.h"
#include "impl/router/tree_set.h"

namespace prefixmesh::sim {
namespace {

constexpr Field<GenerationOptions> kGenerationFields[] = {
    {"routers", &GenerationOptions::routers, 2, 128},
    {"writers", &GenerationOptions::writers, 0, 128},
    {"workers", &GenerationOptions::workers, 1, 64},
    {"models", &GenerationOptions::models, 1, kModelsMax},
    {"rate", &GenerationOptions::rate, 0.01, 1e4},
    {"skew", &GenerationOptions::skew, 0.01, 100},
    {"prompt_chars", &GenerationOptions::prompt_chars, 1, 1e6},
    {"shared_chars", &GenerationOptions::shared_chars, 0, 1e6},
    {"duplicates", &GenerationOptions::duplicates, 0, 1},
    {"pool", &GenerationOptions::pool, 1, 1e6},
    {"rebuild_ms", &GenerationOptions::rebuild_ms, 0, 1e4},
    {"delay_ms", &GenerationOptions::delay_ms, 0, 1e4},
    {"break_rate", &GenerationOptions::break_rate, 0, 10},
    {"join_s", &GenerationOptions::join_s, 0, 86400},
    {"removal_rate", &GenerationOptions::removal_rate, 0, 4},
    {"clear_rate", &GenerationOptions::clear_rate, 0, 4},
    {"fixes_removals", &GenerationOptions::fixes_removals, 0, 1},
};

}  // namespace

GenerationOptions GenerationOptions::Draw(std::uint64_t seed) {
  Prng prng = Prng::ForPurpose(seed, "generation");
  const auto chance = [&](double p) { return prng.Unit() < p; };
  const auto whole = [&](double low, double high) { return std::floor(low + prng.Unit() * (high - low + 1)); };
  const auto spread = [&](double low, double high) { return low * std::pow(high / low, prng.Unit()); };
  GenerationOptions options;
  options.routers = whole(2, 5);
  options.writers = whole(1, options.routers);
  options.workers = whole(2, 8);
  options.models = chance(0.5) ? 1 : whole(2, 4);
  options.prompt_chars = std::floor(spread(20, 1000));
  // What a log of all lists keeps is in the order of (rate × seconds)² × prompt / 2.
  options.rate = std::floor(spread(2, 80 / std::sqrt(options.prompt_chars + 50)));
  options.shared_chars = chance(0.5) ? 40 : std::floor(options.prompt_chars * 0.8);
  options.duplicates = chance(0.3) ? 0 : prng.Unit() * 0.9;
  options.rebuild_ms = std::floor(spread(1, 200));
  options.delay_ms = chance(0.5) ? 0.3 : std::floor(spread(1, 300));
  if (chance(0.3)) options.break_rate = spread(0.005, 0.05);
  if (chance(0.3)) options.join_s = whole(5, 60);
  if (chance(0.5)) options.removal_rate = spread(0.1, 4);
  if (chance(0.5)) options.clear_rate = spread(0.02, 0.5);
  options.fixes_removals = chance(0.5);
  return options;
}

Status GenerationOptions::Set(std::string_view assignment) {
  return SetField<GenerationOptions>(kGenerationFields, assignment, *this);
}

Status GenerationOptions::SetAll(std::string_view assignments) {
  while (!assignments.empty()) {
    const std::size_t comma = assignments.find(',');
    if (Status set = Set(assignments.substr(0, comma)); !set.ok()) return set;
    assignments = comma == std::string_view::npos ? "" : assignments.substr(comma + 1);
  }
  return {};
}

std::string GenerationOptions::Print() const { return PrintFields<GenerationOptions>(kGenerationFields, *this); }

}  // namespace prefixmesh::sim
