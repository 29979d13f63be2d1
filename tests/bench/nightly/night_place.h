// night_place.h — a night without processes: a runner that writes results as a build with a given regression would,
// made of a fixture; everything else is the real thing.
#pragma once

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "bench/nightly/night.h"
#include "bench/result/utc.h"
#include "impl/base/prng.h"
#include "tests/support/temp_dir.h"

namespace prefixmesh::bench {

struct Builds {
  double worse = 1;  // the new build's peak RSS, times this
  double oversize = 0;
  int failures = 0;  // this many runs of the night fail, when so many were made
  int fails_from = 5;
  ErrorCode failure = ErrorCode::kInterrupted;
  std::string failing;  // of this build alone
  int made = 0;
  bool only_first = false;  // the regression is gone after the first comparison

  Result<RunOutcome> operator()(const std::vector<std::string>&, const RunRequest& request) {
    if (failures > 0 && made >= fails_from && (failing.empty() || failing == request.bin_dir)) {
      --failures;
      return Error{failure, "a run did not work"};
    }
    nlohmann::json result = nlohmann::json::parse(std::ifstream("tests/bench/report/fixture_two_layer.json"));
    Prng prng(static_cast<std::uint64_t>(++made));
    const bool is_new = request.bin_dir == "/new/bin", first = request.seed < 1000;
    const double factor = is_new && (first || !only_first) ? worse : 1;
    for (nlohmann::json& router : result["routers"]) {
      for (const char* figure : {"peak_rss_bytes", "steady_rss_bytes"})
        router[figure] =
            static_cast<std::uint64_t>(router[figure].get<double>() * factor * (1 + 0.002 * prng.Normal()));
      if (is_new && (first || !only_first)) {
        router["sync"]["oversize"]["entry"] = oversize;
        router["sync"]["oversize_warnings"] = oversize;
      }
    }
    result["seed"] = request.seed;
    result["run_id"] = UtcCompactText(1800000000 + made) + "-two-layer";
    result["started_at"] = UtcText(1800000000 + made);
    result["plan_fingerprint"] = "plan-" + std::to_string(request.seed);
    result["build"]["commit"] = is_new ? "2222222222" : "1111111111";
    std::filesystem::create_directories(request.out);
    std::ofstream(request.out + "/result.json") << result;
    return RunOutcome{};
  }
};

struct Place {
  test::TempDir dir;
  NightRequest request;
  NightTools tools;  // but for runs, what the test brings

  Place() {
    request.suite = *ParseSuite("[[cell]]\nscenario = \"reference\"\nstrategy = \"two-layer\"\npairs = 9\n", "mine");
    request.results = dir / "results";
    request.store = dir / "store";
    request.out = dir / "out";
    request.build = {"/new/bin", "22222222", "2222222222", false};
    request.baseline = {"/old/bin", "11111111", "1111111111", false};
    request.name = "20270115T080000Z";
    request.now_unix_s = 1800000000;
    std::filesystem::create_directories(request.store);
  }
  Result<Night> Run(Builds& builds) {
    tools.run = [&](const std::vector<std::string>& arguments, const RunRequest& run) {
      return builds(arguments, run);
    };
    return RunNight(request, tools, [](const std::string&) {});
  }
};

inline const Finding* FindingOf(const Night& night, Gate gate, const std::string& figure) {
  for (const Finding& each : night.findings)
    if (each.gate == gate && each.figure == figure) return &each;
  return nullptr;
}

}  // namespace prefixmesh::bench
