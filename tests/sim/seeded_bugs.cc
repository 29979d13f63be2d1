// seeded_bugs: puts each bug of impl/base/seeded_bug.h back, one at a time, and runs the simulator until a rule breaks:
// two-layer; for bugs of removals, which it cannot tell, `off` and a list of the generations; for those of KV events
// their own (kv_sim.h). The same seeds run
// clean without a bug (bench/sim's test, and the first thing this program does).
//
//   seeded_bugs [--seeds N] [--clean N] [--only NAME] [--markdown]
//
// Exit 1 when a bug goes unnoticed for N seeds, or a clean seed breaks a rule.
#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "bench/sim/generation_sim.h"
#include "bench/sim/kv_sim.h"
#include "bench/sim/simulation.h"
#include "impl/base/seeded_bug.h"

namespace prefixmesh {
namespace {

struct Entry {
  Bug bug;
  const char* name;
  const char* what;
};

constexpr Entry kBugs[] = {
#define ENTRY(name, what) {Bug::k##name, #name, what},
    PREFIXMESH_SEEDED_BUGS(ENTRY)
#undef ENTRY
};

constexpr Time kDuration = std::chrono::seconds(60);

std::string BrokenByTwoLayer(std::uint64_t seed) {
  return sim::Simulate(sim::Swarm::Draw(seed), *FindStrategy("two-layer"), seed, kDuration).broken;
}

std::string BrokenByRemovals(std::uint64_t seed) {
  const std::string broken = sim::Simulate(sim::Swarm::Draw(seed), *FindStrategy("off"), seed, kDuration).broken;
  if (!broken.empty()) return broken;
  sim::GenerationSim lists("raw-ops", sim::GenerationOptions::Draw(seed), seed);
  lists.Load(kDuration * 3 / 4);
  lists.Idle(kDuration / 4);
  return lists.Broken();
}

std::string BrokenFor(std::string_view bug, std::uint64_t seed) {
  if (bug.starts_with("kv_")) return sim::SimulateKvEvents(seed).broken;
  return bug.starts_with("removal_") ? BrokenByRemovals(seed) : BrokenByTwoLayer(seed);
}

// The rule, without the routers and numbers of the one case.
std::string Rule(const std::string& broken) {
  const auto at = broken.find(" s: ");
  std::string rule = at == std::string::npos ? broken : broken.substr(at + 4);
  const char* const kinds[][2] = {{"requests in flight", "core: in flight"},
                                  {"takes w", "core: health"},
                                  {"which is not healthy", "core: choices"},
                                  {"was refused left", "core: refusals"},
                                  {"has incarnation", "core: incarnations"},
                                  {"did not converge", "convergence"},
                                  {"never goes", "dead logs go"},
                                  {"last write", "every write arrives"},
                                  {"calm mesh come late", "calm mesh: in time"},
                                  {"repairs in a calm", "calm mesh: no repair"},
                                  {"records twice", "calm mesh: once"},
                                  {"not quiet", "quiescence"},
                                  {"its index has", "index = f(windows)"},
                                  {"is over its budget", "bounds"},
                                  {"over their bound", "bounds"},
                                  {"its owner", "ledger"},
                                  {"nobody ever wrote", "ledger"},
                                  {"other records", "ledger"},
                                  {"its floor was", "ledger"},
                                  {"was held up to", "ledger"},
                                  {"records were written", "every placement is written"},
                                  {"new incarnation", "identity is kept"},
                                  {"another copy of the same range", "ledger"},
                                  {"did not decode", "frames decode"},
                                  {"nobody notices", "damage is counted"},
                                  {"register", "registers"},
                                  {"is busy", "loads"},
                                  {"others reach both", "bridge"},
                                  {"behind a bridge", "bridge"},
                                  {"counts as announced", "announced = own log"},
                                  {"had to refuse", "strangers stay out"},
                                  {"from the present one", "removals: of this life"},
                                  {"has a prefix", "removals: own index"},
                                  {"has prompt", "removals: peers"},
                                  {"blocks, the index says", "KV events: truth"},
                                  {"the index does not know", "KV events: truth"},
                                  {"without an answer", "KV events: quiet"},
                                  {"were not taken", "KV events: quiet"},
                                  {"expected of nobody", "KV events: clean"},
                                  {"cleared caches", "KV events: clean"},
                                  {"dead events", "KV events: live only"}};
  for (const auto& [part, name] : kinds)
    if (rule.find(part) != std::string::npos) return name;
  return rule;
}

int Main(int argc, char** argv) {
  std::uint64_t seeds = 300, clean = 20;
  bool markdown = false;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--markdown") == 0) {
      markdown = true;
    } else if (std::strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) {
      seeds = std::strtoull(argv[++i], nullptr, 10);
    } else if (std::strcmp(argv[i], "--clean") == 0 && i + 1 < argc) {
      clean = std::strtoull(argv[++i], nullptr, 10);
    } else if (std::strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
      only = argv[++i];
    } else {
      std::fprintf(stderr, "usage: seeded_bugs [--seeds N] [--clean N] [--only NAME] [--markdown]\n");
      return 2;
    }
  }
  spdlog::set_level(spdlog::level::off);
  int wrong = 0;
  for (std::uint64_t seed = 1; seed <= clean; ++seed) {
    for (const std::string& broken :
         {BrokenByTwoLayer(seed), BrokenByRemovals(seed), sim::SimulateKvEvents(seed).broken}) {
      if (broken.empty()) continue;
      std::printf("without any bug, seed %llu: %s\n", static_cast<unsigned long long>(seed), broken.c_str());
      ++wrong;
    }
  }
  if (markdown) std::printf("| bug | what it does | caught by | seeds needed |\n|---|---|---|---|\n");
  for (const Entry& entry : kBugs) {
    if (!only.empty() && only != entry.name) continue;
    seeded_bug = entry.bug;
    std::uint64_t seed = 0;
    std::string broken;
    // A history of KV events takes a third of a millisecond.
    const std::uint64_t most = std::string_view(entry.name).starts_with("kv_") ? 10 * seeds : seeds;
    while (broken.empty() && seed < most) {
      ++seed;
      broken = BrokenFor(entry.name, seed);
    }
    seeded_bug = Bug::kNone;
    const bool caught = !broken.empty();
    wrong += !caught;
    if (markdown) {
      std::printf("| `%s` | %s | %s | %s |\n", entry.name, entry.what, caught ? Rule(broken).c_str() : "**not caught**",
                  caught ? std::to_string(seed).c_str() : "-");
    } else {
      std::printf("%-28s %-10s %s\n", entry.name, caught ? ("seed " + std::to_string(seed)).c_str() : "NOT CAUGHT",
                  broken.c_str());
    }
    std::fflush(stdout);
  }
  return wrong == 0 ? 0 : 1;
}

}  // namespace
}  // namespace prefixmesh

int main(int argc, char** argv) { return prefixmesh::Main(argc, argv); }
