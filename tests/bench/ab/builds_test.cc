// Runs by another build: what its prefixmesh is asked, and what becomes of what it answers. Method: small programs that
// answer as one would.
#include "bench/ab/builds.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"

namespace prefixmesh::bench::ab {
namespace {

namespace fs = std::filesystem;

// A build folder whose prefixmesh is this shell script.
std::string MakeBuild(const test::TempDir& dir, const std::string& name, const std::string& script) {
  const std::string build = dir / name, program = build + "/bin/prefixmesh";
  fs::create_directories(build + "/bin");
  std::ofstream(program) << "#!/bin/sh\n" << script;
  fs::permissions(program, fs::perms::owner_all);
  return build;
}

TEST_CASE("AbBuilds: a build tells its commit, and whether it is one") {
  const test::TempDir dir;
  const std::string clean = MakeBuild(dir, "clean", "echo 'prefixmesh 0.1.0, commit 0123456789abcdef'\n");
  const Result<Build> build = FindBuild(clean);
  REQUIRE(build.ok());
  CHECK(build->commit == "0123456789abcdef");
  CHECK(build->Name() == "01234567");
  CHECK(build->bin_dir == fs::canonical(clean + "/bin").string());
  CHECK(FindBuild(clean + "/bin")->bin_dir == build->bin_dir);
  const Result<Build> dirty =
      FindBuild(MakeBuild(dir, "dirty", "echo 'prefixmesh 0.1.0, commit 0123456789abcdef with uncommitted changes'\n"));
  REQUIRE(dirty.ok());
  CHECK(dirty->Name() == "01234567+");
}

TEST_CASE("AbBuilds: what is no build is refused by its folder") {
  const test::TempDir dir;
  for (const std::string& each : {dir.path(), dir / "absent", MakeBuild(dir, "mute", "exit 0\n"),
                                  MakeBuild(dir, "old", "echo 'The following argument was not expected' >&2; exit 2\n"),
                                  MakeBuild(dir, "other", "echo 'GNU ls 9.1'\n")}) {
    const Result<Build> build = FindBuild(each);
    REQUIRE(!build.ok());
    CHECK(build.error().code == ErrorCode::kInvalid);
    CHECK(build.error().message.find(each) != std::string::npos);
  }
}

TEST_CASE("AbBuilds: a run is made with the arguments given, and its result read") {
  const test::TempDir dir;
  const std::string build =
      MakeBuild(dir, "build",
                "echo \"$@\" > \"$(dirname \"$0\")/asked\"\n"
                "while [ $# -gt 0 ]; do [ \"$1\" = --out ] && out=$2; shift; done\n"
                "mkdir -p \"$out\"\n"
                "echo '{\"schema_version\":1,\"verdict\":\"slo_missed\"}' > \"$out/result.json\"\n"
                "exit 99\n");
  RunRequest request;
  request.bin_dir = build + "/bin";
  request.strategy = "raw-ops";
  request.seed = 7;
  request.out = dir / "pair-01/A";
  const Result<RunOutcome> outcome = RunInBuild({"--scenario", "templates"}, request);
  REQUIRE(outcome.ok());
  CHECK(outcome->verdict == Verdict::kSloMissed);
  std::string asked;
  std::getline(std::ifstream(build + "/bin/asked") >> std::ws, asked);
  CHECK(asked == "run --scenario templates --strategy raw-ops --seed 7 --out " + request.out);
}

TEST_CASE("AbBuilds: a build that refuses, or ends without a result, says why in one line") {
  const test::TempDir dir;
  RunRequest request;
  request.out = dir / "pair-01/A";
  request.bin_dir = MakeBuild(dir, "refuses", "echo 'prefixmesh: --set x.y: no such setting' >&2; exit 2\n") + "/bin";
  const Result<RunOutcome> refused = RunInBuild({}, request);
  REQUIRE(!refused.ok());
  CHECK(refused.error().code == ErrorCode::kInvalid);
  CHECK(refused.error().message.find("no such setting") != std::string::npos);
  request.bin_dir = MakeBuild(dir, "dies", "kill -9 $$\n") + "/bin";
  const Result<RunOutcome> died = RunInBuild({}, request);
  REQUIRE(!died.ok());
  CHECK(died.error().code == ErrorCode::kUnavailable);
  CHECK(died.error().message.find("signal 9") != std::string::npos);
}

}  // namespace
}  // namespace prefixmesh::bench::ab
