#include "profiles/judge.h"

#include <cstdio>
#include <set>

#include "bench/text/quantity.h"
#include "profiles/subsystems.h"

namespace prefixmesh::profiles {
namespace {

HeapCost CostOf(const HeapProfile& profile, const std::string& part) {
  const auto found = profile.parts.find(part);
  return found == profile.parts.end() ? HeapCost{} : found->second;
}

double FigureOf(const HeapProfile& profile, const HeapCost& cost, bool of_bytes) {
  return of_bytes ? static_cast<double>(cost.peak_bytes) : profile.PerRequest(cost.allocations);
}

std::string AmountText(double amount, bool of_bytes) {
  if (of_bytes) return bench::QuantityText(bench::Quantity::kBytes, amount);
  char text[32];
  std::snprintf(text, sizeof text, "%.2f per request", amount);
  return text;
}

std::string PlaceThatGrew(const HeapProfile& before, const HeapProfile& after, const std::string& part, bool of_bytes) {
  const Site* most = nullptr;
  double growth = 0;
  for (const Site& site : after.sites) {
    if (site.part != part) continue;
    HeapCost was;
    for (const Site& each : before.sites)
      if (each.part == part && each.function == site.function) was = each.cost;
    const double grew = FigureOf(after, site.cost, of_bytes) - FigureOf(before, was, of_bytes);
    if (grew <= growth) continue;
    growth = grew;
    most = &site;
  }
  return most == nullptr ? "no single place" : most->function + " +" + AmountText(growth, of_bytes);
}

}  // namespace

std::vector<PartJudgement> JudgeParts(const HeapProfile& before, const HeapProfile& after) {
  std::set<std::string> parts;
  for (const HeapProfile* profile : {&before, &after})
    for (const auto& [name, cost] : profile->parts) parts.insert(name);
  std::vector<PartJudgement> judged;
  for (const std::string& part : parts) {
    if (!IsOwn(part)) continue;
    for (const bool of_bytes : {true, false}) {
      PartJudgement each{part, of_bytes, FigureOf(before, CostOf(before, part), of_bytes),
                         FigureOf(after, CostOf(after, part), of_bytes)};
      const double slack = of_bytes ? static_cast<double>(PeakSlackBytes(part)) : kSlackPerRequest;
      const auto above = [&](double more, double less) {
        return more > less * (1 + kGrowthShare) && more - less > slack;
      };
      each.grew = above(each.after, each.before);
      each.shrank = above(each.before, each.after);
      if (each.grew) each.place = PlaceThatGrew(before, after, part, of_bytes);
      judged.push_back(std::move(each));
    }
  }
  return judged;
}

}  // namespace prefixmesh::profiles
