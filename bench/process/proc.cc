#include "bench/process/proc.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <vector>

#include "impl/base/prng.h"

namespace prefixmesh::bench {
namespace {

std::string ProcPath(pid_t pid, const char* file) { return "/proc/" + std::to_string(pid) + "/" + file; }

// "Key:   123 kB" in bytes.
std::optional<std::uint64_t> KilobyteLine(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind(key + ":", 0) != 0) continue;
    return std::strtoull(line.c_str() + key.size() + 1, nullptr, 10) * 1024;
  }
  return std::nullopt;
}

}  // namespace

std::optional<ProcessMemory> ReadMemory(pid_t pid) {
  const auto rss = KilobyteLine(ProcPath(pid, "status"), "VmRSS");
  const auto peak = KilobyteLine(ProcPath(pid, "status"), "VmHWM");
  if (!rss || !peak) return std::nullopt;
  return ProcessMemory{*rss, *peak};
}

std::optional<std::uint64_t> ReadPss(pid_t pid) { return KilobyteLine(ProcPath(pid, "smaps_rollup"), "Pss"); }

bool ResetPeak(pid_t pid) {
  const int fd = open(ProcPath(pid, "clear_refs").c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = write(fd, "5", 1) == 1;
  close(fd);
  return done;
}

std::optional<double> ReadCpuSeconds(pid_t pid) {
  std::ifstream file(ProcPath(pid, "stat"));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(end_of_name + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  std::uint64_t user = 0, system = 0;
  fields >> user >> system;
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

Machine ReadMachine() {
  Machine machine;
  std::ifstream cpuinfo("/proc/cpuinfo");
  std::string line;
  while (std::getline(cpuinfo, line)) {
    if (line.rfind("model name", 0) != 0) continue;
    machine.cpu = line.substr(std::min(line.size(), line.find(':') + 2));
    break;
  }
  machine.cores = static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN));
  machine.memory_bytes = KilobyteLine("/proc/meminfo", "MemTotal").value_or(0);
  machine.available_bytes = KilobyteLine("/proc/meminfo", "MemAvailable").value_or(0);
  utsname name{};
  if (uname(&name) == 0) machine.kernel = std::string(name.sysname) + " " + name.release;
  return machine;
}

SpinNoise MeasureSpinNoise() {
  std::vector<double> samples;
  std::uint64_t state = 1;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(250);
  while (std::chrono::steady_clock::now() < end) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 20000; ++i) state = Mix64(state);
    samples.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  if (state == 0 || samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  return {samples[samples.size() / 2], samples[samples.size() * 99 / 100]};
}

}  // namespace prefixmesh::bench
