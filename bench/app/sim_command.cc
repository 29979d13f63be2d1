#include "bench/app/sim_command.h"

#include <spdlog/spdlog.h>

#include <cinttypes>
#include <cstdio>

#include "bench/sim/scale.h"
#include "bench/sim/simulation.h"
#include "impl/base/prng.h"
#include "loadgen/plan/settings.h"

namespace prefixmesh::bench {
namespace {

int Fail(const std::string& message) {
  std::fprintf(stderr, "prefixmesh: %s\n", message.c_str());
  return 2;
}

// What is drawn for this seed, or given.
Result<sim::Swarm> SwarmOf(const SimArguments& arguments, std::uint64_t seed) {
  const bool drawn = arguments.faults == "swarm";
  sim::Swarm swarm = drawn ? sim::Swarm::Draw(seed) : sim::Swarm::Calm();
  std::string_view rest = drawn || arguments.faults == "none" ? "" : std::string_view(arguments.faults);
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    if (Status set = swarm.Set(rest.substr(0, comma)); !set.ok()) return set.error();
    rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
  }
  if (arguments.routers > 0)
    if (Status set = swarm.Set("routers=" + std::to_string(arguments.routers)); !set.ok()) return set.error();
  return swarm;
}

}  // namespace

CLI::App* SimArguments::AddTo(CLI::App& app) {
  CLI::App* command = app.add_subcommand("sim", "simulates routers on virtual time with faults, and checks invariants");
  command->add_option("--strategy", strategy, "two-layer is the one that has invariants")->capture_default_str();
  command->add_option("--routers", routers, "how many; as drawn by default");
  command->add_option("--seed", seed, "the first seed")->capture_default_str()->check(SeedProblem);
  command->add_option("--seeds", seeds, "how many seeds")->capture_default_str()->check(CLI::PositiveNumber);
  command->add_option("--faults", faults, "swarm (drawn per seed), none, or NAME=VALUE,…")->capture_default_str();
  command->add_option("--duration", duration, "virtual time, such as 120s")->capture_default_str();
  command->add_flag("--scale", scale, "print what a calm mesh of 2, 8, 32 and 128 routers costs, and nothing else");
  return command;
}

int RunSim(const SimArguments& arguments) {
  if (arguments.strategy != "two-layer") return Fail("sim --strategy '" + arguments.strategy + "': there is two-layer");
  const Result<double> seconds = load::ParseSeconds(arguments.duration);
  if (!seconds.ok()) return Fail("--duration: " + seconds.error().message);
  if (*seconds < 10 || *seconds > 86400) return Fail("--duration '" + arguments.duration + "': must be 10s to 24h");
  if (arguments.scale) {
    std::printf("%s", sim::ScaleTable().c_str());
    return 0;
  }
  spdlog::set_level(spdlog::level::off);  // routers that part and meet again are what this is about
  const auto duration = std::chrono::duration_cast<Time>(std::chrono::duration<double>(*seconds));
  std::uint64_t broken = 0, placements = 0, applied = 0;
  for (std::uint64_t i = 0; i < arguments.seeds; ++i) {
    const std::uint64_t seed = arguments.seed + i;
    const Result<sim::Swarm> swarm = SwarmOf(arguments, seed);
    if (!swarm.ok()) return Fail("--faults " + swarm.error().message);
    const sim::Outcome outcome = sim::Simulate(*swarm, seed, duration);
    const std::string options = swarm->Print();
    std::printf("seed %" PRIu64 " %s hash %016" PRIx64 " routers %.0f lives %" PRIu64 " placements %" PRIu64
                " applied %" PRIu64 " converged %.1f s %s\n",
                seed, outcome.broken.empty() ? "ok" : "BROKEN", outcome.hash, swarm->routers, outcome.lives,
                outcome.placements, outcome.applied, outcome.converged_after_s, options.c_str());
    placements += outcome.placements;
    applied += outcome.applied;
    if (outcome.broken.empty()) continue;
    ++broken;
    std::printf("  %s\n  prefixmesh sim --seed %" PRIu64 " --duration %s --faults %s\n", outcome.broken.c_str(), seed,
                arguments.duration.c_str(), options.empty() ? "none" : options.c_str());
  }
  if (arguments.seeds > 1)
    std::printf("%" PRIu64 " seeds, %" PRIu64 " broken; %" PRIu64 " placements, %" PRIu64 " applied by others\n",
                arguments.seeds, broken, placements, applied);
  return broken == 0 ? 0 : 1;
}

}  // namespace prefixmesh::bench
