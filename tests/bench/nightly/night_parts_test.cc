// The parts of a night beside its cells: micro benchmarks, heap profiles, fuzz targets, recorded runs for a build that
// is not there. Method: tools that answer as a build with a given regression would.
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "bench/nightly/night.h"
#include "bench/result/read_json.h"
#include "bench/store/baseline.h"
#include "bench/store/run_line.h"
#include "tests/bench/nightly/night_place.h"

namespace prefixmesh::bench {
namespace {

namespace fs = std::filesystem;

Night NightOf(Place& place) {
  Builds builds;
  Result<Night> night = place.Run(builds);
  REQUIRE(night.ok());
  return *night;
}

const Finding* Of(const Night& night, const std::string& where, const std::string& figure) {
  for (const Finding& each : night.findings)
    if (each.where == where && each.figure == figure) return &each;
  return nullptr;
}

// bench_micro of two builds: the new one takes `worse` times as long for a decision, in the first look or in both.
struct MicroTool {
  double worse = 1;
  bool only_first = false;
  int asked = 0;

  Result<std::string> operator()(const std::string& bin_dir, const MicroCell&, const std::string& file) {
    Prng prng(static_cast<std::uint64_t>(++asked));
    const bool first = file.find("-again") == std::string::npos;
    const double factor = bin_dir == "/new/bin" && (first || !only_first) ? worse : 1;
    const auto noisy = [&](double value) { return value * (1 + 0.005 * prng.Normal()); };
    return nlohmann::json{
        {"benchmarks",
         {{{"name", "text/decision/iterations:17500/manual_time"}, {"x_floor", noisy(1.4 * factor)}, {"p50_us", 9.0}},
          {{"name", "text/hash/iterations:17500/manual_time"}, {"x_floor", noisy(0.9)}}}}}
        .dump();
  }
};

TEST_CASE("a decision that takes 20 % longer beside the floor fails the night, its neighbour does not") {
  Place place;
  place.request.suite = *ParseSuite("[micro]\npairs = 9\n", "mine");
  MicroTool tool;
  tool.worse = 1.2;
  place.tools.micro = std::ref(tool);
  const Night night = NightOf(place);
  CHECK(tool.asked == 36);
  REQUIRE(Of(night, "micro", "text/decision") != nullptr);
  CHECK(Of(night, "micro", "text/decision")->verdict == FindingVerdict::kRegressed);
  CHECK(Of(night, "micro", "text/decision")->text.find("of the floor, +2") != std::string::npos);
  CHECK(Of(night, "micro", "text/hash")->verdict == FindingVerdict::kUnchanged);
  CHECK(NightExitCode(night.findings) == 1);
  tool = {};
  tool.worse = 1.2;
  tool.only_first = true;
  CHECK(Of(NightOf(place), "micro", "text/decision")->word == "not-confirmed");
  tool = {};
  CHECK(NightExitCode(NightOf(place).findings) == 0);
}

TEST_CASE("a build without micro benchmarks or heap profiles is a line and no failure") {
  Place place;
  place.request.suite = *ParseSuite(
      "[micro]\npairs = 9\n[fuzz]\nseconds = 1\n"
      "[[profile]]\nscenario = \"reference\"\nstrategy = \"two-layer\"\n",
      "mine");
  const Error absent{ErrorCode::kNotFound, "is not there: do this"};
  place.tools.micro = [&](const auto&...) { return absent; };
  place.tools.profile = [&](const auto&...) { return absent; };
  place.tools.fuzz = [&](const auto&...) { return absent; };
  const Night night = NightOf(place);
  for (const auto& [where, figure] :
       {std::pair{"micro", "all"}, std::pair{"heap reference/two-layer", "all"}, std::pair{"fuzz", "targets"}}) {
    INFO(where);
    REQUIRE(Of(night, where, figure) != nullptr);
    CHECK(Of(night, where, figure)->word == "not-here");
    CHECK(Of(night, where, figure)->text.find("do this") != std::string::npos);
  }
  CHECK(NightExitCode(night.findings) == 0);
}

TEST_CASE("what a fuzz target finds fails the night, and quiet ones are counted") {
  Place place;
  place.request.suite = *ParseSuite("[fuzz]\nseconds = 3\ntargets = [\"result\", \"trace\"]\n", "mine");
  FuzzOutcome outcome{{"result", "trace"}, {}};
  place.tools.fuzz = [&](const FuzzCell& cell, const auto&...) {
    CHECK(cell.seconds == 3);
    CHECK(cell.targets == std::vector<std::string>{"result", "trace"});
    return outcome;
  };
  CHECK(Of(NightOf(place), "fuzz", "2 targets")->word == "held");
  outcome.found = {"trace: ERROR: AddressSanitizer: heap-buffer-overflow"};
  const Night night = NightOf(place);
  REQUIRE(Of(night, "fuzz", "trace") != nullptr);
  CHECK(Of(night, "fuzz", "trace")->text.find("heap-buffer-overflow") != std::string::npos);
  CHECK(NightExitCode(night.findings) == 1);
}

TEST_CASE("a tree that is copied each round fails the night, and the place is named") {
  Place place;
  place.request.suite = *ParseSuite("[[profile]]\nscenario = \"templates\"\nstrategy = \"tenant-deltas\"\n", "mine");
  int made = 0;
  std::uint64_t copies = 30000;
  bool only_first = false;
  place.tools.profile = [&](const std::string& bin_dir, const ProfileCell& cell, const std::string& out) {
    ++made;
    profiles::HeapProfile profile;
    profile.scenario = cell.scenario;
    profile.strategy = cell.strategy;
    profile.requests = 1000;
    profile.parts["tree"] = {800'000, 0, 20'000};
    profile.parts["gRPC"] = {1'000'000 * static_cast<std::uint64_t>(made), 0, 90'000};  // not ours to judge
    profile.sites.push_back({"tree", "RadixTree::Insert (radix_tree.cc)", {800'000, 0, 20'000}});
    const bool first = out.find("-again") == std::string::npos;
    if (bin_dir == "/new/bin" && (first || !only_first)) {
      profile.parts["tree"].allocations += copies;
      profile.sites.push_back({"tree", "RadixTree::Clone (radix_tree.cc)", {0, 0, copies}});
    }
    return profile;
  };
  const Night night = NightOf(place);
  CHECK(made == 4);
  const Finding* found = Of(night, "heap templates/tenant-deltas", "tree allocations per request");
  REQUIRE(found != nullptr);
  CHECK(found->verdict == FindingVerdict::kRegressed);
  CHECK(found->text.find("20.00 → 50.00; most of it RadixTree::Clone (radix_tree.cc) +30.00 per request") !=
        std::string::npos);
  CHECK(Of(night, "heap templates/tenant-deltas", "tree at the peak")->verdict == FindingVerdict::kUnchanged);
  CHECK(Of(night, "heap templates/tenant-deltas", "gRPC at the peak") == nullptr);
  CHECK(fs::exists(place.request.out + "/profiles/templates-tenant-deltas.txt"));
  only_first = true;
  CHECK(Of(NightOf(place), "heap templates/tenant-deltas", "tree allocations per request")->word == "not-confirmed");
  copies = 0;
  CHECK(NightExitCode(NightOf(place).findings) == 0);
}

// Runs of the baseline as `record` and `baseline set` leave them.
void Record(const Place& place, std::uint64_t first_seed, std::uint64_t count) {
  std::vector<RunLine> lines;
  Builds old;
  const NightRequest& night = place.request;
  for (std::uint64_t seed = first_seed; seed < first_seed + count; ++seed) {
    RunRequest request;
    request.seed = seed;
    request.bin_dir = "/old/bin";
    request.out = place.dir / "made";
    REQUIRE(old({}, request).ok());
    const nlohmann::json result = *ReadResult(request.out);
    lines.push_back(*RunLineOf(result));
    const std::string folder = night.results + "/reference";
    fs::create_directories(folder);
    std::ofstream(folder + "/" + lines.back().run_id + ".json") << result;
  }
  const Result<Baseline> baseline = BaselineOf(lines, "2027-01-01T00:00:00Z", "first");
  REQUIRE(baseline.ok());
  REQUIRE(WriteBaseline(night.results, *baseline).ok());
}

TEST_CASE("where the baseline cannot be built its recorded runs stand in, seed by seed, and the night says so") {
  Place place;
  place.request.baseline = {};
  place.request.no_baseline = "the baseline 11111111 does not build";
  Record(place, 1, 10);
  Builds builds;
  builds.worse = 1.1;
  const Result<Night> night = place.Run(builds);
  INFO((night.ok() ? "" : night.error().message));
  REQUIRE(night.ok());
  CHECK(builds.made == 20);  // only its own: a warm-up and nine, twice
  REQUIRE(FindingOf(*night, Gate::kRuns, "peak RSS") != nullptr);
  CHECK(FindingOf(*night, Gate::kRuns, "peak RSS")->verdict == FindingVerdict::kRegressed);
  REQUIRE(!night->notes.empty());
  CHECK(night->notes.front().find("recorded runs of 11111111") != std::string::npos);
  CHECK(night->notes.front().find("does not build") != std::string::npos);
  CHECK(!fs::exists(place.request.store + "/pairs.jsonl"));  // pairs across days are no noise of one
}

TEST_CASE("too few recorded runs decide nothing") {
  Place place;
  place.request.baseline = {};
  place.request.no_baseline = "gone";
  Record(place, 5, 5);
  Builds builds;
  builds.worse = 1.5;
  const Result<Night> night = place.Run(builds);
  INFO((night.ok() ? "" : night.error().message));
  REQUIRE(night.ok());
  CHECK(FindingOf(*night, Gate::kRuns, "peak RSS")->word == "not_enough_pairs");
  CHECK(NightExitCode(night->findings) == 3);
}

}  // namespace
}  // namespace prefixmesh::bench
