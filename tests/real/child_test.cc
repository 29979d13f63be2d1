// Goal: a child's lines are heard, its end is told with the reason, and nothing it does keeps it alive.
#include "bench/process/child.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <mutex>
#include <thread>

#include "bench/process/ports.h"
#include "bench/process/proc.h"

namespace prefixmesh::bench {
namespace {

using std::chrono::milliseconds;

struct Heard {
  std::mutex mutex;
  std::vector<std::string> lines;
  std::size_t count() {
    std::lock_guard lock(mutex);
    return lines.size();
  }
};

std::unique_ptr<Child> StartShell(const std::string& script, Heard& heard) {
  Child::Options options;
  options.name = "shell";
  options.argv = {"/bin/sh", "-c", script};
  options.stderr_path = "/tmp/prefixmesh-child-test-" + std::to_string(getpid()) + ".log";
  options.on_line = [&heard](const std::string& line) {
    std::lock_guard lock(heard.mutex);
    heard.lines.push_back(line);
  };
  Result<std::unique_ptr<Child>> child = Child::Start(options);
  REQUIRE(child.ok());
  return std::move(*child);
}

std::string WaitForExit(Child& child) {
  for (int i = 0; i < 1000; ++i) {
    if (const auto exit = child.Exited()) return *exit;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return "still running";
}

TEST_CASE("Child: lines, exit code and last words are heard") {
  Heard heard;
  const auto child = StartShell("echo one; read x; echo \"got $x\"; echo trouble >&2; exit 3", heard);
  REQUIRE(child->WriteLine("two"));
  REQUIRE(WaitForExit(*child) == "exit code 3");
  REQUIRE(child->LastErrorLine() == "trouble");
  for (int i = 0; i < 200 && heard.count() < 2; ++i) std::this_thread::sleep_for(milliseconds(5));
  REQUIRE(heard.lines == std::vector<std::string>{"one", "got two"});
}

TEST_CASE("Child: one that ignores SIGTERM, and one that is stopped, are ended all the same") {
  Heard heard;
  const auto stubborn = StartShell("trap '' TERM; echo up; while :; do sleep 0.05; done", heard);
  for (int i = 0; i < 400 && heard.count() < 1; ++i) std::this_thread::sleep_for(milliseconds(5));
  REQUIRE_FALSE(stubborn->Terminate(milliseconds(200)));
  REQUIRE(WaitForExit(*stubborn).find("signal 9") == 0);

  const auto stopped = StartShell("while :; do sleep 0.05; done", heard);
  kill(stopped->pid(), SIGSTOP);
  REQUIRE(stopped->Terminate(milliseconds(2000)));
  REQUIRE(WaitForExit(*stopped).find("signal 15") == 0);
}

TEST_CASE("Child: a program that is not there is an error, not a child") {
  Child::Options options;
  options.name = "nothing";
  options.argv = {"/nonexistent/program"};
  options.stderr_path = "/dev/null";
  options.on_line = [](const std::string&) {};
  REQUIRE_FALSE(Child::Start(options).ok());
}

TEST_CASE("ReservedPorts: ports are distinct, and nobody else is given them") {
  const Result<ReservedPorts> first = ReservedPorts::Reserve(50);
  const Result<ReservedPorts> second = ReservedPorts::Reserve(50);
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  for (std::size_t i = 0; i < 50; ++i)
    for (std::size_t k = 0; k < 50; ++k) {
      REQUIRE((*first)[i] != (*second)[k]);
      REQUIRE((i == k || (*first)[i] != (*first)[k]));
    }
}

TEST_CASE("proc: this process's memory, CPU and peak are read") {
  const auto memory = ReadMemory(getpid());
  REQUIRE(memory.has_value());
  REQUIRE(memory->rss_bytes > 1 << 20);
  {
    std::vector<char> large(64 << 20, 'x');
    REQUIRE(ReadMemory(getpid())->rss_bytes > memory->rss_bytes + (48 << 20));
  }
  REQUIRE(ReadMemory(getpid())->peak_rss_bytes > memory->rss_bytes + (48 << 20));
  if (ResetPeak(getpid())) REQUIRE(ReadMemory(getpid())->peak_rss_bytes < memory->rss_bytes + (48 << 20));
  REQUIRE(ReadCpuSeconds(getpid()).value_or(0) > 0);
  REQUIRE_FALSE(ReadCpuSeconds(0x7ffffff).has_value());
  REQUIRE(ReadPss(getpid()).value_or(0) > 0);
  REQUIRE_FALSE(ReadMemory(0x7ffffff).has_value());
}

TEST_CASE("Child: a program that is not there is an error that names it") {
  Child::Options options;
  options.name = "nothing";
  options.argv = {"/no/such/program"};
  options.stderr_path = "/dev/null";
  const Result<std::unique_ptr<Child>> child = Child::Start(options);
  REQUIRE(!child.ok());
  CHECK(child.error().message == "cannot start /no/such/program: No such file or directory");
}

TEST_CASE("Child: it ends with the process that started it, however that ends") {
  int told[2];
  REQUIRE(pipe(told) == 0);
  const pid_t starter = fork();
  if (starter == 0) {
    Heard heard;
    const auto child = StartShell("exec sleep 600", heard);
    const pid_t pid = child->pid();
    (void)!write(told[1], &pid, sizeof pid);
    pause();
    _exit(1);
  }
  REQUIRE(starter > 0);
  pid_t pid = 0;
  REQUIRE(read(told[0], &pid, sizeof pid) == sizeof pid);
  CHECK(kill(pid, 0) == 0);
  REQUIRE(kill(starter, SIGKILL) == 0);
  REQUIRE(waitpid(starter, nullptr, 0) == starter);
  bool gone = false;
  for (int i = 0; i < 1000 && !gone; ++i) {
    gone = kill(pid, 0) != 0 || ReadMemory(pid).value_or(ProcessMemory{}).rss_bytes == 0;  // or a zombie
    if (!gone) std::this_thread::sleep_for(milliseconds(5));
  }
  CHECK(gone);
  if (!gone) kill(pid, SIGKILL);
  close(told[0]);
  close(told[1]);
}

}  // namespace
}  // namespace prefixmesh::bench
