// Goal: what is kept for good is a measurement of its own, and lies where nothing else does.
#include "bench/result/write/record.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "bench/result/write/measured.h"
#include "tests/bench/report/fixture.h"
#include "tests/support/temp_dir.h"

namespace prefixmesh::bench {
namespace {

nlohmann::json Sound() {
  nlohmann::json result = Fixture("off");
  result["build"]["dirty"] = false;
  return result;
}

TEST_CASE("a run under a profiler is not recorded, and with --force it is marked") {
  const test::TempDir dir;
  nlohmann::json result = Sound();
  REQUIRE(RecordResult(result, dir / "sound", false).ok());
  result["notes"].push_back(kProfiledNote);
  const Result<std::string> refused = RecordResult(result, dir / "results", false);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("under a profiler") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(dir / "results"));
  CHECK(RecordResult(result, dir / "results", true).ok());
}

TEST_CASE("a scenario cannot be called as a folder that results/ has for something else") {
  const test::TempDir dir;
  for (const char* taken : {"ab", "baselines", "golden", "micro", "runs"}) {
    nlohmann::json result = Sound();
    result["scenario"]["name"] = taken;
    CHECK_FALSE(RecordResult(result, dir / "results", false).ok());
  }
  CHECK_FALSE(std::filesystem::exists(dir / "results"));
}

}  // namespace
}  // namespace prefixmesh::bench
