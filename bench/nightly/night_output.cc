#include "bench/nightly/night_output.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "bench/export/xml.h"
#include "bench/text/quantity.h"
#include "bench/text/safe_text.h"

namespace prefixmesh::bench {
namespace {

constexpr Gate kGates[] = {Gate::kCounters, Gate::kRuns, Gate::kHistory};

std::vector<Finding> Of(const Night& night, Gate gate) {
  std::vector<Finding> findings;
  std::copy_if(night.findings.begin(), night.findings.end(), std::back_inserter(findings),
               [&](const Finding& finding) { return finding.gate == gate; });
  return findings;
}

std::size_t Count(const std::vector<Finding>& findings, FindingVerdict verdict) {
  return static_cast<std::size_t>(std::count_if(
      findings.begin(), findings.end(), [&](const Finding& each) { return each.counts() && each.verdict == verdict; }));
}

// "3 regressed, 1 inconclusive, 40 unchanged"
std::string Counted(const std::vector<Finding>& findings) {
  std::string text;
  for (const auto& [verdict, word] :
       {std::pair{FindingVerdict::kRegressed, "regressed"}, std::pair{FindingVerdict::kInconclusive, "inconclusive"},
        std::pair{FindingVerdict::kImproved, "improved"}, std::pair{FindingVerdict::kUnchanged, "unchanged"},
        std::pair{FindingVerdict::kNotApplicable, "not judged"}})
    if (const std::size_t count = Count(findings, verdict); count > 0)
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + word;
  const auto muted =
      std::count_if(findings.begin(), findings.end(), [](const Finding& each) { return !each.counts(); });
  if (muted > 0) text += (text.empty() ? "" : ", ") + std::to_string(muted) + " muted";
  return text.empty() ? "nothing" : text;
}

bool IsNews(const Finding& finding) {
  return finding.verdict != FindingVerdict::kUnchanged && finding.verdict != FindingVerdict::kNotApplicable;
}

std::string CellText(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.replace(at, 1, "\\|");
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string RowOf(const Finding& finding) {
  return "| " + CellText(finding.where) + " | " + CellText(finding.figure) + " | " + finding.word +
         (finding.counts() ? "" : " (muted)") + " | " + CellText(finding.text) +
         (finding.counts() ? "" : "; muted: " + CellText(finding.muted)) + " |\n";
}

// Of those that are not judged there is a row per place and answer, however many figures they are.
std::vector<Finding> Folded(const std::vector<Finding>& findings) {
  std::vector<Finding> rows;
  std::map<std::tuple<std::string, std::string, std::string>, std::pair<std::size_t, std::size_t>> folded;
  for (const Finding& each : findings) {
    if (each.verdict != FindingVerdict::kNotApplicable || !each.counts()) {
      rows.push_back(each);
      continue;
    }
    const auto [at, is_new] = folded.try_emplace({each.where, each.word, each.text}, rows.size(), 0);
    if (is_new) rows.push_back(each);
    Finding& row = rows[at->second.first];
    if (++at->second.second > 1) row.figure = std::to_string(at->second.second) + " figures";
  }
  return rows;
}

std::string SeenText(const Sight& sight) {
  if (!sight.smallest_seen_percent) return "none up to 100 %";
  char text[32];
  std::snprintf(text, sizeof text, "%.0f %%", *sight.smallest_seen_percent);
  return text;
}

nlohmann::ordered_json TextOrNull(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
}

std::string Against(const NightRequest& request) {
  if (request.baseline.bin_dir.empty()) return request.no_baseline;
  return request.baseline.bin_dir == request.build.bin_dir ? "this build itself" : request.baseline.name;
}

}  // namespace

std::string NightMarkdown(const NightRequest& request, const Night& night) {
  std::string out = "# Night " + request.name + ": " + std::string(NightVerdict(night.findings)) + "\n\n";
  out += "Suite " + CellText(request.suite.name) + ", build " + request.build.name +
         ", baseline: " + CellText(Against(request)) + ".\n";
  for (const Gate gate : kGates) {
    const std::vector<Finding> findings = Of(night, gate);
    out += "\n## " + std::string(GateTitle(gate)) + "\n\n" + Counted(findings) + ".\n";
    if (findings.empty()) continue;
    out += "\n| where | figure | verdict | |\n|---|---|---|---|\n";
    for (const bool news : {true, false})
      for (const Finding& each : Folded(findings))
        if (IsNews(each) == news) out += RowOf(each);
  }
  if (!night.sights.empty()) {
    out +=
        "\n## What the second gate can see here\n\nOf stored pairs, with the change multiplied in: the smallest change "
        "for "
        "the worse that it calls in 95 % of nights, and how often it calls one that is not there.\n\n"
        "| where | figure | pairs | smallest change seen | false calls |\n|---|---|--:|--:|--:|\n";
    std::map<std::string, std::size_t> too_few;  // pairs, by cell: one row says so
    for (const Sight& each : night.sights) {
      if (!each.false_calls) {
        too_few[each.cell] = std::max(too_few[each.cell], each.pairs);
        continue;
      }
      out += "| " + CellText(each.cell) + " | " + CellText(each.figure) + " | " + std::to_string(each.pairs) + " | " +
             SeenText(each) + " | " + QuantityText(Quantity::kShare, each.false_calls) + " |\n";
    }
    for (const auto& [cell, pairs] : too_few)
      out += "| " + CellText(cell) + " | the others | " + std::to_string(pairs) + " | too few pairs (it takes " +
             std::to_string(kPairsForSight) + ") | – |\n";
  }
  if (!night.notes.empty()) out += "\n";
  for (const std::string& note : night.notes) out += "* " + note + "\n";
  return out;
}

std::string NightJUnit(const NightRequest& request, const Night& night) {
  std::string suites;
  for (const Gate gate : kGates) {
    const std::vector<Finding> findings = Of(night, gate);
    if (findings.empty()) continue;
    std::string cases;
    std::size_t failures = 0, skipped = 0;
    for (const Finding& each : findings) {
      cases += "    <testcase name=\"" + Xml(each.Name()) + "\" classname=\"nightly." + std::string(GateName(gate)) +
               "\" time=\"0\"";
      if (each.counts() && each.verdict == FindingVerdict::kRegressed) {
        ++failures;
        cases +=
            ">\n      <failure type=\"" + Xml(each.word) + "\" message=\"" + Xml(each.text) + "\"/>\n    </testcase>\n";
      } else if (!each.counts() || each.verdict == FindingVerdict::kInconclusive ||
                 each.verdict == FindingVerdict::kNotApplicable) {
        ++skipped;
        cases += ">\n      <skipped message=\"" + Xml(each.counts() ? each.word + ": " + each.text : each.muted) +
                 "\"/>\n    </testcase>\n";
      } else {
        cases += "/>\n";
      }
    }
    suites += "  <testsuite name=\"nightly " + std::string(GateName(gate)) + "\" tests=\"" +
              std::to_string(findings.size()) + "\" failures=\"" + std::to_string(failures) +
              "\" errors=\"0\" skipped=\"" + std::to_string(skipped) + "\" time=\"0\">\n" + cases + "  </testsuite>\n";
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"" + Xml(request.suite.name) + "\">\n" +
         suites + "</testsuites>\n";
}

nlohmann::ordered_json NightJson(const NightRequest& request, const Night& night) {
  nlohmann::ordered_json findings = nlohmann::ordered_json::array();
  for (const Finding& each : night.findings)
    findings.push_back({{"gate", GateName(each.gate)},
                        {"where", each.where},
                        {"figure", each.figure},
                        {"verdict", each.word},
                        {"fails", each.counts() && each.verdict == FindingVerdict::kRegressed},
                        {"inconclusive", each.counts() && each.verdict == FindingVerdict::kInconclusive},
                        {"text", each.text},
                        {"muted", TextOrNull(each.muted)}});
  nlohmann::ordered_json sights = nlohmann::ordered_json::array();
  const auto or_null = [](const std::optional<double>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
  };
  for (const Sight& each : night.sights)
    sights.push_back({{"cell", each.cell},
                      {"figure", each.figure},
                      {"pairs", each.pairs},
                      {"smallest_seen_percent", or_null(each.smallest_seen_percent)},
                      {"false_calls", or_null(each.false_calls)}});
  return {{"schema_version", 1},          {"night", request.name},
          {"suite", request.suite.name},  {"commit", request.build.commit},
          {"dirty", request.build.dirty}, {"baseline", TextOrNull(request.baseline.commit)},
          {"findings", findings},         {"sights", sights},
          {"notes", night.notes},         {"verdict", NightVerdict(night.findings)}};
}

std::string NightText(const NightRequest& request, const Night& night) {
  std::string out;
  for (const Gate gate : kGates) {
    const std::vector<Finding> findings = Of(night, gate);
    out += std::string(GateTitle(gate)) + ": " + Counted(findings) + "\n";
    for (const Finding& each : findings)
      if (IsNews(each))
        out += "  " + Shortened(each.word + (each.counts() ? "" : " (muted)") + "  " + each.Name(), 76) + "\n    " +
               Shortened(each.text, 74) + "\n";
  }
  for (const std::string& note : night.notes) out += "note: " + Shortened(note, 72) + "\n";
  return out + "night " + request.name + ", build " + request.build.name + " against " +
         Shortened(Against(request), 40) + ": " + std::string(NightVerdict(night.findings)) + "\n";
}

}  // namespace prefixmesh::bench
