#include "bench/store/run_line.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <tuple>

#include "bench/result/json_at.h"
#include "bench/result/key_figures.h"
#include "bench/result/machine_text.h"
#include "bench/result/utc.h"
#include "bench/text/safe_text.h"
#include "impl/base/nesting.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMachineBytesMax = 100;
constexpr std::size_t kNightBytes = 40;  // left for what a nightly adds
constexpr std::size_t kSettingsBytesMax = 40;
constexpr double kExactCountMax = 9007199254740992.0;  // 2^53: what a double counts by ones

constexpr double kFigureMax = 1e18;  // no figure is near; sums of squares stay finite

bool IsWhole(double value) { return value == std::floor(value) && std::abs(value) <= kExactCountMax; }

// Texts of a result are someone's files: printable ASCII, one line, without what JSON would write as six bytes.
std::string Kept(std::string_view text, std::size_t bytes_max) {
  std::string out = TerminalText(text, bytes_max);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '"' || c == '\\'; }, '\'');
  return out;
}

// Seven digits; whole numbers (bytes, counts) stay as they are.
double Rounded(double value) {
  if (IsWhole(value)) return value;
  char text[40];
  std::snprintf(text, sizeof text, "%.7g", value);
  return std::strtod(text, nullptr);
}

std::string WhyOf(const Json& result, const std::string& verdict) {
  if (verdict == "ok") return "";
  std::string missed;
  for (const Json& objective : ArrayAt(result, "slo"))
    if (NodeAt(objective, "ok") == Json(false))
      missed += (missed.empty() ? "missed: " : ", ") + TextAt(objective, "name");
  if (verdict == "slo_missed" && !missed.empty()) return missed;
  for (const char* list : {"trust.reasons", "notes"})
    for (const Json& each : ArrayAt(result, list))
      if (each.is_string()) return each.get<std::string>();
  return "";
}

// FNV-1a (Fowler, Noll, Vo): the same on every machine, and no secret.
std::string HashText(std::string_view text) {
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211u;
  char out[24];
  std::snprintf(out, sizeof out, "set-%08x", static_cast<unsigned>(hash >> 32));
  return out;
}

// Settings that only one of the two has, of another release, say nothing.
std::string SettingsOf(const Json& result) {
  const Json& settings = NodeAt(result, "scenario.settings");
  const std::string scenario = TextAt(result, "scenario.name", "");
  const std::vector<load::ScenarioInfo> built_in = load::ListScenarios();
  const bool known = std::any_of(built_in.begin(), built_in.end(),
                                 [&](const load::ScenarioInfo& each) { return each.name == scenario; });
  if (!known || !settings.is_object()) return "";
  const Result<load::Settings> today = load::LoadScenario(scenario);
  if (!today.ok()) return "";
  std::string text;
  const Json values = Json::parse(load::SettingsValuesJson(*today));
  for (const auto& [key, value] : values.items()) {
    const auto ran = settings.find(key);
    if (ran == settings.end() || *ran == value || key == "trace.path") continue;
    text += (text.empty() ? "" : ", ") + key + "=" + (ran->is_string() ? ran->get<std::string>() : ran->dump());
  }
  if (text.empty()) return "none";
  const std::string kept = Kept(text, kSettingsBytesMax);
  return kept == text ? text : HashText(text);
}

Error NotALine(const std::string& what) { return Error{ErrorCode::kInvalid, "is no run's line: " + what}; }

// The texts of a line: what they are called in it, and how much of them is kept; `why` gets what is left.
struct LineText {
  const char* name;
  std::string RunLine::*text;
  std::size_t bytes_max;
  bool may_be_empty = false;
};
constexpr LineText kLineTexts[] = {
    {"run_id", &RunLine::run_id, 100},
    {"started_at", &RunLine::started_at, 20},
    {"scenario", &RunLine::scenario, 64},
    {"strategy", &RunLine::strategy, 32},
    {"verdict", &RunLine::verdict, 16},
    {"plan_fingerprint", &RunLine::plan_fingerprint, 32, true},
    {"machine", &RunLine::machine, kMachineBytesMax},
    {"commit", &RunLine::commit, 40},
    {"compiler", &RunLine::compiler, 24},
    {"night", &RunLine::night, 24, true},
    {"settings", &RunLine::settings, kSettingsBytesMax, true},
    {"why", &RunLine::why, kRunLineBytesMax, true},
};

}  // namespace

std::string KeptMachine(const Json& result) { return Kept(MachineText(result), kMachineBytesMax); }

Result<RunLine> RunLineOf(const Json& result) {
  RunLine line;
  line.run_id = TextAt(result, "run_id", "");
  line.started_at = TextAt(result, "started_at", "");
  line.scenario = TextAt(result, "scenario.name", "");
  line.strategy = TextAt(result, "strategy", "");
  line.verdict = TextAt(result, "verdict", "");
  line.plan_fingerprint = TextAt(result, "plan_fingerprint", "");
  line.machine = KeptMachine(result);
  line.commit = TextAt(result, "build.commit", "");
  line.compiler = TextAt(result, "build.compiler", "");
  line.settings = SettingsOf(result);
  for (const LineText& field : kLineTexts) line.*field.text = Kept(line.*field.text, field.bytes_max);
  line.seed = static_cast<std::uint64_t>(std::clamp(NumberAt(result, "seed").value_or(0), 0.0, kExactCountMax));
  line.dirty = NodeAt(result, "build.dirty") != Json(false);
  line.trusted = NodeAt(result, "trust.ok") == Json(true);
  for (std::size_t i = 0; i < kHistoryFigureCount; ++i) {
    const HistoryFigure& each = kHistoryFigures[i];
    const std::optional<double> value = FigureValue(result, *each.group, *each.figure, each.label);
    if (value && std::isfinite(*value)) line.figures[i] = Rounded(*value);
  }
  const std::size_t taken = ToJsonLine(line).size() + std::string_view("\"why\":\"\",").size() + kNightBytes;
  if (taken < kRunLineBytesMax) line.why = Kept(WhyOf(result, line.verdict), kRunLineBytesMax - taken);
  return ParseRunLine(ToJsonLine(line));  // one check for both
}

Json NumberJson(double value) { return IsWhole(value) ? Json(static_cast<std::int64_t>(value)) : Json(value); }

std::string ToJsonLine(const RunLine& line) {
  Json json;
  for (const LineText& field : kLineTexts)
    if (!(line.*field.text).empty()) json[field.name] = line.*field.text;
  json["seed"] = line.seed;
  json["dirty"] = line.dirty;
  json["trusted"] = line.trusted;
  Json& figures = json["figures"] = Json::object();
  for (std::size_t i = 0; i < kHistoryFigureCount; ++i) {
    if (!line.figures[i]) continue;
    figures[kHistoryFigures[i].Name()] = NumberJson(*line.figures[i]);
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<RunLine> ParseRunLine(std::string_view text) {
  if (text.size() > kRunLineBytesMax) return NotALine("longer than " + std::to_string(kRunLineBytesMax) + " bytes");
  if (!CheckNesting(text).ok()) return NotALine("nested too deeply");
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return NotALine("not a JSON object");
  RunLine line;
  for (const LineText& field : kLineTexts) {
    const Json& value = NodeAt(json, field.name);
    if (value.is_string()) line.*field.text = Kept(value.get<std::string>(), field.bytes_max);
    if ((line.*field.text).empty() && !field.may_be_empty) return NotALine(std::string("no ") + field.name);
  }
  if (!IsFileName(line.run_id)) return NotALine("run_id cannot be a file name");
  const std::optional<std::int64_t> seconds = UtcSeconds(line.started_at);
  if (!seconds) return NotALine("started_at is not like 2026-11-29T08:06:00Z");
  line.started_unix_s = *seconds;
  if (!NodeAt(json, "seed").is_number_unsigned()) return NotALine("no seed");
  line.seed = NodeAt(json, "seed").get<std::uint64_t>();
  for (const auto& [name, flag] : {std::pair{"dirty", &RunLine::dirty}, std::pair{"trusted", &RunLine::trusted}}) {
    if (!NodeAt(json, name).is_boolean()) return NotALine(std::string("no ") + name);
    line.*flag = NodeAt(json, name).get<bool>();
  }
  const Json& figures = NodeAt(json, "figures");
  if (!figures.is_object()) return NotALine("no figures");
  for (std::size_t i = 0; i < kHistoryFigureCount; ++i) {
    const auto value = figures.find(kHistoryFigures[i].Name());
    if (value == figures.end()) continue;
    if (!value->is_number()) return NotALine(kHistoryFigures[i].Name() + " is no number");
    line.figures[i] = value->get<double>();
    if (!(std::abs(*line.figures[i]) <= kFigureMax)) return NotALine(kHistoryFigures[i].Name() + " is out of bounds");
  }
  return line;
}

void SortByStart(std::vector<RunLine>& lines) {
  std::sort(lines.begin(), lines.end(), [](const RunLine& a, const RunLine& b) {
    return std::tie(a.started_unix_s, a.run_id) < std::tie(b.started_unix_s, b.run_id);
  });
}

std::vector<double> ValuesOf(std::span<const RunLine> lines, std::size_t figure) {
  std::vector<double> values;
  for (const RunLine& line : lines)
    if (line.figures[figure]) values.push_back(*line.figures[figure]);
  return values;
}

}  // namespace prefixmesh::bench
