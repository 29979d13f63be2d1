// A child from its start to its end: its lines, how it ended, its deadline.
#include "bench/process/run_child.h"

#include <signal.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.h"

namespace prefixmesh::bench {
namespace {

Result<ChildEnd> Shell(const test::TempDir& dir, const std::string& script, Time timeout,
                       std::vector<std::string>* lines = nullptr) {
  return RunChild({"it",
                   {"/bin/sh", "-c", script},
                   dir / "err",
                   [lines](const std::string& line) {
                     if (lines != nullptr) lines->push_back(line);
                   }},
                  timeout);
}

TEST_CASE("a child's lines are all heard before its end is told, and how it ended") {
  const test::TempDir dir;
  std::vector<std::string> lines;
  const Result<ChildEnd> end = Shell(dir, "seq 1 2000; echo oh >&2; exit 3", std::chrono::seconds(20), &lines);
  REQUIRE(end.ok());
  CHECK(lines.size() == 2000);
  CHECK(end->exit == "exit code 3");
  CHECK(end->last_error == "oh");
  CHECK(!end->clean());
  CHECK(Shell(dir, "true", std::chrono::seconds(20))->clean());
}

TEST_CASE("a child that leaves a process behind which keeps its stdout is over when it has ended") {
  const test::TempDir dir;
  std::vector<std::string> lines;
  const auto began = std::chrono::steady_clock::now();
  const Result<ChildEnd> end =
      Shell(dir, "seq 1 500; setsid sleep 30 & sleep 0.1; exit 4", std::chrono::seconds(20), &lines);
  REQUIRE(end.ok());
  CHECK(end->exit == "exit code 4");
  CHECK(lines.size() == 500);
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
}

TEST_CASE("what a child said last is told in plain letters") {
  const test::TempDir dir;
  const Result<ChildEnd> end = Shell(dir, "printf 'a\\205\\033[31mb\\n' >&2; exit 1", std::chrono::seconds(20));
  REQUIRE(end.ok());
  CHECK(end->last_error == "a??[31mb");
}

TEST_CASE("a child that does not end in time ends with what it started") {
  const test::TempDir dir;
  const Result<ChildEnd> end =
      Shell(dir, "sleep 600 & echo $! > " + dir / "pid" + "; wait", std::chrono::milliseconds(500));
  REQUIRE(!end.ok());
  CHECK(end.error().code == ErrorCode::kTimeout);
  pid_t grandchild = 0;
  std::ifstream(dir / "pid") >> grandchild;
  REQUIRE(grandchild > 0);
  bool gone = false;
  for (int tries = 0; tries < 500 && !gone; ++tries) {
    gone = kill(grandchild, 0) != 0;
    if (!gone) {
      std::ifstream stat("/proc/" + std::to_string(grandchild) + "/stat");
      std::string line;
      std::getline(stat, line);
      gone = line.find(") Z ") != std::string::npos;  // ended, and not yet waited for
    }
    if (!gone) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(gone);
}

}  // namespace
}  // namespace prefixmesh::bench
