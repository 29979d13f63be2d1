#include "bench/report/table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/report/sections.h"
#include "bench/result/json_at.h"
#include "bench/result/key_figures.h"
#include "bench/result/ladder_text.h"
#include "bench/result/samples.h"
#include "bench/result/verdict.h"
#include "bench/text/quantity.h"
#include "bench/text/safe_text.h"
#include "impl/figures/router_figures.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kColumnsMax = 80;
constexpr std::size_t kNameColumns = 30;
constexpr std::size_t kRunsSideBySide = 4;

std::string Right(const std::string& text, std::size_t columns) {
  const std::size_t used = Columns(text);
  return std::string(columns > used ? columns - used : 0, ' ') + text;
}
std::string Left(const std::string& text, std::size_t columns) {
  const std::size_t used = Columns(text);
  return text + std::string(columns > used ? columns - used : 0, ' ');
}

std::string Cell(Quantity quantity, const std::optional<double>& value) {
  return value.has_value() ? QuantityText(quantity, value) : "-";
}

// Wrapped at words, every line indented.
std::string Wrapped(const std::string& text) {
  std::string out, line = "  ";
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    std::string word = text.substr(at, end - at);
    at = end + 1;
    while (word.size() > kColumnsMax - 2) {  // a path, or something hostile
      if (line != "  ") out += line + "\n";
      out += "  " + word.substr(0, kColumnsMax - 2) + "\n";
      word.erase(0, kColumnsMax - 2);
      line = "  ";
    }
    if (line.size() + 1 + word.size() > kColumnsMax) {
      out += line + "\n";
      line = "  ";
    }
    line += (line == "  " ? "" : " ") + word;
  }
  return out + (line == "  " ? "" : line + "\n");
}

// "two-layer · chat (2)" on two lines; the number stays, however narrow the column is.
std::string HeadLines(const std::vector<std::string>& labels, std::size_t width) {
  constexpr std::string_view kBetween = " · ";
  std::string lines[2] = {Left("", kNameColumns), Left("", kNameColumns)};
  bool second = false;
  for (const std::string& label : labels) {
    const std::size_t between = std::min(label.find(kBetween), label.size());
    const std::string parts[2] = {label.substr(0, between),
                                  between < label.size() ? label.substr(between + kBetween.size()) : ""};
    for (std::size_t i = 0; i < 2; ++i) {
      const std::size_t number = parts[i].ends_with(')') ? parts[i].rfind(" (") : std::string::npos;
      const std::string suffix = number == std::string::npos ? "" : parts[i].substr(number);
      const std::size_t room = width - 1 > suffix.size() ? width - 1 - suffix.size() : 0;
      std::string name = parts[i].substr(0, number);
      if (Columns(name) > room) name.erase(0, name.rfind('/') + 1);  // generations/S7
      lines[i] += Right(TerminalText(name, room) + suffix, width);
      second = second || (i == 1 && !parts[i].empty());
    }
  }
  return lines[0] + "\n" + (second ? lines[1] + "\n" : "");
}

std::string Columned(const std::vector<Json>& results, std::size_t begin, std::size_t end,
                     const std::vector<std::string>& labels) {
  const std::size_t width = std::min<std::size_t>(17, (kColumnsMax - kNameColumns) / (end - begin));
  std::string out = HeadLines(
      {labels.begin() + static_cast<std::ptrdiff_t>(begin), labels.begin() + static_cast<std::ptrdiff_t>(end)}, width);
  for (const KeyFigures& group : AllKeyFigures()) {
    if (!group.Concerns(results)) continue;
    out += TerminalText(group.title, kColumnsMax) + "\n";
    for (const KeyFigure& figure : group.figures) {
      if (!figure.figure->terminal) continue;
      out += Left("  " + TerminalText(figure.name, kNameColumns - 3), kNameColumns);
      for (std::size_t i = begin; i < end; ++i) out += Right(Cell(figure.quantity(), figure.Value(results[i])), width);
      out += "\n";
    }
  }
  return out;
}

bool AnyCellMissing(const std::vector<Json>& results) {
  for (const KeyFigures& group : AllKeyFigures())
    if (group.Concerns(results))
      for (const KeyFigure& figure : group.figures)
        for (const Json& result : results)
          if (figure.figure->terminal && !figure.Value(result).has_value()) return true;
  return false;
}

// What stands in the table though it is of too few samples.
std::string FewSamples(const Json& result, const std::string& who) {
  std::string out;
  for (const KeyFigures& group : AllKeyFigures())
    for (const KeyFigure& figure : group.figures)
      if (figure.figure->terminal && figure.Value(result).has_value())
        if (const std::string few = TooFewSamples(result, figure.path()); !few.empty())
          out += Wrapped(who + "few samples: " + figure.name + " is of " + few);
  return out;
}

std::string VerdictLine(const Json& result, const std::string& label, bool named) {
  const VerdictWords verdict = VerdictOf(result);
  std::string text = "verdict: " + std::string(verdict.text);
  if (named) text += " (" + TerminalText(label, 40) + ")";
  return text + "\n";
}

std::string MarkdownText(const std::string& text) {
  std::string out;
  for (const char c : TerminalText(text, 120)) {
    if (std::string_view("\\`*_[]<>|&").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string RenderTable(const std::vector<Json>& results) {
  if (results.empty()) return "";
  const std::vector<std::string> labels = RunLabels(results);
  const Json& first = results.front();
  std::string out = TerminalText(ScenarioNames(results), 40) + ": seed " +
                    TerminalText(NodeAt(first, "seed").dump(-1, ' ', true, Json::error_handler_t::replace), 20);
  if (const auto rps = NumberAt(first, "load.offered_rps"))
    out += ", " + QuantityText(Quantity::kPerSecond, rps) + " offered";
  out += "\n\n";
  for (std::size_t begin = 0; begin < results.size(); begin += kRunsSideBySide) {
    out += Columned(results, begin, std::min(results.size(), begin + kRunsSideBySide), labels) + "\n";
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string who = results.size() > 1 ? TerminalText(labels[i], 40) + ": " : "";
    for (const Json& slo : ArrayAt(results[i], "slo")) {
      if (NodeAt(slo, "ok") == Json(true)) continue;
      out += Wrapped(who + "objective missed: " + TerminalText(TextAt(slo, "name", "?"), 80) + ", " +
                     TerminalText(TextAt(slo, "expression", "?"), 200) + ": it is " +
                     TerminalText(ObjectiveValue(slo), 30));
    }
    if (const std::string words = LadderSentences(results[i]); !words.empty())
      out += Wrapped(who + "hit rate: " + words);
    out += FewSamples(results[i], who);
    const std::string_view verdict = VerdictOf(results[i]).css_class;
    const bool ended = verdict == "killed" || verdict == "failed";  // that is not the generator's fault
    for (const Json& reason : ArrayAt(results[i], "trust.reasons")) {
      if (reason.is_string())
        out += Wrapped(who + (ended ? "generator: " : "untrusted: ") + TerminalText(reason.get<std::string>(), 400));
    }
    for (const Json& note : ArrayAt(results[i], "notes")) {
      const bool why_null = note.is_string() && note.get_ref<const std::string&>().starts_with(kWhyNull);
      if (note.is_string() && !why_null) out += Wrapped(who + "note: " + TerminalText(note.get<std::string>(), 400));
    }
  }
  if (AnyCellMissing(results)) out += "  -: not measured, or of no meaning here; report.html and result.json say why\n";
  for (std::size_t i = 0; i < results.size(); ++i) out += VerdictLine(results[i], labels[i], results.size() > 1);
  return out;
}

std::string RenderMarkdownTable(const std::vector<Json>& results) {
  std::string out =
      "| strategy | peak router RSS | sync built | sync delivered | placements applied | lost | cached share | of the "
      "oracle's | load CoV |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n";
  const std::vector<std::string> labels = RunLabels(results);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Json& result = results[i];
    const auto router = [&](const Figure& figure) {
      return QuantityText(QuantityOf(figure.unit), FigureValue(result, kRouterGroup, figure));
    };
    const std::string cells[] = {router(RouterFigure("peak_rss_bytes")),
                                 router(RouterFigure("sync.built_bytes_per_s")),
                                 router(RouterFigure("sync.delivered_bytes_per_s")),
                                 QuantityText(Quantity::kShare, NumberAt(result, "placements.applied_share")),
                                 QuantityText(Quantity::kCount, NumberAt(result, "placements.lost")),
                                 QuantityText(Quantity::kShare, NumberAt(result, "routing.cached_share")),
                                 QuantityText(Quantity::kRatio, NumberAt(result, "routing.cached_share_ratio")),
                                 QuantityText(Quantity::kRatio, NumberAt(result, "routing.load_cov"))};
    const std::string_view verdict = VerdictOf(result).css_class;
    out += "| " + MarkdownText(labels[i]) + (verdict == "ok" ? "" : " (" + std::string(VerdictOf(result).text) + ")");
    for (const std::string& cell : cells) out += " | " + cell;
    out += " |\n";
  }
  return out;
}

}  // namespace prefixmesh::bench
