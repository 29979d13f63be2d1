#include "loadgen/settings/settings.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "impl/base/did_you_mean.h"
#include "impl/base/nesting.h"
#include "impl/base/whole_file.h"
#include "impl/figures/figure_names.h"
#include "impl/figures/load_figures.h"
#include "impl/settings/toml_settings.h"
#include "loadgen/scenarios/builtin.h"
#include "loadgen/settings/metrics.h"
#include "loadgen/settings/sections.h"
#include "loadgen/settings/sha256.h"

namespace prefixmesh::load {
namespace {

constexpr std::size_t kSlosMax = 1000;
constexpr double kRequestsMax = 20e6;

// What a file may have beside sections, for the line that names what it has instead.
constexpr char kBesideSections[] = ", lists (slo, metric) and texts (description, source, strategy)";

// A top-level key that is text.
std::string* Words(Settings& settings, std::string_view key) {
  if (key == "source") return &settings.source;
  if (key == "description") return &settings.description;
  if (key == "strategy") return &settings.strategy;
  return nullptr;
}

Status ReadSlo(Settings& settings, const toml::node& node, std::string_view file) {
  const toml::array* list = node.as_array();
  if (list == nullptr)
    return Invalid(TomlPlace(file, node) + "slo must be written as [[slo]] with name and expression");
  for (const toml::node& item : *list) {
    const toml::table* row = item.as_table();
    const toml::node* name = row != nullptr ? row->get("name") : nullptr;
    const toml::node* expression = row != nullptr ? row->get("expression") : nullptr;
    if (name == nullptr || !name->is_string() || expression == nullptr || !expression->is_string() ||
        row->size() != 2) {
      return Invalid(TomlPlace(file, item) + "[[slo]] needs exactly name and expression, both text");
    }
    if (settings.slo.size() == kSlosMax) return Invalid(TomlPlace(file, item) + "more than 1000 [[slo]] lines");
    settings.slo.push_back({name->as_string()->get(), expression->as_string()->get()});
  }
  return {};
}

Status ReadMetrics(Settings& settings, const toml::node& node, std::string_view file) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return Invalid(TomlPlace(file, node) + "metric must be written as [[metric]]");
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
      return Invalid(TomlPlace(file, item) +
                     "[[metric]] needs exactly name, value and better, all text, and threshold_percent");
    const Status added = AddMetric(settings.metrics, {*name, *value, *better, *percent->value<double>()});
    if (!added.ok()) return Invalid(TomlPlace(file, item) + added.error().message);
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
  const Result<toml::table> root = ParseToml(text, file);
  if (!root.ok()) return root.error();
  Settings settings;
  settings.file_hash = Sha256Hex(AsBytes(text));
  for (const auto& [name, node] : *root) {
    Status read;
    if (std::string* words = Words(settings, name.str()); words != nullptr) {
      if (!node.is_string()) return Invalid(TomlPlace(file, node) + std::string(name.str()) + " must be text");
      *words = node.as_string()->get();
    } else if (name.str() == "slo") {
      read = ReadSlo(settings, node, file);
    } else if (name.str() == "metric") {
      read = ReadMetrics(settings, node, file);
    } else if (const toml::table* section = node.as_table()) {
      read = AssignSection(Sections(), &settings, name.str(), *section, file);
    } else {
      read = Invalid(TomlPlace(file, node) + FindSetting(Sections(), name.str()).error().message + kBesideSections);
    }
    if (!read.ok()) return read.error();
  }
  AddFailedShareObjective(settings);
  return settings;
}

Result<Settings> LoadScenario(std::string_view name_or_path) {
  std::vector<std::string> names;
  for (const BuiltinScenario& scenario : BuiltinScenarios()) {
    if (name_or_path != scenario.name) {
      names.emplace_back(scenario.name);
      continue;
    }
    Result<Settings> settings = ParseScenario(scenario.toml, std::string(name_or_path) + ".toml");
    if (settings.ok()) settings->scenario = std::string(name_or_path);
    return settings;
  }
  const bool is_path = name_or_path.find('/') != std::string_view::npos || name_or_path.ends_with(".toml");
  if (!is_path) return Invalid(UnknownName("scenario", name_or_path, names) + ", and .toml files");
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
  return ApplySetting(Sections(), &settings, assignment);
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
  const double slow = settings.workers.slow_share > 0 ? settings.workers.slow_factor : 1;
  if (settings.workers.prefill_us_per_block * slow > 1e9 || settings.workers.decode_ms * slow > 1e7)
    return Invalid(
        "workers.slow_factor: a slow worker would take more than workers.prefill_us_per_block=1e9 or "
        "workers.decode_ms=1e7");
  if (settings.load.burst > 1 && (trace_times || settings.load.arrivals == "staged")) {
    return Invalid("load.burst: " + settings.load.arrivals + " arrivals come one at a time");
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
  if (settings.index.listens() && settings.workers.block_bytes != settings.index.block_bytes)
    return Invalid("index.source: with events a block is the same for routers and workers, so workers.block_bytes=" +
                   std::to_string(settings.workers.block_bytes) +
                   " and index.block_bytes=" + std::to_string(settings.index.block_bytes) + " must be equal");
  if (settings.workers.kv_form == "engine") {
    const auto needs = [](const std::string& what) { return Invalid("workers.kv_form=engine needs " + what); };
    if (!settings.index.listens()) return needs("index.source=events");
    if (settings.prompt_kind() != Kind::kTokens) return needs("prompt.kind=tokens: engines tell tokens");
    if (settings.models.count != 1) return needs("models.count=1: an engine serves one model");
  }
  constexpr std::uint64_t kToldBlocksMax = 1u << 20;  // a dump of more would be no answer (kv_source.h)
  if (settings.index.listens() && settings.workers.cache_blocks > kToldBlocksMax)
    return Invalid("index.source: with events, workers.cache_blocks is at most " + std::to_string(kToldBlocksMax));
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
  for (const Setting& setting : SettingsOf(Sections())) {
    const std::string text = SettingText(&settings, setting);
    if (!IsNumber(*setting.row)) {
      values[setting.Key()] = text;
    } else if (TypeName(*setting.row) == "count") {
      values[setting.Key()] = std::strtoull(text.c_str(), nullptr, 10);
    } else {
      values[setting.Key()] = std::strtod(text.c_str(), nullptr);
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
    const Result<Setting> setting = FindSetting(Sections(), name);
    if (!setting.ok()) return Invalid(std::string(file) + ": " + setting.error().message);
    const Status assigned =
        AssignSetting(&settings, *setting, value.is_string() ? value.get<std::string>() : value.dump());
    if (!assigned.ok()) return Invalid(std::string(file) + ": " + assigned.error().message);
  }
  return settings;
}

}  // namespace prefixmesh::load
