// What a suite asks for and cannot have is told before a night begins.
#include "bench/nightly/suite_check.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "bench/nightly/counters.h"
#include "tests/bench/nightly/night_place.h"

namespace prefixmesh::bench {
namespace {

namespace fs = std::filesystem;

std::string Said(const Place& place, std::vector<std::string>* lines = nullptr) {
  const Status checked = CheckSuite(place.request, [lines](const std::string& line) {
    if (lines != nullptr) lines->push_back(line);
  });
  return checked.ok() ? "sound" : checked.error().message;
}

TEST_CASE("a suite that can be had is sound, and a cell too short for a verdict is told") {
  Place place;
  std::vector<std::string> lines;
  CHECK(Said(place, &lines) == "sound");
  CHECK(lines.empty());
  place.request.suite.cells[0].pairs = 8;
  CHECK(Said(place, &lines) == "sound");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] == "reference/two-layer: 8 pairs decide nothing; it takes 9");
}

TEST_CASE("a trace that is not there is told, of a cell as of a profile") {
  Place place;
  for (const char* list : {"cell", "profile"}) {
    place.request.suite = *ParseSuite("[[" + std::string(list) +
                                          "]]\nscenario = \"trace\"\nstrategy = \"off\"\n"
                                          "set = [\"trace.path=/nowhere.jsonl\"]\n",
                                      "mine");
    CHECK(Said(place).find("trace/off: ") == 0);
    CHECK(Said(place).find("/nowhere.jsonl") != std::string::npos);
  }
}

TEST_CASE("settings that do not fit the strategy are told") {
  Place place;
  place.request.suite =
      *ParseSuite("[[cell]]\nscenario = \"chat\"\nstrategy = \"raw-ops\"\nset = [\"index.source=events\"]\n", "mine");
  CHECK(Said(place).find("chat/raw-ops: index.source: events are of blocks, and raw-ops runs on text") == 0);
}

TEST_CASE("golden figures and a store that cannot be read are told") {
  Place place;
  fs::create_directories(place.request.results + "/golden");
  std::ofstream(GoldenPath(place.request.results)) << "{";
  CHECK(Said(place) == "sound");  // this suite counts nothing
  place.request.suite.counters = {{.strategy = "raw-ops", .options = "rate=5", .seconds = 10}};
  CHECK(Said(place).find("counters.json") != std::string::npos);
  place.request.suite.counters.clear();
  std::ofstream(place.request.store + "/index.jsonl") << "nonsense\n";
  CHECK(Said(place).find("index.jsonl:1: ") != std::string::npos);
  fs::remove(place.request.store + "/index.jsonl");
  std::ofstream(place.request.store + "/pairs.jsonl") << "nonsense\n";
  CHECK(Said(place).find("pairs.jsonl") != std::string::npos);
}

TEST_CASE("fuzz targets are those that the tree has") {
  const test::TempDir dir;
  std::ofstream(dir / "CMakeLists.txt") << "function(prefixmesh_fuzz name)\n\nprefixmesh_fuzz(trace SRCS trace.cc)\n"
                                           "prefixmesh_fuzz(settings SRCS settings.cc)\n";
  const auto said = [&](std::vector<std::string> targets, std::uint64_t seconds = 1) {
    const Status checked = CheckFuzzTargets(dir / "CMakeLists.txt", {seconds, std::move(targets)});
    return checked.ok() ? "sound" : checked.error().message;
  };
  CHECK(said({"trace", "settings"}) == "sound");
  CHECK(said({}) == "sound");
  CHECK(said({"setings"}).find("fuzz.targets: unknown target 'setings'") == 0);
  CHECK(said({"setings"}).find("settings") != std::string::npos);
  CHECK(said({"name"}) != "sound");
  CHECK(said({"setings"}, 0) == "sound");  // it asks for no fuzzing
  CHECK(CheckFuzzTargets(dir / "absent", {1, {"x"}}).ok());
}

TEST_CASE("a filter that no benchmark passes is told") {
  const test::TempDir dir;
  const auto with_program = [&](const std::string& script, const std::string& filter) {
    std::ofstream(dir / "bench_micro") << "#!/bin/sh\n" << script << "\n";
    fs::permissions(dir / "bench_micro", fs::perms::owner_all);
    const Status checked = CheckMicroFilter(dir.path(), {9, filter});
    return checked.ok() ? "sound" : checked.error().message;
  };
  CHECK(with_program("echo text/decision; echo \"$@\" > " + dir / "asked", "text/") == "sound");
  std::ifstream asked(dir / "asked");
  std::string words;
  std::getline(asked, words);
  CHECK(words == "--benchmark_list_tests=true --benchmark_filter=text/");
  CHECK(with_program("echo Failed to match >&2", "nope").find("micro.filter: no benchmark is called 'nope'") == 0);
  CHECK(with_program("echo bad regex >&2; exit 1", "(").find("micro.filter: ") == 0);
  CHECK(with_program("kill -SEGV $$", "x") == "sound");  // a build that is broken is no mistake of the suite
  CHECK(CheckMicroFilter(dir / "absent", {9, "x"}).ok());
}

}  // namespace
}  // namespace prefixmesh::bench
