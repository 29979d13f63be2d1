#include "bench/ab/compare.h"

#include "bench/ab/table_text.h"

namespace prefixmesh::bench::ab {
namespace {

std::string RunLine(const char* name, const RunFacts& run) {
  return std::string(name) + "  " + TerminalText(run.strategy, 24) + " (" + TerminalText(run.index_kind, 10) +
         " index), " + TerminalText(run.run_id, 40) + "\n";
}

std::string ChangeCell(const std::optional<double>& a, const std::optional<double>& b) {
  if (!a.has_value() || !b.has_value()) return "-";
  if (*a == *b) return ChangeText(0.0);
  return ChangeText(*a == 0 ? std::nullopt : std::optional(*b / *a - 1));
}

}  // namespace

Result<std::string> RenderComparison(const RunFacts& a, const RunFacts& b, const std::vector<ReadableMetric>& metrics) {
  if (a.plan_fingerprint != b.plan_fingerprint || a.plan_fingerprint.empty())
    return Error{ErrorCode::kInvalid, a.file + " and " + b.file + " did not run the same plan (plan_fingerprint " +
                                          a.plan_fingerprint + " and " + b.plan_fingerprint +
                                          "): their figures do not compare"};
  std::string out = RunLine("A", a) + RunLine("B", b) + "\n" + Left("B against A", kNameColumns) + Right("A", 13) +
                    Right("B", 13) + Right("change", 10) + "\n";
  for (std::size_t m = 0; m < metrics.size(); ++m)
    out += Left(TerminalText(metrics[m].declared.name, kNameColumns - 1), kNameColumns) +
           Right(ValueText(metrics[m], a.values[m]), 13) + Right(ValueText(metrics[m], b.values[m]), 13) +
           Right(ChangeCell(a.values[m], b.values[m]), 10) + "\n";
  out += "\n";
  for (const RunFacts* run : {&a, &b}) {
    const std::string who = run == &a ? "A" : "B";
    if (!run->comparable())
      out += Wrapped("note: " + who + " is not a whole, trusted run (" + run->verdict + ": " + run->why + ")");
    if (run->dirty) out += Wrapped("note: " + who + " was built from a tree with uncommitted changes");
  }
  if (a.machine != b.machine) out += Wrapped("note: different machines: times and memory do not compare");
  if (a.build != b.build) out += Wrapped("note: different builds");
  if (a.index_kind != b.index_kind)
    out += Wrapped("note: different index kinds: memory and decision times compare trees, too");
  return out + Wrapped("One run of each is one pair: no statistics and no verdict. `prefixmesh ab` measures enough.");
}

}  // namespace prefixmesh::bench::ab
