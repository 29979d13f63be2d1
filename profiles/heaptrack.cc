#include "profiles/heaptrack.h"

#include <filesystem>

#include "bench/process/run_child.h"
#include "impl/base/whole_file.h"

namespace prefixmesh::profiles {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPreload = "/usr/lib/heaptrack/libheaptrack_preload.so";
constexpr const char* kInterpret = "/usr/lib/heaptrack/libexec/heaptrack_interpret";
constexpr const char* kPrint = "/usr/bin/heaptrack_print";
constexpr Time kTimeout = std::chrono::minutes(20);

// Through a shell for its redirections; the files' names stand in the environment-free form '…' and are this tool's
// own.
Status RunTool(const std::string& what, const std::string& command, const std::string& folder) {
  const Result<bench::ChildEnd> end = bench::RunChild(
      {what, {"/bin/sh", "-c", command}, folder + "/heaptrack.err", [](const std::string&) {}}, kTimeout);
  if (!end.ok()) return end.error();
  if (end->clean()) return {};
  return Error{ErrorCode::kUnavailable, what + " failed: " + end->last_error};
}

std::string Quoted(const std::string& path) {
  std::string out = "'";
  for (const char c : path) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

Status CheckHeaptrack() {
  std::error_code error;
  for (const char* file : {kPreload, kInterpret, kPrint})
    if (!fs::exists(file, error))
      return Error{ErrorCode::kNotFound, std::string(file) + " is not there: apt-get install heaptrack"};
  return {};
}

std::vector<std::string> RecordingEnvironment(const std::string& recording) {
  return {std::string("LD_PRELOAD=") + kPreload, "DUMP_HEAPTRACK_OUTPUT=" + recording};
}

std::string StacksFile(const std::string& folder, StackCost cost) {
  return folder + (cost == StackCost::kPeak     ? "/heap.peak.stacks"
                   : cost == StackCost::kLeaked ? "/heap.leaked.stacks"
                                                : "/heap.allocations.stacks");
}

Status ReadRecording(const std::string& recording, const std::string& folder, HeapProfile& profile) {
  const std::string data = folder + "/heap.data", sizes = folder + "/heap.sizes";
  if (Status done = RunTool("heaptrack_interpret",
                            std::string(kInterpret) + " < " + Quoted(recording) + " > " + Quoted(data), folder);
      !done.ok())
    return done;
  for (const auto& [cost, name] : {std::pair{StackCost::kPeak, "peak"}, std::pair{StackCost::kLeaked, "leaked"},
                                   std::pair{StackCost::kAllocations, "allocations"}}) {
    const std::string stacks = StacksFile(folder, cost);
    if (Status done = RunTool("heaptrack_print",
                              std::string(kPrint) + " -f " + Quoted(data) + " -p0 -a0 -T0 -F " + Quoted(stacks) +
                                  " -H " + Quoted(sizes) + " --flamegraph-cost-type " + name,
                              folder);
        !done.ok())
      return done;
    const Result<std::string> text = ReadWholeFile(stacks, kStacksBytesMax);
    if (!text.ok()) return text.error();
    if (Status added = AddStacks(*text, cost, profile); !added.ok()) return added;
  }
  KeepLargestSites(profile);
  const Result<std::string> histogram = ReadWholeFile(sizes, kStacksBytesMax);
  if (!histogram.ok()) return histogram.error();
  const Result<std::uint64_t> bytes = AllocatedBytes(*histogram);
  if (!bytes.ok()) return bytes.error();
  profile.allocated_bytes = *bytes;
  std::error_code error;
  for (const std::string& file : {recording, data, sizes, StacksFile(folder, StackCost::kLeaked)})
    fs::remove(file, error);
  return {};
}

}  // namespace prefixmesh::profiles
