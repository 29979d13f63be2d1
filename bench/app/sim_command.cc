#include "bench/app/sim_command.h"

#include <spdlog/spdlog.h>

#include <cinttypes>
#include <cstdarg>
#include <cstdio>

#include "bench/app/output.h"
#include "bench/sim/generation_sim.h"
#include "bench/sim/scale.h"
#include "bench/sim/simulation.h"
#include "impl/app/narrow_help.h"
#include "impl/app/number_from.h"
#include "impl/base/prng.h"
#include "impl/router/strategies.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {
namespace {

// A line of figures or words, in 80 columns; what does not fit on it follows, indented.
[[gnu::format(printf, 1, 2)]] void Print(const char* format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  std::printf("%s\n", FitColumns(line, 2).c_str());
}

// "a=1,b=2" as --faults takes them, broken behind commas.
void PrintOptions(std::string options) {
  for (std::size_t at = 0; (at = options.find(',', at)) != options.npos; at += 2) options.replace(at, 1, ", ");
  std::printf("%s\n", FitColumns("  " + (options.empty() ? "without faults" : options), 2).c_str());
}

// What is drawn for this seed, or given.
template <typename Options>
Result<Options> OptionsOf(const SimArguments& arguments, std::uint64_t seed) {
  const bool drawn = arguments.faults == "swarm";
  Options options = drawn ? Options::Draw(seed) : Options::Calm();
  std::string_view rest = drawn || arguments.faults == "none" ? "" : std::string_view(arguments.faults);
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    if (Status set = options.Set(rest.substr(0, comma)); !set.ok()) return set.error();
    rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
  }
  if (arguments.routers)
    if (Status set = options.Set("routers=" + std::to_string(*arguments.routers)); !set.ok()) return set.error();
  return options;
}

// Seeds of a strategy on the block index: the rules that must hold.
int RunRules(const SimArguments& arguments, const StrategyDescription& strategy, Time duration) {
  std::uint64_t broken = 0, placements = 0, applied = 0;
  for (std::uint64_t i = 0; i < arguments.seeds; ++i) {
    const std::uint64_t seed = arguments.seed + i;
    const Result<sim::Swarm> swarm = OptionsOf<sim::Swarm>(arguments, seed);
    if (!swarm.ok()) return Fail("--faults " + swarm.error().message);
    const sim::Outcome outcome = sim::Simulate(*swarm, strategy, seed, duration);
    const std::string options = swarm->Print();
    Print("seed %" PRIu64 " %s hash %016" PRIx64 " routers %.0f lives %" PRIu64 " placements %" PRIu64
          " applied %" PRIu64 " converged %.1f s",
          seed, outcome.broken.empty() ? "ok" : "BROKEN", outcome.hash, swarm->routers, outcome.lives,
          outcome.placements, outcome.applied, outcome.converged_after_s);
    if (arguments.seeds == 1) PrintOptions(options);
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
  Print(
      "ok: no rule broke under the faults, and after them all living routers came to hold the same (\"converged\", in "
      "seconds). hash: of all that happened; the same seed gives the same.");
  return broken == 0 ? 0 : 1;
}

// Seeds of a strategy on text trees: three quarters of the time load, then silence; figures, and rules of removals
// only.
int RunFigures(const SimArguments& arguments, Time duration) {
  std::uint64_t broken = 0;
  for (std::uint64_t i = 0; i < arguments.seeds; ++i) {
    const std::uint64_t seed = arguments.seed + i;
    const Result<sim::GenerationOptions> options = OptionsOf<sim::GenerationOptions>(arguments, seed);
    if (!options.ok()) return Fail("--faults " + options.error().message);
    sim::GenerationSim simulation(arguments.strategy, *options, seed);
    simulation.Load(duration * 3 / 4);
    simulation.Idle(duration / 4);
    const sim::GenerationFigures figures = simulation.Figures();
    const RecordCounts& records = figures.records;
    const std::string rule = simulation.Broken();
    Print("seed %" PRIu64 " %s hash %016" PRIx64 "%s%s", seed, rule.empty() ? "ok" : "BROKEN", simulation.hash(),
          rule.empty() ? "" : " ", rule.c_str());
    PrintOptions(options->Print());
    Print("  placements %" PRIu64 " built %" PRIu64 " B refused %" PRIu64 " B queued %" PRIu64 " B delivered %" PRIu64
          " B frames %" PRIu64 " held by others %.1f %% buffers peak %" PRIu64 " B streams %" PRIu64,
          figures.placements, figures.built_bytes, figures.refused_bytes, figures.queued_bytes, figures.delivered_bytes,
          figures.frames, 100 * figures.held_share, figures.buffers_peak_bytes, figures.streams_opened);
    Print("  records local %" PRIu64 " sent %" PRIu64 " received %" PRIu64 " applied %" PRIu64 " stale %" PRIu64
          " unresolved %" PRIu64 " decode errors %" PRIu64,
          records.local, records.sent, records.received, records.applied, records.stale, records.unresolved,
          figures.decode_errors);
    broken += rule.empty() ? 0 : 1;
  }
  Print(
      "ok: no rule of removals broke; all else are figures, because these strategies fail by design. hash: of all that "
      "happened; the same seed gives the same.");
  return broken == 0 ? 0 : 1;
}

}  // namespace

CLI::App* SimArguments::AddTo(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "sim", "simulates routers on virtual time: with faults and rules that hold, or (text trees) for figures");
  command
      ->add_option("--strategy", strategy,
                   "any; those on text trees fail by design, so few rules are held against them")
      ->capture_default_str();
  command->add_option("--routers", routers, "how many; as drawn by default")->check(WholeFrom(2, 128));
  command->add_option("--seed", seed, "the first seed")->capture_default_str()->check(SeedProblem);
  command->add_option("--seeds", seeds, "how many seeds")->capture_default_str()->check(WholeFrom(1, 1e9));
  command->add_option("--faults", faults, "swarm (drawn per seed), none, or NAME=VALUE,…")->capture_default_str();
  command->add_option("--duration", duration, "virtual time, such as 120s")->capture_default_str();
  command->add_flag("--scale", scale, "print what a calm mesh of 2, 8, 32 and 128 routers costs, and nothing else");
  return command;
}

int RunSim(const SimArguments& arguments) {
  const Result<StrategyDescription> strategy = FindStrategy(arguments.strategy);
  if (!strategy.ok()) return Fail(strategy.error().message);
  const Result<double> seconds = load::ParseSeconds(arguments.duration);
  if (!seconds.ok()) return Fail(seconds.error().message);
  if (*seconds < 10 || *seconds > 86400) return Fail("--duration '" + arguments.duration + "': must be 10s to 24h");
  // `off` runs on both and is simulated beside the generations, whose baseline it is.
  const bool has_rules = strategy->runs_on_block && !strategy->runs_on_text;
  spdlog::set_level(spdlog::level::off);  // routers that part and meet again are what this is about
  if (arguments.scale) {
    if (arguments.strategy != "two-layer") return Fail("--scale measures two-layer");
    std::printf("%s", sim::ScaleTable().c_str());
    return 0;
  }
  const auto duration = std::chrono::duration_cast<Time>(std::chrono::duration<double>(*seconds));
  return has_rules ? RunRules(arguments, *strategy, duration) : RunFigures(arguments, duration);
}

}  // namespace prefixmesh::bench
