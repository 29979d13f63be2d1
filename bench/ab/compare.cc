#include "bench/ab/compare.h"

#include <algorithm>

#include "bench/ab/table_text.h"
#include "bench/text/safe_text.h"

namespace prefixmesh::bench::ab {
namespace {

constexpr std::size_t kRowNameColumns = 28;

std::string RunLine(const char* name, const RunFacts& run) {
  return std::string(name) + "  " + TerminalText(run.strategy, 24) + " (" + TerminalText(run.index_kind, 10) +
         " index), " + TerminalText(run.run_id, 40) + "\n";
}

std::string Row(const std::string& name, const std::string& a, const std::string& b, const std::string& change) {
  return Left(name, kRowNameColumns) + Right(a, 13) + Right(b, 13) + Right(change, 15) + "\n";
}

std::string GuardRow(const Guard& guard, const std::optional<double>& a, const std::optional<double>& b) {
  const auto text = [&](const std::optional<double>& v) {
    return v.has_value() ? QuantityText(guard.quantity, v) : "-";
  };
  return Row(std::string(guard.name), text(a), text(b),
             DifferenceText(guard, a && b ? std::optional(*b - *a) : std::nullopt));
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
  std::string out = RunLine("A", a) + RunLine("B", b) + "\n" + Row("B against A", "A", "B", "change");
  for (std::size_t i = 0; i < kGuardCount; ++i) out += GuardRow(Guards()[i], a.guards[i], b.guards[i]);
  std::vector<std::string> reasons;
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    std::string why = WhyNotComparable(metrics[m], a.guards, b.guards);
    for (const RunFacts* run : {&a, &b})
      if (why.empty() && run->values[m] && m < run->samples.size() && run->samples[m] &&
          *run->samples[m] < metrics[m].samples_min)
        why = metrics[m].declared.name + " is of " + QuantityText(Quantity::kCount, run->samples[m]) +
              " samples; it takes " + QuantityText(Quantity::kCount, metrics[m].samples_min);
    out +=
        Row(TerminalText(metrics[m].declared.name, kRowNameColumns - 1), ValueText(metrics[m], a.values[m]),
            ValueText(metrics[m], b.values[m]), why.empty() ? ChangeCell(a.values[m], b.values[m]) : "not comparable");
    if (!why.empty() && std::find(reasons.begin(), reasons.end(), why) == reasons.end()) reasons.push_back(why);
  }
  out += "\n";
  for (const std::string& reason : reasons) out += Wrapped("not comparable: " + reason);
  for (const RunFacts* run : {&a, &b}) {
    const std::string who = run == &a ? "A" : "B";
    if (!run->comparable())
      out += Wrapped("note: " + who + " is not a whole, trusted run (" + run->verdict + ": " + run->why + ")");
    std::string missed;
    for (const std::string& objective : run->missed) missed += (missed.empty() ? "" : ", ") + ("'" + objective + "'");
    if (!missed.empty()) out += Wrapped("note: " + who + " missed objectives: " + missed);
    if (run->dirty) out += Wrapped("note: " + who + " was built from a tree with uncommitted changes");
  }
  if (a.machine != b.machine) out += Wrapped("note: different machines: times and memory do not compare");
  if (a.build != b.build) out += Wrapped("note: different builds");
  if (a.index_kind != b.index_kind)
    out += Wrapped("note: different index kinds: memory and decision times compare trees, too");
  return out + Wrapped("One run of each is one pair: no statistics and no verdict. `prefixmesh ab` measures enough.");
}

}  // namespace prefixmesh::bench::ab
