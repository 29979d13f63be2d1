// Indexes and stores: appended whole or not at all, read whatever was interrupted.
#include "bench/store/index.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "bench/result/utc.h"
#include "tests/bench/report/fixture.h"
#include "tests/support/temp_dir.h"

namespace prefixmesh::bench {
namespace {

RunLine LineAt(std::int64_t unix_s, const std::string& name = "run") {
  RunLine line = *RunLineOf(Fixture("off"));
  line.run_id = UtcCompactText(unix_s) + "-" + name;
  line.started_at = UtcText(unix_s);
  line.started_unix_s = unix_s;
  return line;
}

std::string TextOf(const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST_CASE("an index has what was appended, by start, each run once") {
  const test::TempDir dir;
  const std::string file = dir / "index.jsonl";
  for (const std::int64_t at : {1800000300, 1800000100, 1800000200, 1800000100})
    REQUIRE(AppendToIndex(file, LineAt(at)).ok());
  const Result<RunList> list = ReadIndex(file);
  REQUIRE(list.ok());
  REQUIRE(list->lines.size() == 3);
  CHECK(list->lines[0].started_unix_s == 1800000100);
  CHECK(list->lines[2].started_unix_s == 1800000300);
  CHECK(list->notes.empty());
}

TEST_CASE("an append that was cut short at any byte is left out, and the next one takes its place") {
  const test::TempDir dir;
  const std::string file = dir / "index.jsonl";
  REQUIRE(AppendToIndex(file, LineAt(1800000000)).ok());
  const std::string first = TextOf(file);
  REQUIRE(AppendToIndex(file, LineAt(1800000001)).ok());
  const std::string both = TextOf(file);
  for (std::size_t cut = first.size() + 1; cut < both.size(); cut += 37) {
    std::ofstream(file, std::ios::trunc) << both.substr(0, cut);
    const Result<RunList> torn = ReadIndex(file);
    REQUIRE(torn.ok());
    CHECK(torn->lines.size() == 1);
    CHECK(torn->notes.size() == 1);
    REQUIRE(AppendToIndex(file, LineAt(1800000001)).ok());
    CHECK(TextOf(file) == both);
  }
  std::ofstream(file, std::ios::trunc) << first << std::string(9000, 'x');  // longer than what takes its place
  REQUIRE(AppendToIndex(file, LineAt(1800000001)).ok());
  CHECK(TextOf(file) == both);
}

TEST_CASE("a line in the middle that is none is an error that names it") {
  const test::TempDir dir;
  const std::string file = dir / "index.jsonl";
  REQUIRE(AppendToIndex(file, LineAt(1800000000)).ok());
  std::ofstream(file, std::ios::app) << "{\"edited\":\"by hand\"}\n";
  REQUIRE(AppendToIndex(file, LineAt(1800000001)).ok());
  const Result<RunList> list = ReadIndex(file);
  REQUIRE(!list.ok());
  CHECK(list.error().message.find("index.jsonl:2: ") != std::string::npos);
}

TEST_CASE("two that append at a time lose nothing of each other") {
  const test::TempDir dir;
  const std::string file = dir / "index.jsonl";
  const RunLine line = LineAt(1800000000);
  const auto append = [&](const std::string& name) {
    for (int i = 0; i < 40; ++i) {
      RunLine each = line;
      each.run_id += name + std::to_string(i);
      if (!AppendToIndex(file, each).ok()) return;
    }
  };
  std::thread a(append, "a"), b(append, "b");
  a.join();
  b.join();
  const Result<RunList> list = ReadIndex(file);
  REQUIRE(list.ok());
  CHECK(list->lines.size() == 80);
}

TEST_CASE("a store keeps whole results for its days and lines for ever") {
  const test::TempDir dir;
  const std::int64_t now = 1800000000, day = 86400;
  for (const std::int64_t age : {0, 1, 29, 31, 400})
    REQUIRE(AddToStore(dir.path(), LineAt(now - age * day), Fixture("off")).ok());
  ForgetOldRuns(dir.path(), now, 30);
  const Result<RunList> list = ReadRuns({dir.path()});
  REQUIRE(list.ok());
  CHECK(list->lines.size() == 5);
  std::size_t whole = 0;
  for (const auto& each : std::filesystem::directory_iterator(dir / "runs")) {
    CHECK(each.path().filename().string() >= UtcCompactText(now - 30 * day));
    ++whole;
  }
  CHECK(whole == 3);
}

TEST_CASE("runs are read from a result, a run folder, an index and a folder of results, each once") {
  const test::TempDir dir;
  const nlohmann::json off = Fixture("off"), two = Fixture("two_layer");
  std::filesystem::create_directories(dir / "run");
  std::filesystem::create_directories(dir / "results/reference");
  std::ofstream(dir / "run/result.json") << off;
  std::ofstream(dir / "alone.json") << two;
  std::ofstream(dir / "results/reference/off.json") << off;
  std::ofstream(dir / "results/reference/two.json") << two;
  std::ofstream(dir / "results/schema.json") << "{\"type\":\"object\"}";
  const auto count = [&](const std::vector<std::string>& paths) {
    const Result<RunList> list = ReadRuns(paths);
    return list.ok() ? list->lines.size() : 99;
  };
  CHECK(count({dir / "run"}) == 1);
  CHECK(count({dir / "alone.json", dir / "run"}) == 2);
  CHECK(count({dir / "results", dir / "run", dir / "alone.json"}) == 2);
  REQUIRE(RebuildIndex(dir / "results").ok());
  CHECK(count({dir / "results/index.jsonl"}) == 2);
  CHECK(count({dir / "results"}) == 2);
}

TEST_CASE("the warm-up runs of an A/B are no runs of a folder, and a folder stands for the files of its results") {
  const test::TempDir dir;
  for (const char* folder : {"ab/pair-01/A", "ab/warm-up/A"}) std::filesystem::create_directories(dir / folder);
  std::ofstream(dir / "ab/pair-01/A/result.json") << Fixture("off");
  std::ofstream(dir / "ab/warm-up/A/result.json") << Fixture("two_layer");
  std::ofstream(dir / "ab/ab.json") << "{}";
  const Result<RunList> runs = ReadRuns({dir / "ab"});
  REQUIRE(runs.ok());
  REQUIRE(runs->lines.size() == 1);
  CHECK(runs->lines[0].strategy == "off");
  CHECK(*ResultFilesOf(dir / "ab") == std::vector<std::string>{dir / "ab/pair-01/A/result.json"});
  CHECK(*ResultFilesOf(dir / "ab/pair-01/A") == std::vector<std::string>{dir / "ab/pair-01/A"});
  std::filesystem::create_directories(dir / "empty");
  CHECK(ResultFilesOf(dir / "empty").error().code == ErrorCode::kNotFound);
}

TEST_CASE("a folder without results says so, a broken result names itself") {
  const test::TempDir dir;
  const Result<RunList> none = ReadRuns({dir.path()});
  REQUIRE(none.ok());
  CHECK(none->lines.empty());
  CHECK(none->notes.size() == 1);
  std::ofstream(dir / "cut.json") << Fixture("off").dump().substr(0, 500);
  const Result<RunList> broken = ReadRuns({dir.path()});
  REQUIRE(!broken.ok());
  CHECK(broken.error().message.find("cut.json") != std::string::npos);
  CHECK(!ReadRuns({dir / "absent.json"}).ok());
}

TEST_CASE("one recorded file that cannot be read is a note, and keeps no other from the index") {
  const test::TempDir dir;
  std::filesystem::create_directories(dir / "results/chat");
  std::ofstream(dir / "results/chat/whole.json") << Fixture("off").dump();
  std::ofstream(dir / "results/chat/cut.json") << Fixture("off").dump().substr(0, 500);
  std::ofstream(dir / "results/chat/newer.json") << R"({"schema_version": 99, "run_id": "x", "routers": []})";
  const Result<std::vector<std::string>> notes = RebuildIndex(dir / "results");
  REQUIRE(notes.ok());
  REQUIRE(notes->size() == 2);
  CHECK((*notes)[0].find("cut.json") != std::string::npos);
  CHECK((*notes)[1].find("newer.json") != std::string::npos);
  CHECK(ReadIndex(dir / "results/index.jsonl")->lines.size() == 1);
}

TEST_CASE("an index that is made by many at a time has every result that was there before the last began") {
  constexpr int kWriters = 8, kTurns = 20;  // without the lock, about one turn in four loses a line
  for (int turn = 0; turn < kTurns; ++turn) {
    const test::TempDir dir;
    std::filesystem::create_directories(dir / "results/chat");
    std::vector<std::thread> writers;
    for (int i = 0; i < kWriters; ++i)
      writers.emplace_back([&, i] {
        nlohmann::json result = Fixture("off");
        result["run_id"] = "2026112" + std::to_string(i) + "T080600Z-off-1-c20c0f";
        std::ofstream(dir / "results/chat/" + std::to_string(i) + ".json") << result.dump();
        (void)RebuildIndex(dir / "results");
      });
    for (std::thread& each : writers) each.join();
    CHECK(ReadIndex(dir / "results/index.jsonl")->lines.size() == kWriters);
  }
}

}  // namespace
}  // namespace prefixmesh::bench
