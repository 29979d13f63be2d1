#include "profiles/heap_profile.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <functional>

#include "bench/text/quantity.h"
#include "bench/text/safe_text.h"
#include "profiles/call_name.h"
#include "profiles/subsystems.h"

namespace prefixmesh::profiles {
namespace {

using bench::Quantity;
using bench::QuantityText;

// Calls that say nothing of who wanted the memory.
constexpr std::string_view kPassedOn[] = {
    "std::",      "operator new",   "malloc",        "__gnu_cxx::",    "calloc", "realloc",         "void std::",
    "bool std::", "posix_memalign", "aligned_alloc", "(alloc_traits.", "(stl_",  "(new_allocator.", "(basic_string."};

// The call that stands for a stack: of the marks of its part, else the innermost that does not merely pass on.
std::string SiteOf(std::string_view stack, std::string_view part) {
  std::string_view best, last = "unnamed";
  for (std::string_view rest = stack; !rest.empty();) {
    const std::size_t end = rest.find(';');
    const std::string_view call = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (call.empty() || call.starts_with("0x")) continue;
    last = call;
    const bool passed_on = std::any_of(std::begin(kPassedOn), std::end(kPassedOn), [&](std::string_view each) {
      return call.find(each) != std::string_view::npos;
    });
    if (part == kOtherSubsystem ? !passed_on : !passed_on && SubsystemOf(call) == part) best = call;
  }
  return CallName(best.empty() ? last : best);
}

void Add(HeapCost& cost, StackCost what, std::uint64_t value) {
  (what == StackCost::kPeak     ? cost.peak_bytes
   : what == StackCost::kLeaked ? cost.leaked_bytes
                                : cost.allocations) += value;
}

bool ToNumber(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}
bool ToNumber(std::string_view text, double& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= 0 && out < 1e18;
}

std::string Number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string Line(const std::string& name, const HeapCost& cost) {
  return name + " " + std::to_string(cost.peak_bytes) + " " + std::to_string(cost.leaked_bytes) + " " +
         std::to_string(cost.allocations);
}

std::string Bytes(std::uint64_t bytes) { return QuantityText(Quantity::kBytes, static_cast<double>(bytes)); }

std::string SignedBytes(std::uint64_t before, std::uint64_t after) {
  return after >= before ? "+" + Bytes(after - before) : "-" + Bytes(before - after);
}

std::vector<std::string_view> Words(std::string_view line, std::size_t most) {
  std::vector<std::string_view> words;
  while (!line.empty() && words.size() + 1 < most) {
    const std::size_t end = line.find(' ');
    words.push_back(line.substr(0, end));
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  if (!line.empty()) words.push_back(line);
  return words;
}

struct Fact {
  const char* name;
  std::variant<std::string HeapProfile::*, double HeapProfile::*, std::uint64_t HeapProfile::*,
               std::uint64_t HeapCost::*>
      member;
};
constexpr Fact kFacts[] = {{"scenario", &HeapProfile::scenario},
                           {"strategy", &HeapProfile::strategy},
                           {"commit", &HeapProfile::commit},
                           {"offered_rps", &HeapProfile::offered_rps},
                           {"achieved_rps", &HeapProfile::achieved_rps},
                           {"load_s", &HeapProfile::load_s},
                           {"life_s", &HeapProfile::life_s},
                           {"requests", &HeapProfile::requests},
                           {"peak_bytes", &HeapCost::peak_bytes},
                           {"leaked_bytes", &HeapCost::leaked_bytes},
                           {"allocations", &HeapCost::allocations},
                           {"allocated_bytes", &HeapProfile::allocated_bytes}};

}  // namespace

Status AddStacks(std::string_view text, StackCost cost, HeapProfile& profile) {
  if (text.size() > kStacksBytesMax) return Error{ErrorCode::kTooBig, "stacks above 512 MiB"};
  std::map<std::pair<std::string, std::string>, std::size_t> places;
  for (std::size_t i = 0; i < profile.sites.size(); ++i) places[{profile.sites[i].part, profile.sites[i].function}] = i;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) continue;
    const std::size_t blank = line.rfind(' ');
    std::uint64_t value = 0;
    if (blank == std::string_view::npos || !ToNumber(line.substr(blank + 1), value))
      return Invalid("line " + std::to_string(number) + " of the stacks has no cost");
    const std::string_view stack = line.substr(0, blank);
    const std::string part(SubsystemOf(stack));
    Add(profile.total, cost, value);
    Add(profile.parts[part], cost, value);
    const std::string function = SiteOf(stack, part);
    const auto [place, is_new] = places.try_emplace({part, function}, profile.sites.size());
    if (is_new) profile.sites.push_back({part, function, {}});
    Add(profile.sites[place->second].cost, cost, value);
  }
  return {};
}

void KeepLargestSites(HeapProfile& profile) {
  std::vector<Site> kept;
  const auto take = [&](std::size_t count, const std::function<std::uint64_t(const Site&)>& size) {
    std::stable_sort(profile.sites.begin(), profile.sites.end(), [&](const Site& a, const Site& b) {
      return size(a) != size(b) ? size(a) > size(b) : a.function < b.function;
    });
    for (std::size_t i = 0; i < std::min(count, profile.sites.size()); ++i) {
      const Site& site = profile.sites[i];
      const bool known = std::any_of(kept.begin(), kept.end(), [&](const Site& each) {
        return each.part == site.part && each.function == site.function;
      });
      if (!known && size(site) > 0) kept.push_back(site);
    }
  };
  take(kSitesMax / 2, [](const Site& site) { return site.cost.peak_bytes; });
  take(kSitesMax / 2, [](const Site& site) { return site.cost.allocations; });
  profile.sites = std::move(kept);
}

Result<std::uint64_t> AllocatedBytes(std::string_view histogram) {
  std::uint64_t bytes = 0;
  std::size_t number = 0;
  while (!histogram.empty()) {
    ++number;
    const std::size_t end = histogram.find('\n');
    const std::string_view line = histogram.substr(0, end);
    histogram.remove_prefix(end == std::string_view::npos ? histogram.size() : end + 1);
    if (line.empty()) continue;
    const std::size_t tab = line.find('\t');
    std::uint64_t size = 0, count = 0, product = 0;
    if (tab == std::string_view::npos || !ToNumber(line.substr(0, tab), size) ||
        !ToNumber(line.substr(tab + 1), count) || __builtin_mul_overflow(size, count, &product) ||
        __builtin_add_overflow(bytes, product, &bytes))
      return Invalid("line " + std::to_string(number) + " of the histogram is not SIZE and COUNT");
  }
  return bytes;
}

std::string ProfileText(const HeapProfile& profile) {
  std::string out;
  for (const Fact& fact : kFacts) {
    out += std::string(fact.name) + " ";
    std::visit(
        [&](auto member) {
          using Member = decltype(member);
          if constexpr (std::is_same_v<Member, std::string HeapProfile::*>)
            out += profile.*member;
          else if constexpr (std::is_same_v<Member, double HeapProfile::*>)
            out += Number(profile.*member);
          else if constexpr (std::is_same_v<Member, std::uint64_t HeapProfile::*>)
            out += std::to_string(profile.*member);
          else
            out += std::to_string(profile.total.*member);
        },
        fact.member);
    out += "\n";
  }
  for (const auto& [name, cost] : profile.parts) out += "part " + Line(name, cost) + "\n";
  for (const Site& site : profile.sites) out += "site " + Line(site.part, site.cost) + " " + site.function + "\n";
  return out + "end\n";
}

Result<HeapProfile> ParseProfile(std::string_view text, const std::string& file) {
  if (text.size() > kProfileBytesMax) return Error{ErrorCode::kTooBig, file + ": above 1 MiB"};
  HeapProfile profile;
  std::size_t number = 0, facts = 0;
  bool whole = false;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const Error wrong = Invalid(file + ":" + std::to_string(number) + ": is no line of a heap profile");
    const std::vector<std::string_view> words = Words(line, 6);
    if (words.empty() || whole) return wrong;
    if (line == "end") {
      whole = true;
      continue;
    }
    if (words[0] == "part" || words[0] == "site") {
      HeapCost cost;
      if (words.size() != (words[0] == "part" ? 5u : 6u) || !ToNumber(words[2], cost.peak_bytes) ||
          !ToNumber(words[3], cost.leaked_bytes) || !ToNumber(words[4], cost.allocations))
        return wrong;
      if (words[0] == "part")
        profile.parts[std::string(words[1])] = cost;
      else
        profile.sites.push_back({std::string(words[1]), std::string(words[5]), cost});
      continue;
    }
    const auto fact =
        std::find_if(std::begin(kFacts), std::end(kFacts), [&](const Fact& each) { return each.name == words[0]; });
    if (fact == std::end(kFacts) || words.size() != 2) return wrong;
    const bool read = std::visit(
        [&](auto member) {
          using Member = decltype(member);
          if constexpr (std::is_same_v<Member, std::string HeapProfile::*>) {
            profile.*member = std::string(words[1]);
            return true;
          } else if constexpr (std::is_same_v<Member, std::uint64_t HeapCost::*>) {
            return ToNumber(words[1], profile.total.*member);
          } else {
            return ToNumber(words[1], profile.*member);
          }
        },
        fact->member);
    if (!read) return wrong;
    ++facts;
  }
  if (facts != std::size(kFacts) || !whole)
    return Invalid(file + ": is no whole heap profile: it has not every fact once, or no end");
  return profile;
}

std::string RenderProfile(const HeapProfile& profile) {
  char line[200];
  std::string out = "heap of one router: " + profile.scenario + " with " + profile.strategy + "\n";
  std::snprintf(line, sizeof line, "rate under heaptrack  %.1f of %.1f requests per second\n", profile.achieved_rps,
                profile.offered_rps);
  out += line;
  out += "peak                  " + Bytes(profile.total.peak_bytes) + "\n";
  out += "never freed           " + Bytes(profile.total.leaked_bytes) + "\n";
  std::snprintf(line, sizeof line, "allocations           %.1f per request\n", profile.AllocationsPerRequest());
  out += line;
  out += "churn                 " + QuantityText(Quantity::kBytesPerSecond, profile.ChurnBytesPerSecond()) + "\n\n";
  std::snprintf(line, sizeof line, "%-10s %12s %12s %14s\n", "part", "at the peak", "never freed", "per request");
  out += line;
  for (const auto& [name, cost] : profile.parts) {
    std::snprintf(line, sizeof line, "%-10s %12s %12s %14.2f\n", name.c_str(), Bytes(cost.peak_bytes).c_str(),
                  Bytes(cost.leaked_bytes).c_str(), profile.PerRequest(cost.allocations));
    out += line;
  }
  out += "\nlargest places\n";
  for (const Site& site : profile.sites) {
    std::snprintf(line, sizeof line, "  %-8s %10s %8.2f  ", site.part.c_str(), Bytes(site.cost.peak_bytes).c_str(),
                  profile.PerRequest(site.cost.allocations));
    out += line + bench::Shortened(site.function, 46) + "\n";
  }
  return out;
}

std::string RenderDifference(const HeapProfile& before, const HeapProfile& after) {
  char line[200];
  std::string out = "heap of " + after.scenario + " with " + after.strategy + ": " + before.commit.substr(0, 8) +
                    " to " + after.commit.substr(0, 8) + "\n";
  if (before.scenario != after.scenario || before.strategy != after.strategy)
    out += "note: the other profile is of " + before.scenario + " with " + before.strategy + "\n";
  std::snprintf(line, sizeof line, "%-10s %14s %14s %20s\n", "part", "at the peak", "never freed", "per request");
  out += line;
  std::map<std::string, std::pair<HeapCost, HeapCost>> parts;
  for (const auto& [name, cost] : before.parts) parts[name].first = cost;
  for (const auto& [name, cost] : after.parts) parts[name].second = cost;
  parts["all"] = {before.total, after.total};
  for (const auto& [name, cost] : parts) {
    std::snprintf(line, sizeof line, "%-10s %14s %14s %8.2f to %8.2f\n", name.c_str(),
                  SignedBytes(cost.first.peak_bytes, cost.second.peak_bytes).c_str(),
                  SignedBytes(cost.first.leaked_bytes, cost.second.leaked_bytes).c_str(),
                  before.PerRequest(cost.first.allocations), after.PerRequest(cost.second.allocations));
    out += line;
  }
  // Where it grew: places of the newer one, by growth at the peak, then by allocations.
  struct Growth {
    const Site* site;
    double bytes, per_request;
  };
  std::vector<Growth> growths;
  for (const Site& site : after.sites) {
    HeapCost was;
    for (const Site& each : before.sites)
      if (each.part == site.part && each.function == site.function) was = each.cost;
    growths.push_back({&site, static_cast<double>(site.cost.peak_bytes) - static_cast<double>(was.peak_bytes),
                       after.PerRequest(site.cost.allocations) - before.PerRequest(was.allocations)});
  }
  const auto list = [&](const char* title, double Growth::*by, double least) {
    std::stable_sort(growths.begin(), growths.end(), [&](const Growth& a, const Growth& b) { return a.*by > b.*by; });
    std::size_t shown = 0;
    for (const Growth& each : growths) {
      if (each.*by < least || shown == 5) break;
      if (shown++ == 0) out += std::string("\n") + title + "\n";
      std::snprintf(line, sizeof line, "  %-8s %11s %+9.2f  ", each.site->part.c_str(),
                    ((each.bytes >= 0 ? "+" : "-") + Bytes(static_cast<std::uint64_t>(std::abs(each.bytes)))).c_str(),
                    each.per_request);
      out += line + bench::Shortened(each.site->function, 44) + "\n";
    }
  };
  list("grew most at the peak", &Growth::bytes, 1024);
  list("allocates most more per request", &Growth::per_request, 0.01);
  return out;
}

}  // namespace prefixmesh::profiles
