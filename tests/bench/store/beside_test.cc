// What is recorded beside runs: it is known by its form, named by when it began, and never overwritten.
#include "bench/store/beside.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/result/read_json.h"
#include "bench/store/index.h"
#include "tests/support/temp_dir.h"

namespace prefixmesh::bench {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string Write(const test::TempDir& dir, const std::string& name, const Json& json) {
  const std::string path = dir / name;
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << json;
  return path;
}

Json Ab() {
  return {{"scenario", "generations/S5"},
          {"arms", Json::array()},
          {"metrics", Json::array()},
          {"plan_fingerprints", {"a"}},
          {"runs", {{{"run_id", "20261129T080600Z-two-layer-1-c20c0f"}}}}};
}
Json Micro() {
  return {{"context",
           {{"date", "2026-11-29T08:06:00+01:00"},
            {"executable", "/home/somebody/bench_micro"},
            {"host_name", "secret"},
            {"library_build_type", "debug"}}},
          {"benchmarks", {{{"name", "text/decision"}}}}};
}

TEST_CASE("an A/B is recorded from its folder, once, and is no run") {
  const test::TempDir dir;
  Write(dir, "out/ab.json", Ab());
  const std::string results = dir / "results";
  const std::optional<std::string> file = BesideFile(dir / "out");
  REQUIRE(file);
  const Result<std::string> path = RecordBeside(*file, results);
  REQUIRE(path.ok());
  CHECK(*path == results + "/ab/20261129T080600Z-generations.S5.json");
  CHECK(*ReadJson(*path) == Ab());
  CHECK(RecordBeside(*file, results).error().message.find("append-only") != std::string::npos);
  CHECK(ReadRecorded(results)->lines.empty());
}

TEST_CASE("a benchmark's JSON is recorded without where it ran") {
  const test::TempDir dir;
  const std::string file = Write(dir, "m.json", Micro()), results = dir / "results";
  REQUIRE(BesideFile(file) == file);
  const Result<std::string> path = RecordBeside(file, results);
  REQUIRE(path.ok());
  CHECK(*path == results + "/micro/20261129T080600Z-bench_micro.json");
  const Json kept = *ReadJson(*path);
  CHECK(kept.dump().find("secret") == std::string::npos);
  CHECK(kept.dump().find("somebody") == std::string::npos);
  CHECK(kept["benchmarks"] == Micro()["benchmarks"]);
  CHECK(ReadRecorded(results)->lines.empty());
}

TEST_CASE("what is neither is left to others, and a name that is a path is refused") {
  const test::TempDir dir;
  CHECK(!BesideFile(dir.path()));
  CHECK(!BesideFile(dir / "absent"));
  CHECK(!BesideFile(Write(dir, "result.json", {{"run_id", "r"}, {"schema_version", 2}})));
  std::ofstream(dir / "broken.json") << "{\"benchmarks\": [";
  CHECK(!BesideFile(dir / "broken.json"));
  Json evil = Ab();
  evil["scenario"] = "..";
  evil["runs"][0]["run_id"] = "../../../../etc/x";
  CHECK(RecordBeside(Write(dir, "ab.json", evil), dir / "results").error().code == ErrorCode::kInvalid);
  evil["runs"] = Json::array();
  CHECK(RecordBeside(Write(dir, "ab.json", evil), dir / "results").error().code == ErrorCode::kInvalid);
}

}  // namespace
}  // namespace prefixmesh::bench
