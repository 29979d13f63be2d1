#include "bench/nightly/counters.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "bench/result/json_at.h"
#include "bench/result/read_json.h"
#include "bench/sim/generation_sim.h"
#include "bench/sim/scale.h"
#include "bench/sim/simulation.h"
#include "impl/base/whole_file.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kSeed = 1;
constexpr Time kRulesTime = std::chrono::seconds(120);

// With other options or another length the figures are others, and no change of these.
std::string NameOf(const CounterCell& cell) {
  if (cell.strategy == "two-layer") return "two-layer/" + std::to_string(cell.routers) + " ";
  return cell.strategy + "," + std::to_string(cell.seconds) + "s" + (cell.options.empty() ? "" : ",") + cell.options +
         " ";
}

void CountTwoLayer(const CounterCell& cell, Counters& counters) {
  // 200 placements a second in all, whatever the number of routers.
  const sim::ScaleRow row = sim::MeasureScale(cell.routers, 200.0 / static_cast<double>(cell.routers), 50);
  const std::string name = NameOf(cell);
  counters[name + "placements"] = row.placements;
  counters[name + "applied"] = row.deliveries;
  counters[name + "built_bytes"] = row.built_bytes;
  counters[name + "frames"] = row.frames;
  counters[name + "oversize"] = row.oversize;
}

void CountGeneration(const CounterCell& cell, Counters& counters) {
  sim::GenerationOptions options = sim::GenerationOptions::Calm();
  (void)options.SetAll(cell.options);  // the suite has checked them
  sim::GenerationSim simulation(cell.strategy, options, kSeed);
  const Time all = std::chrono::seconds(cell.seconds);
  simulation.Load(all * 3 / 4);
  simulation.Idle(all / 4);
  const sim::GenerationFigures figures = simulation.Figures();
  for (const auto& [name, value] :
       {std::pair{"placements", figures.placements}, std::pair{"rounds", figures.rounds},
        std::pair{"messages", figures.messages}, std::pair{"frames", figures.frames},
        std::pair{"built_bytes", figures.built_bytes}, std::pair{"refused_bytes", figures.refused_bytes},
        std::pair{"delivered_bytes", figures.delivered_bytes}, std::pair{"oversize", figures.oversize},
        std::pair{"applied", figures.records.applied}, std::pair{"unresolved", figures.records.unresolved},
        std::pair{"buffers_peak_bytes", figures.buffers_peak_bytes}})
    counters[NameOf(cell) + name] = value;
}

// "raw-ops,40s" of "raw-ops,40s built_bytes".
std::string WhatOf(const std::string& counter) { return counter.substr(0, counter.rfind(' ')); }

Json JsonOf(const std::optional<std::uint64_t>& value) { return value ? Json(*value) : Json(nullptr); }

}  // namespace

Counters CountOnVirtualTime(const std::vector<CounterCell>& cells, const Progress& progress, const Stop& stop) {
  Counters counters;
  for (const CounterCell& cell : cells) {
    if (stop && stop()) break;
    progress("counters of " + cell.strategy +
             (cell.strategy == "two-layer" ? " on " + std::to_string(cell.routers) + " routers" : ""));
    cell.strategy == "two-layer" ? CountTwoLayer(cell, counters) : CountGeneration(cell, counters);
  }
  return counters;
}

SeedsOutcome HoldRules(std::uint64_t seeds, const Progress& progress, const Stop& stop) {
  SeedsOutcome outcome;
  for (std::uint64_t seed = 1; seed <= seeds && !(stop && stop()); ++seed) {
    if (seed % 100 == 1) progress("simulator: seed " + std::to_string(seed) + " of " + std::to_string(seeds));
    const sim::Outcome one = sim::Simulate(sim::Swarm::Draw(seed), *FindStrategy("two-layer"), seed, kRulesTime);
    ++outcome.seeds;
    if (!one.broken.empty() && outcome.broken.size() < kBrokenMax)
      outcome.broken.push_back("seed " + std::to_string(seed) + ": " + one.broken);
  }
  return outcome;
}

std::vector<CounterChange> ChangesOf(const Counters& golden, const Counters& now) {
  std::vector<CounterChange> changes;
  std::set<std::string> counted;
  for (const auto& [name, value] : now) counted.insert(WhatOf(name));
  for (const auto& [name, value] : golden) {
    if (counted.count(WhatOf(name)) == 0) continue;
    const auto found = now.find(name);
    if (found == now.end())
      changes.push_back({name, value, std::nullopt});
    else if (found->second != value)
      changes.push_back({name, value, found->second});
  }
  for (const auto& [name, value] : now)
    if (golden.count(name) == 0) changes.push_back({name, std::nullopt, value});
  std::sort(changes.begin(), changes.end(),
            [](const CounterChange& a, const CounterChange& b) { return a.name < b.name; });
  return changes;
}

std::string GoldenPath(const std::string& results) { return results + "/golden/counters.json"; }

Result<Counters> ReadGolden(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return Error{ErrorCode::kNotFound, path + ": is not there"};
  const Result<Json> json = ReadJson(path);
  if (!json.ok()) return json.error();
  const Json& listed = NodeAt(*json, "counters");
  if (!listed.is_object()) return Invalid(path + ": has no counters");
  Counters counters;
  for (const auto& [name, value] : listed.items()) {
    if (!value.is_number_unsigned()) return Invalid(path + ": " + name + " is no count");
    counters[name] = value.get<std::uint64_t>();
  }
  return counters;
}

Status AcceptGolden(const std::string& path, const Counters& now, const std::string& at, const std::string& commit,
                    const std::string& why) {
  Json json = Json::object();
  Json accepted = Json::array();
  const Result<Counters> golden = ReadGolden(path);
  if (golden.ok()) {
    const Result<Json> before = ReadJson(path);
    if (before.ok()) accepted = ArrayAt(*before, "accepted");
  } else if (golden.error().code != ErrorCode::kNotFound) {
    return golden.error();
  }
  Json changes = Json::array();
  for (const CounterChange& each : ChangesOf(golden.ok() ? *golden : Counters{}, now))
    changes.push_back({{"name", each.name}, {"was", JsonOf(each.was)}, {"is", JsonOf(each.is)}});
  accepted.push_back({{"at", at}, {"commit", commit}, {"why", why}, {"changes", changes}});
  while (accepted.size() > kAcceptedMax) accepted.erase(accepted.begin());
  Counters kept = golden.ok() ? *golden : Counters{};
  for (const CounterChange& each : ChangesOf(kept, now))
    each.is ? void(kept[each.name] = *each.is) : void(kept.erase(each.name));
  json["counters"] = kept;
  json["accepted"] = accepted;
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error) return Error{ErrorCode::kUnavailable, path + ": " + error.message()};
  return WriteWholeFile(path, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace prefixmesh::bench
