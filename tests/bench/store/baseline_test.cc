// Baselines: what may be one, and what is found again.
#include "bench/store/baseline.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/bench/report/fixture.h"
#include "tests/support/temp_dir.h"

namespace prefixmesh::bench {
namespace {

RunLine Run(const std::string& id) {
  RunLine line = *RunLineOf(Fixture("two_layer"));
  line.run_id = id;
  line.dirty = false;
  return line;
}

TEST_CASE("a baseline is read as it was set, and finds its runs in their order") {
  const test::TempDir dir;
  const std::vector<RunLine> recorded = {Run("r1"), Run("r2"), Run("r3")};
  const Result<Baseline> made = BaselineOf({recorded[2], recorded[0]}, "2026-11-29T00:00:00Z", "after the rewrite");
  REQUIRE(made.ok());
  REQUIRE(WriteBaseline(dir.path(), *made).ok());
  const Result<Baseline> read = ReadBaseline(dir.path(), made->scenario, made->strategy);
  REQUIRE(read.ok());
  CHECK(read->why == "after the rewrite");
  CHECK(read->machine == recorded[0].machine);
  const Result<std::vector<RunLine>> runs = RunsOf(*read, recorded);
  REQUIRE(runs.ok());
  REQUIRE(runs->size() == 2);
  CHECK((*runs)[0].run_id == "r3");
  CHECK((*runs)[1].run_id == "r1");
  const Result<std::vector<RunLine>> missing = RunsOf(*read, {recorded[0]});
  REQUIRE(!missing.ok());
  CHECK(missing.error().code == ErrorCode::kNotFound);
  CHECK(missing.error().message.find("r3") != std::string::npos);
  CHECK(ReadBaselines(dir.path())->size() == 1);
}

TEST_CASE("none is set until one is") {
  const test::TempDir dir;
  const Result<Baseline> none = ReadBaseline(dir.path(), "reference", "two-layer");
  REQUIRE(!none.ok());
  CHECK(none.error().code == ErrorCode::kNotFound);
  CHECK(ReadBaselines(dir.path())->empty());
}

TEST_CASE("runs that do not belong together, or say nothing, are no baseline") {
  const RunLine good = Run("good");
  REQUIRE(BaselineOf({good, good}, "", "").ok());
  const auto refused = [&](auto change) {
    RunLine bad = Run("bad");
    change(bad);
    const Result<Baseline> made = BaselineOf({good, bad}, "", "");
    return !made.ok() && made.error().message.find("bad") != std::string::npos;
  };
  CHECK(refused([](RunLine& run) { run.commit = "another"; }));
  CHECK(refused([](RunLine& run) { run.machine = "another"; }));
  CHECK(refused([](RunLine& run) { run.compiler = "another"; }));
  CHECK(refused([](RunLine& run) { run.dirty = true; }));
  CHECK(refused([](RunLine& run) { run.verdict = "failed"; }));
  CHECK(refused([](RunLine& run) { run.trusted = false; }));
  CHECK(!BaselineOf({}, "", "").ok());
}

TEST_CASE("a sub-variant has a file of its own, and a hostile name none outside the folder") {
  const test::TempDir dir;
  RunLine run = Run("r1");
  run.scenario = "generations/S1";
  run.strategy = "crdt-ops/b";
  const Result<Baseline> made = BaselineOf({run}, "2026-11-29T00:00:00Z", "");
  REQUIRE(WriteBaseline(dir.path(), *made).ok());
  CHECK(std::filesystem::exists(dir / "baselines/generations.S1/crdt-ops.b.json"));
  run.scenario = "..";
  CHECK(!WriteBaseline(dir.path(), *BaselineOf({run}, "", "")).ok());
}

TEST_CASE("a baseline that was edited into nonsense is refused by name") {
  const test::TempDir dir;
  std::filesystem::create_directories(dir / "baselines/reference");
  for (const char* text : {"{}", "[1]", "{\"scenario\":\"reference\"", "{\"runs\":[3]}"}) {
    std::ofstream(dir / "baselines/reference/off.json", std::ios::trunc) << text;
    const Result<Baseline> read = ReadBaseline(dir.path(), "reference", "off");
    REQUIRE(!read.ok());
    CHECK(read.error().message.find("off.json") != std::string::npos);
  }
}

}  // namespace
}  // namespace prefixmesh::bench
