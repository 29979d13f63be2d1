#include "bench/app/fleet_command.h"

#include <spdlog/spdlog.h>

#include <cstdio>

#include "bench/ab/arms.h"
#include "bench/app/output.h"
#include "bench/fleet/fleet_sim.h"
#include "bench/fleet/fleet_table.h"
#include "bench/text/quantity.h"
#include "impl/app/number_from.h"

namespace prefixmesh::bench {
namespace {

void PrintHead() {
  std::printf("%6s", "seed");
  for (const FleetColumn& column : kFleetColumns) std::printf(" %*s", column.width, column.heading);
  std::printf("\n");
}

void PrintRow(std::uint64_t seed, const FleetFigures& figures) {
  std::printf("%6llu", static_cast<unsigned long long>(seed));
  for (const FleetColumn& column : kFleetColumns) std::printf(" %*s", column.width, column.text(figures).c_str());
  std::printf("\n");
}

void PrintMore(const FleetFigures& figures) {
  std::printf("       %s requests, %s failed, %s workers without any; every repeat cached would be %s\n",
              QuantityText(Quantity::kCount, static_cast<double>(figures.requests)).c_str(),
              QuantityText(Quantity::kCount, static_cast<double>(figures.failed)).c_str(),
              QuantityText(Quantity::kCount, static_cast<double>(figures.idle_workers)).c_str(),
              QuantityText(Quantity::kShare, figures.repeat_share()).c_str());
  std::printf("       decisions:");
  for (std::size_t i = 1; i < figures.decisions.size(); ++i)
    std::printf(" %s %llu", DecisionReasonName(static_cast<DecisionReason>(i)),
                static_cast<unsigned long long>(figures.decisions[i]));
  std::printf("\n       sync %s in %s frames, %s health checks\n",
              QuantityText(Quantity::kBytes, static_cast<double>(figures.sync_bytes)).c_str(),
              QuantityText(Quantity::kCount, static_cast<double>(figures.sync_messages)).c_str(),
              QuantityText(Quantity::kCount, static_cast<double>(figures.health_checks)).c_str());
}

}  // namespace

CLI::App* FleetArguments::AddTo(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("fleet", "a scenario's routers and workers on virtual time: what the user waits for");
  scenario.scenario = "fleet";
  scenario.AddTo(*command);
  command->add_option("--arms", arms, "strategies with settings, as `prefixmesh ab` takes them")->capture_default_str();
  command->add_option("--seeds", seeds, "how many seeds, from --seed on")
      ->capture_default_str()
      ->check(WholeFrom(1, 1000));
  command->add_flag("--one-router", one_router, "one router that sees everything, in place of the scenario's");
  command->add_flag("--table", table, "print the table of docs/routing.md, and nothing else");
  return command;
}

int RunFleetCommand(const FleetArguments& arguments) {
  if (arguments.table) {
    spdlog::set_level(spdlog::level::off);
    std::printf("%s", FleetTable().c_str());
    return 0;
  }
  const Result<load::Settings> settings = arguments.scenario.Resolve();
  if (!settings.ok()) return Fail(settings.error().message);
  ab::ArmsRequest request;
  request.texts = ab::SplitArms(arguments.arms);
  request.settings = *settings;
  request.compared = false;
  const Result<std::vector<ab::Arm>> arms = ab::ResolveArms(request);
  if (!arms.ok()) return Fail("--arms: " + arms.error().message);
  spdlog::set_level(spdlog::level::off);
  std::printf("%s: %llu routers, %llu workers of %llu slots, %g requests a second\n", settings->scenario.c_str(),
              static_cast<unsigned long long>(arguments.one_router ? 1 : settings->routers.count),
              static_cast<unsigned long long>(settings->workers.count),
              static_cast<unsigned long long>(settings->workers.concurrency), settings->load.rps);
  for (const ab::Arm& arm : *arms) {
    std::printf("\n%s\n", arm.text.c_str());
    PrintHead();
    FleetFigures last;
    for (std::uint64_t i = 0; i < arguments.seeds; ++i) {
      const std::uint64_t seed = arguments.scenario.seed + i;
      const Result<load::Plan> plan = load::BuildPlan(arm.settings, seed);
      if (!plan.ok()) return Fail(plan.error().message);
      Result<FleetFigures> figures =
          RunFleet(*plan, arm.settings, *FindStrategy(arm.strategy), {arguments.one_router, seed});
      if (!figures.ok()) return Fail(figures.error().message);
      PrintRow(seed, *figures);
      std::fflush(stdout);
      last = std::move(*figures);
    }
    PrintMore(last);
  }
  return 0;
}

}  // namespace prefixmesh::bench
