#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "bench/nightly/gates.h"
#include "bench/run/run_folder.h"
#include "bench/text/quantity.h"
#include "impl/base/whole_file.h"
#include "profiles/judge.h"

namespace prefixmesh::bench {
namespace {

std::string FigureText(const profiles::PartJudgement& each, double value) {
  if (each.of_bytes) return QuantityText(Quantity::kBytes, value);
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

// One that a stopped night left whole is taken as it is.
Result<profiles::HeapProfile> Take(const NightContext& context, const ProfileCell& cell, const std::string& bin_dir,
                                   const std::string& out) {
  const Result<std::string> text = ReadWholeFile(out + "/heap.txt", profiles::kProfileBytesMax);
  if (text.ok()) {
    Result<profiles::HeapProfile> whole = profiles::ParseProfile(*text, out + "/heap.txt");
    if (whole.ok()) return whole;
  }
  if (Exists(out)) {
    if (Status moved = MoveAside(out); !moved.ok()) return moved.error();
  }
  context.say("heap profile of " + cell.Name() + " by " + bin_dir);
  return context.tools.profile(bin_dir, cell, out);
}

Result<std::vector<Finding>> Look(const NightContext& context, const ProfileCell& cell, const std::string& suffix) {
  const NightRequest& request = context.request;
  std::string base = cell.Name();
  std::replace(base.begin(), base.end(), '/', '-');
  base = request.out + "/profiles/" + base + suffix;
  std::error_code error;
  std::filesystem::create_directories(request.out + "/profiles", error);
  std::vector<Finding> broke;
  const auto ends_here = [](const Error& why) {
    return why.code == ErrorCode::kInterrupted || why.code == ErrorCode::kNotFound;
  };
  const Result<profiles::HeapProfile> before = Take(context, cell, request.baseline.bin_dir, base + "-A");
  if (!before.ok() && ends_here(before.error())) return before.error();
  if (!before.ok()) broke.push_back(BrokeFinding("heap " + cell.Name(), false, before.error()));
  const Result<profiles::HeapProfile> after = Take(context, cell, request.build.bin_dir, base + "-B");
  if (!after.ok() && ends_here(after.error())) return after.error();
  if (!after.ok()) broke.push_back(BrokeFinding("heap " + cell.Name(), true, after.error()));
  if (!broke.empty()) return broke;
  if (Status written = WriteWholeFile(base + ".txt", profiles::RenderDifference(*before, *after)); !written.ok())
    return written.error();
  std::vector<Finding> findings;
  for (const profiles::PartJudgement& each : profiles::JudgeParts(*before, *after)) {
    findings.push_back({Gate::kRuns, "heap " + cell.Name(),
                        each.part + (each.of_bytes ? " at the peak" : " allocations per request"),
                        each.grew     ? FindingVerdict::kRegressed
                        : each.shrank ? FindingVerdict::kImproved
                                      : FindingVerdict::kUnchanged,
                        each.grew     ? "grew"
                        : each.shrank ? "shrank"
                                      : "unchanged",
                        FigureText(each, each.before) + " → " + FigureText(each, each.after) +
                            (each.grew ? "; most of it " + each.place : "")});
  }
  return findings;
}

}  // namespace

Status CompareProfiles(const NightContext& context) {
  for (const ProfileCell& cell : context.request.suite.profiles) {
    std::string missing = context.request.baseline.bin_dir.empty() ? context.request.no_baseline : "";
    if (missing.empty()) {
      const Status looked = LookTwice(context, "heap " + cell.Name(),
                                      [&](const std::string& suffix) { return Look(context, cell, suffix); });
      if (looked.ok()) continue;
      if (looked.error().code != ErrorCode::kNotFound) return looked;
      missing = looked.error().message;
    }
    context.night.findings.push_back(
        {Gate::kRuns, "heap " + cell.Name(), "all", FindingVerdict::kNotApplicable, "not-here", missing});
  }
  return {};
}

}  // namespace prefixmesh::bench
