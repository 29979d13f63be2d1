#include "loadgen/plan/settings.h"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "impl/base/nesting.h"
#include "impl/base/whole_file.h"
#include "impl/figures/figure_names.h"
#include "impl/figures/load_figures.h"
#include "loadgen/plan/settings_metrics.h"
#include "loadgen/plan/settings_table.h"
#include "loadgen/plan/sha256.h"
#include "loadgen/scenarios/builtin.h"

namespace prefixmesh::load {
namespace {

constexpr std::size_t kSlosMax = 1000;
constexpr double kRequestsMax = 20e6;

std::string At(std::string_view file, const toml::node& node) {
  return std::string(file) + ":" + std::to_string(node.source().begin.line) + ": ";
}

// The text form of a TOML value, as an override would write it.
Result<std::string> NodeText(const toml::node& node) {
  if (const auto text = node.as_string()) return text->get();
  if (const auto whole = node.as_integer()) return std::to_string(whole->get());
  if (const auto flag = node.as_boolean()) return std::string(flag->get() ? "on" : "off");
  if (const auto number = node.as_floating_point()) {
    char buffer[32];
    return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, number->get()).ptr);
  }
  if (const auto list = node.as_array()) {
    std::string joined;
    for (const toml::node& item : *list) {
      const Result<std::string> text = item.is_array() ? Invalid("nested list") : NodeText(item);
      if (!text.ok()) return text;
      if (!joined.empty()) joined += ", ";
      joined += *text;
    }
    return joined;
  }
  return Invalid("neither text, number, switch nor list");
}

// The key that is spelled most like `wrong`, for the error line.
std::string Suggest(std::string_view wrong) {
  const std::string_view section = wrong.substr(0, wrong.find('.'));
  std::string same_section;
  for (const SettingKey& key : SettingKeys()) {
    const std::string_view name = key.key;
    if (name.substr(0, name.find('.')) != section) continue;
    if (!same_section.empty()) same_section += ", ";
    same_section += name;
  }
  if (!same_section.empty()) return " (allowed: " + same_section + ")";
  std::string sections;
  for (const SettingKey& key : SettingKeys()) {
    const std::string_view name = std::string_view(key.key).substr(0, std::string_view(key.key).find('.'));
    if (sections.find(name) != std::string::npos) continue;
    if (!sections.empty()) sections += ", ";
    sections += name;
  }
  return " (sections: " + sections + "; lists: slo, metric; texts: description, source, strategy)";
}

// A top-level key that is text.
std::string* Words(Settings& settings, std::string_view key) {
  if (key == "source") return &settings.source;
  if (key == "description") return &settings.description;
  if (key == "strategy") return &settings.strategy;
  return nullptr;
}

Status ReadSlo(Settings& settings, const toml::node& node, std::string_view file) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return Invalid(At(file, node) + "slo must be written as [[slo]] with name and expression");
  for (const toml::node& item : *list) {
    const toml::table* row = item.as_table();
    const toml::node* name = row != nullptr ? row->get("name") : nullptr;
    const toml::node* expression = row != nullptr ? row->get("expression") : nullptr;
    if (name == nullptr || !name->is_string() || expression == nullptr || !expression->is_string() ||
        row->size() != 2) {
      return Invalid(At(file, item) + "[[slo]] needs exactly name and expression, both text");
    }
    if (settings.slo.size() == kSlosMax) return Invalid(At(file, item) + "more than 1000 [[slo]] lines");
    settings.slo.push_back({name->as_string()->get(), expression->as_string()->get()});
  }
  return {};
}

Status ReadMetrics(Settings& settings, const toml::node& node, std::string_view file) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return Invalid(At(file, node) + "metric must be written as [[metric]]");
  for (const toml::node& item : *list) {
    const toml::table* row = item.as_table();
    const auto text = [&](const char* key) {
      return row->get(key) != nullptr ? row->get(key)->value<std::string>() : std::nullopt;
    };
    const auto name = row != nullptr ? text("name") : std::nullopt;
    const auto value = row != nullptr ? text("value") : std::nullopt;
    const auto better = row != nullptr ? text("better") : std::nullopt;
    const toml::node* percent = row != nullptr ? row->get("threshold_percent") : nullptr;
    if (!name || !value || !better || percent == nullptr || !percent->is_number() || row->size() != 4)
      return Invalid(At(file, item) +
                     "[[metric]] needs exactly name, value and better, all text, and threshold_percent");
    const Status added = AddMetric(settings.metrics, {*name, *value, *better, *percent->value<double>()});
    if (!added.ok()) return Invalid(At(file, item) + added.error().message);
  }
  return {};
}

Status ReadSection(Settings& settings, std::string_view section, const toml::table& table, std::string_view file) {
  for (const auto& [name, node] : table) {
    const std::string path = std::string(section) + "." + std::string(name.str());
    const SettingKey* key = FindSettingKey(path);
    if (key == nullptr) return Invalid(At(file, node) + "unknown key " + path + Suggest(path));
    const Result<std::string> text = NodeText(node);
    if (!text.ok()) return Invalid(At(file, node) + path + ": " + text.error().message);
    const Status assigned = AssignSetting(settings, *key, *text);
    if (!assigned.ok()) return Invalid(At(file, node) + assigned.error().message);
  }
  return {};
}

// Failures are not success: what a scenario does not say itself about the failed share is at most 1 %.
void AddFailedShareObjective(Settings& settings) {
  const std::string field = FieldOf(kLoadGroup, LoadFigure("failed_share"));
  const bool said = std::any_of(settings.slo.begin(), settings.slo.end(),
                                [&](const Slo& slo) { return slo.expression.find(field) != std::string::npos; });
  if (!said) settings.slo.push_back({"few requests fail", field + " <= 0.01"});
}

}  // namespace

Result<Settings> ParseScenario(std::string_view text, std::string_view file) {
  if (text.size() > kSettingsFileBytesMax) return Error{ErrorCode::kTooBig, std::string(file) + ": above 1 MiB"};
  if (Status nesting = CheckNesting(text); !nesting.ok())
    return Invalid(std::string(file) + ": " + nesting.error().message);
  toml::table root;
  try {
    root = toml::parse(text, file);
  } catch (const toml::parse_error& error) {  // the packaged library is built with exceptions; they end here
    return Invalid(std::string(file) + ":" + std::to_string(error.source().begin.line) + ": " +
                   std::string(error.description()));
  }
  Settings settings;
  settings.file_hash = Sha256Hex(AsBytes(text));
  for (const auto& [name, node] : root) {
    Status read;
    if (std::string* words = Words(settings, name.str()); words != nullptr) {
      if (!node.is_string()) return Invalid(At(file, node) + std::string(name.str()) + " must be text");
      *words = node.as_string()->get();
    } else if (name.str() == "slo") {
      read = ReadSlo(settings, node, file);
    } else if (name.str() == "metric") {
      read = ReadMetrics(settings, node, file);
    } else if (const toml::table* section = node.as_table()) {
      read = ReadSection(settings, name.str(), *section, file);
    } else {
      read = Invalid(At(file, node) + "unknown key " + std::string(name.str()) + Suggest(std::string(name.str())));
    }
    if (!read.ok()) return read.error();
  }
  if (settings.metrics.empty()) settings.metrics = DefaultMetrics();
  AddFailedShareObjective(settings);
  return settings;
}

Result<Settings> LoadScenario(std::string_view name_or_path) {
  std::string names;
  for (const BuiltinScenario& scenario : BuiltinScenarios()) {
    if (name_or_path != scenario.name) {
      names += (names.empty() ? "" : ", ") + std::string(scenario.name);
      continue;
    }
    Result<Settings> settings = ParseScenario(scenario.toml, std::string(name_or_path) + ".toml");
    if (settings.ok()) settings->scenario = std::string(name_or_path);
    return settings;
  }
  const bool is_path = name_or_path.find('/') != std::string_view::npos || name_or_path.ends_with(".toml");
  if (!is_path)
    return Invalid("unknown scenario '" + std::string(name_or_path) + "' (a .toml file, or one of: " + names + ")");
  const std::string path(name_or_path);
  const Result<std::string> text = ReadWholeFile(path, kSettingsFileBytesMax);
  if (!text.ok()) return text.error();
  Result<Settings> settings = ParseScenario(*text, path);
  if (settings.ok()) {
    const std::size_t slash = path.rfind('/');
    std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (name.ends_with(".toml")) name.resize(name.size() - 5);
    settings->scenario = name;
  }
  return settings;
}

Status ApplyOverride(Settings& settings, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) {
    return Invalid("--set " + std::string(assignment) + ": must be key=value");
  }
  const SettingKey* key = FindSettingKey(assignment.substr(0, equals));
  if (key == nullptr) {
    const std::string path(assignment.substr(0, equals));
    return Invalid("--set " + std::string(assignment) + ": unknown key " + path + Suggest(path));
  }
  const Status assigned = AssignSetting(settings, *key, assignment.substr(equals + 1));
  if (!assigned.ok()) return Invalid("--set " + std::string(assignment) + ": " + assigned.error().message);
  return {};
}

Error PromptTooLong(const std::string& what, std::uint64_t bytes, const Settings& settings) {
  return {ErrorCode::kTooBig, what + std::to_string(bytes) + " bytes; routers take prompts of at most " +
                                  std::to_string(settings.limits.prompt_bytes) + " (limits.prompt_bytes)"};
}

Status Validate(const Settings& settings) {
  const bool trace_prompts = settings.prompt.generator == "trace", trace_times = settings.load.arrivals == "trace";
  if ((trace_prompts || trace_times) && settings.trace.path.empty()) {
    return Invalid("trace.path: the scenario '" + settings.scenario +
                   "' replays a trace; give the file with --set trace.path=FILE");
  }
  if (trace_prompts != trace_times) {
    return Invalid("load.arrivals and prompt.generator must both be 'trace' or neither");
  }
  if (trace_prompts && settings.prompt_kind() == Kind::kTokens) {
    return Invalid("prompt.kind: a trace is replayed as text (4 bytes per token)");
  }
  if (settings.load.arrivals == "staged" && settings.load.stages.empty()) {
    return Invalid("load.stages: staged arrivals need at least one \"seconds:rps\"");
  }
  if (settings.prompt_kind() == Kind::kTokens && (settings.index.block_tokens * kBytesPerToken > 4096)) {
    return Invalid("index.block_tokens: a block has at most 4096 bytes, so at most 1024 tokens");
  }
  if (settings.prompt.generator == "chat") {
    // In whole tokens, as the generator rounds a turn.
    const std::uint64_t unit = settings.prompt_kind() == Kind::kTokens ? kBytesPerToken : 1;
    const std::uint64_t turn = (settings.chat.turn_chars + unit - 1) / unit * unit;
    const std::uint64_t longest = settings.chat.system_chars + settings.chat.turns * turn;
    if (longest > settings.limits.prompt_bytes)
      return PromptTooLong("chat.system_chars + chat.turns x chat.turn_chars is ", longest, settings);
  }
  const bool cut = settings.partition.direction != "none";
  if (cut && settings.partition.from >= settings.partition.to) {
    return Invalid("partition.from must be below partition.to");
  }
  const bool joins = settings.join.at > 0, stops = settings.stop.from != settings.stop.to;
  if (settings.stop.from > settings.stop.to) return Invalid("stop.from must not be above stop.to");
  if (stops && joins) return Invalid("stop.from and join.at are both about the last router: set one of them");
  if ((cut || joins || stops) && settings.routers.count < 2) {
    return Invalid(std::string(cut     ? "partition.direction"
                               : joins ? "join.at"
                                       : "stop.from") +
                   ": it takes routers.count of at least 2");
  }
  double rate = settings.load.rps;
  for (const Stage& stage : settings.load.stages) rate = std::max(rate, stage.rps);
  if (rate * (settings.phases.warmup_s + settings.phases.load_s) > kRequestsMax) {
    return Error{ErrorCode::kTooBig, "load.rps x (phases.warmup_s + phases.load_s) is above 20,000,000 requests"};
  }
  return {};
}

std::vector<ScenarioInfo> ListScenarios() {
  std::vector<ScenarioInfo> rows;
  for (const BuiltinScenario& scenario : BuiltinScenarios()) {
    const Result<Settings> settings = LoadScenario(scenario.name);
    rows.push_back({std::string(scenario.name), settings.ok() ? settings->description : settings.error().message});
  }
  return rows;
}

namespace {

nlohmann::ordered_json ValuesJson(const Settings& settings) {
  nlohmann::ordered_json values = nlohmann::ordered_json::object();
  for (const SettingKey& key : SettingKeys()) {
    const std::string text = SettingText(settings, key);
    switch (key.member.index()) {
      case 0:
        values[key.key] = std::strtod(text.c_str(), nullptr);
        break;
      case 1:
        values[key.key] = std::strtoull(text.c_str(), nullptr, 10);
        break;
      default:
        values[key.key] = text;
    }
  }
  return values;
}

}  // namespace

std::string SettingsValuesJson(const Settings& settings) {
  return ValuesJson(settings).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string SettingsToJson(const Settings& settings) {
  nlohmann::ordered_json json;
  json["scenario"] = settings.scenario;
  json["source"] = settings.source;
  json["description"] = settings.description;
  json["strategy"] = settings.strategy;
  json["file_hash"] = settings.file_hash;
  json["slo"] = nlohmann::ordered_json::array();
  for (const Slo& slo : settings.slo) json["slo"].push_back({{"name", slo.name}, {"expression", slo.expression}});
  json["metrics"] = MetricsToJson(settings.metrics);
  json["settings"] = ValuesJson(settings);
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Settings> SettingsFromJson(std::string_view text, std::string_view file) {
  if (Status nesting = CheckNesting(text); !nesting.ok())
    return Invalid(std::string(file) + ": " + nesting.error().message);
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  const Error malformed = Invalid(std::string(file) + ": not a resolved scenario (JSON with 'settings')");
  if (!json.is_object() || !json.contains("settings") || !json["settings"].is_object()) return malformed;
  Settings settings;
  const auto read_text = [&](const char* name, std::string& out) {
    if (!json.contains(name)) return true;
    if (!json[name].is_string()) return false;
    out = json[name].get<std::string>();
    return true;
  };
  if (!read_text("scenario", settings.scenario) || !read_text("source", settings.source) ||
      !read_text("description", settings.description) || !read_text("strategy", settings.strategy) ||
      !read_text("file_hash", settings.file_hash)) {
    return malformed;
  }
  if (json.contains("slo")) {
    if (!json["slo"].is_array()) return malformed;
    for (const nlohmann::json& row : json["slo"]) {
      if (!row.is_object() || !row.contains("name") || !row["name"].is_string() || !row.contains("expression") ||
          !row["expression"].is_string()) {
        return malformed;
      }
      settings.slo.push_back({row["name"].get<std::string>(), row["expression"].get<std::string>()});
    }
  }
  if (json.contains("metrics")) {
    const Status read = MetricsFromJson(json["metrics"], settings.metrics);
    if (!read.ok()) return Invalid(std::string(file) + ": " + read.error().message);
  }
  for (const auto& [name, value] : json["settings"].items()) {
    const SettingKey* key = FindSettingKey(name);
    if (key == nullptr) return Invalid(std::string(file) + ": unknown key " + name + Suggest(name));
    const Status assigned = AssignSetting(settings, *key, value.is_string() ? value.get<std::string>() : value.dump());
    if (!assigned.ok()) return Invalid(std::string(file) + ": " + assigned.error().message);
  }
  return settings;
}

}  // namespace prefixmesh::load
