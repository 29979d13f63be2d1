// Goal: every key reads back what was written, units convert, and every mistake gets one line that says where and what.
#include "loadgen/settings/settings.h"

#include <set>

#include "loadgen/settings/metrics.h"
#include "loadgen/settings/sections.h"
#include "tests/support/properties.h"

namespace prefixmesh::load {
namespace {

std::string ScenarioError(std::string_view toml) {
  const Result<Settings> settings = ParseScenario(toml, "s.toml");
  return settings.ok() ? "accepted" : settings.error().message;
}
std::string OverrideError(std::string_view assignment) {
  Settings settings;
  const Status applied = ApplyOverride(settings, assignment);
  return applied.ok() ? "accepted" : applied.error().message;
}

TEST_CASE("Settings: a scenario file sets what it says and leaves the rest") {
  const Result<Settings> settings = ParseScenario(R"(
description = "d"
source = "s"
[load]
rps = 20.5
arrivals = "staged"
stages = ["10:5", "20:7.5"]
[phases]
load_s = "2m"
[trace]
spread = false
[[slo]]
name = "fast"
expression = "load.ttft_us.p99 <= 500000"
)",
                                                  "s.toml");
  REQUIRE(settings.ok());
  REQUIRE(settings->load.rps == 20.5);
  REQUIRE(settings->load.stages == std::vector<Stage>{{10, 5}, {20, 7.5}});
  REQUIRE(settings->phases.load_s == 120);
  REQUIRE_FALSE(settings->trace.spread);
  // What it does not say of failures is said for it, once.
  REQUIRE(settings->slo ==
          std::vector<Slo>{{"fast", "load.ttft_us.p99 <= 500000"}, {"few requests fail", "load.failed_share <= 0.01"}});
  const auto own = ParseScenario("[[slo]]\nname = \"half\"\nexpression = \"load.failed_share <= 0.5\"\n", "s.toml");
  REQUIRE(own->slo == std::vector<Slo>{{"half", "load.failed_share <= 0.5"}});
  REQUIRE(settings->prompt.chars == 80000);
  REQUIRE(settings->file_hash.size() == 64);
}

TEST_CASE("Settings: metrics are a scenario's own, or the default ones") {
  const Result<Settings> own = ParseScenario(
      "[[metric]]\nname = \"x\"\nvalue = \"routing.load_cov\"\nbetter = \"higher\"\nthreshold_percent = 2.5\n",
      "s.toml");
  REQUIRE(own.ok());
  REQUIRE(own->metrics == std::vector<Metric>{{"x", "routing.load_cov", false, 2.5}});
  REQUIRE(MetricsOf(*own) == own->metrics);
  Result<Settings> none = ParseScenario("", "s.toml");
  const std::vector<Metric> sync = MetricsOf(*none);
  REQUIRE((sync.size() > 5 && sync.size() <= kMetricsMax));
  REQUIRE(ApplyOverride(*none, "compare.figures=routing").ok());
  const std::vector<Metric> routing = MetricsOf(*none);
  REQUIRE((routing.size() > 5 && routing.size() <= kMetricsMax));
  REQUIRE(routing != sync);

  const auto metric = [](const std::string& name, const std::string& better, const std::string& percent) {
    return "[[metric]]\nname = \"" + name + "\"\nvalue = \"v\"\nbetter = \"" + better +
           "\"\nthreshold_percent = " + percent + "\n";
  };
  REQUIRE(ScenarioError("[[metric]]\nname = \"x\"\n").rfind("s.toml:1: [[metric]] needs exactly name", 0) == 0);
  REQUIRE(ScenarioError("metric = 3\n").rfind("s.toml:1: metric must be written as [[metric]]", 0) == 0);
  REQUIRE(ScenarioError(metric("x", "more", "1")) ==
          "s.toml:1: [[metric]] 'x': better: 'more' is not one of lower, higher");
  REQUIRE(ScenarioError(metric("x", "lower", "0")).rfind("s.toml:1: [[metric]] 'x': threshold_percent must", 0) == 0);
  REQUIRE(ScenarioError(metric("x", "lower", "nan")).rfind("s.toml:1: [[metric]] 'x': threshold_percent must", 0) == 0);
  REQUIRE(ScenarioError(metric("x", "lower", "1") + metric("x", "lower", "1")) ==
          "s.toml:6: [[metric]] 'x' is there twice");
  std::string many;
  for (std::size_t i = 0; i <= kMetricsMax; ++i) many += metric(std::to_string(i), "lower", "1");
  REQUIRE(ScenarioError(many).rfind("s.toml:61: more than 12 [[metric]] lines", 0) == 0);
}

TEST_CASE("Settings: mistakes in a file name the file, the line, the key and what is allowed") {
  REQUIRE(ScenarioError("[load]\nrps = 1\nrsp = 2\n")
              .rfind("s.toml:3: unknown key load.rsp (did you mean 'load.rps'?) (allowed: load.rps, ", 0) == 0);
  REQUIRE(ScenarioError("[lod]\nrps = 1\n")
              .rfind("s.toml:2: unknown key lod.rps (did you mean 'load'?) (sections: load, phases, ", 0) == 0);
  REQUIRE(ScenarioError("nonsense = 1\n").rfind("s.toml:1: unknown key nonsense (sections: ", 0) == 0);
  REQUIRE(ScenarioError("[load]\narrivals = \"often\"\n") ==
          "s.toml:2: load.arrivals: 'often' is not one of poisson, constant, gamma, staged, trace");
  REQUIRE(ScenarioError("[load]\nrps = 0\n") == "s.toml:2: load.rps: 0 is outside 0.01 … 100000");
  REQUIRE(ScenarioError("[load]\nrps = \"many\"\n") == "s.toml:2: load.rps: 'many' is not a number");
  REQUIRE(ScenarioError("[workers]\ncount = 1.5\n") == "s.toml:2: workers.count: 1.5 is not whole");
  REQUIRE(ScenarioError("[load]\nstages = [\"5\"]\n").rfind("s.toml:2: load.stages: '5' is not \"seconds:rps\"", 0) ==
          0);
  REQUIRE(ScenarioError("[[slo]]\nname = \"x\"\n").rfind("s.toml:1: [[slo]] needs exactly name and expression", 0) ==
          0);
  REQUIRE(ScenarioError("[load\n").rfind("s.toml:1: ", 0) == 0);
  REQUIRE(ScenarioError("source = 3\n") == "s.toml:1: source must be text");
}

TEST_CASE("Settings: every constant of the generations is a setting with its default, range and unit") {
  const Settings defaults;
  for (const SettingRow& row : generations::kConstantRows) {
    const std::string name = std::string("generations.") + row.name;
    INFO(name);
    Settings settings;
    const Setting setting = *FindSetting(Sections(), name);
    REQUIRE(ApplyOverride(settings, name + "=" + NumberText(row.high)).ok());
    CHECK(SettingText(&settings, setting) == NumberText(row.high));
    REQUIRE(ApplyOverride(settings, name + "=" + SettingText(&defaults, setting)).ok());
    CHECK(static_cast<const generations::Constants&>(settings.generations) == defaults.generations);  // nothing else
    CHECK_FALSE(ApplyOverride(settings, name + "=" + NumberText(row.high + 1)).ok());
  }
  Settings settings;
  REQUIRE(ApplyOverride(settings, "generations.batch_bytes=4MiB").ok());
  CHECK(settings.generations.batch_bytes == 4u << 20);
  REQUIRE(ApplyOverride(settings, "generations.tick_ms=2s").ok());
  CHECK(settings.generations.tick_ms == 2000);
  CHECK_FALSE(ApplyOverride(settings, "generations.queue_messages=4KiB").ok());
  for (int ms = 10; ms < 5000; ++ms) {  // a whole number stays one in another unit
    INFO(ms);
    REQUIRE(ApplyOverride(settings, "generations.round_ms=" + NumberText(ms / 1000.0) + "s").ok());
    REQUIRE(settings.generations.round_ms == static_cast<std::uint64_t>(ms));
  }
}

TEST_CASE("Settings: overrides take units and refuse wrong ones") {
  Settings settings;
  const auto set = [&](std::string_view assignment) {
    const Status applied = ApplyOverride(settings, assignment);
    INFO(assignment);
    REQUIRE(applied.ok());
  };
  set("phases.load_s=500ms");
  REQUIRE(settings.phases.load_s == 0.5);
  set("phases.idle_s=10m");
  REQUIRE(settings.phases.idle_s == 600);
  set("phases.load_s=1h");
  REQUIRE(settings.phases.load_s == 3600);
  set("two_layer.round_ms=2s");
  REQUIRE(settings.two_layer.round_ms == 2000);
  set("prompt.chars=8KiB");
  REQUIRE(settings.prompt.chars == 8192);
  set("index.budget_mib=512KiB");
  REQUIRE(settings.index.budget_mib == 0.5);
  set("index.budget_mib=8");
  REQUIRE(settings.index.budget_mib == 8);
  set("workers.prefill_us_per_block=0.4 ms");
  REQUIRE(settings.workers.prefill_us_per_block == Approx(400));
  set("trace.spread=off");
  REQUIRE_FALSE(settings.trace.spread);
  REQUIRE(OverrideError("load.rps=5s") == "--set load.rps=5s: load.rps: unit 's' is not one of a bare number");
  REQUIRE(OverrideError("phases.load_s=5KiB") ==
          "--set phases.load_s=5KiB: phases.load_s: unit 'KiB' is not one of us, ms, s, m, h");
  REQUIRE(OverrideError("phases.load_s=5 parsecs") ==
          "--set phases.load_s=5 parsecs: phases.load_s: unit 'parsecs' is not one of us, ms, s, m, h");
  REQUIRE(OverrideError("load.rps") == "--set load.rps: must be key=value");
  REQUIRE(OverrideError("load.rps=") == "--set load.rps=: load.rps: '' is not a number");
  REQUIRE(OverrideError("load.rps=nan") == "--set load.rps=nan: load.rps: 'nan' is not a number");
  REQUIRE(OverrideError("x=1").rfind("--set x=1: unknown key x (sections: load", 0) == 0);
  REQUIRE(OverrideError("index.kind=tree") ==
          "--set index.kind=tree: index.kind: 'tree' is not one of auto, block, text");
}

TEST_CASE("Settings: a setting is read by the name it had before, and written by the one it has") {
  Settings settings;
  REQUIRE(ApplyOverride(settings, "generations.mended=H1").ok());
  REQUIRE(settings.generations.fixed == "H1");
  const Result<Settings> file = ParseScenario("[generations]\nmended = \"H2\"\n", "old.toml");
  REQUIRE(file.ok());
  REQUIRE(file->generations.fixed == "H2");
  REQUIRE(SettingsValuesJson(settings).find("\"generations.fixed\"") != std::string::npos);
  REQUIRE(SettingsValuesJson(settings).find("mended") == std::string::npos);
}

TEST_CASE("Settings: what the programs would refuse is refused here") {
  REQUIRE(OverrideError("workers.count=1025") == "--set workers.count=1025: workers.count: 1025 is outside 1 … 1024");
  REQUIRE(OverrideError("routers.count=65") == "--set routers.count=65: routers.count: 65 is outside 1 … 64");
  REQUIRE(OverrideError("models.count=65") == "--set models.count=65: models.count: 65 is outside 1 … 64");
  REQUIRE(OverrideError("route.balance_abs=0.5") == "--set route.balance_abs=0.5: route.balance_abs: 0.5 is not whole");
  REQUIRE(OverrideError("prompt.chars=9MiB") ==
          "--set prompt.chars=9MiB: prompt.chars: 9MiB is outside 0 … 8388608 bytes");
  REQUIRE(OverrideError("prompt.tokens=2097153").find("is outside 0 … 2097152") != std::string::npos);
  REQUIRE(OverrideError("two_layer.peer_round_budget_kib=1MiB").find("is outside 1 … 512 KiB") != std::string::npos);
  // A conversation's last turn is the longest prompt.
  Settings chat = *LoadScenario("chat");
  REQUIRE(ApplyOverride(chat, "chat.turns=100").ok());
  REQUIRE(ApplyOverride(chat, "chat.turn_chars=20951").ok());
  REQUIRE(ApplyOverride(chat, "chat.system_chars=2052").ok());
  REQUIRE(Validate(chat).ok());
  REQUIRE(ApplyOverride(chat, "chat.system_chars=2053").ok());
  REQUIRE(Validate(chat).error().message ==
          "chat.system_chars + chat.turns x chat.turn_chars is 2097153 bytes; routers take prompts of at most "
          "2097152 (limits.prompt_bytes)");
}

TEST_CASE("Settings: a cut, a join and a stop that cannot be are said in one line") {
  Settings settings = *LoadScenario("partition");
  settings.partition.from = settings.partition.to;
  REQUIRE(Validate(settings).error().message == "partition.from must be below partition.to");
  settings.partition.direction = "none";
  REQUIRE(Validate(settings).ok());
  settings = *LoadScenario("partition");
  settings.routers.count = 1;
  REQUIRE(Validate(settings).error().message == "partition.direction: it takes routers.count of at least 2");
  settings = *LoadScenario("late-join");
  settings.routers.count = 1;
  REQUIRE(Validate(settings).error().message == "join.at: it takes routers.count of at least 2");
  settings = *LoadScenario("stopped-router");
  settings.routers.count = 1;
  REQUIRE(Validate(settings).error().message == "stop.from: it takes routers.count of at least 2");
  settings.routers.count = 3;
  settings.join.at = 0.5;
  REQUIRE(Validate(settings).error().message ==
          "stop.from and join.at are both about the last router: set one of them");
  settings.join.at = 0;
  settings.stop.to = 0.1;
  REQUIRE(Validate(settings).error().message == "stop.from must not be above stop.to");
  REQUIRE(ApplyOverride(settings, "partition.direction=up").error().message ==
          "--set partition.direction=up: partition.direction: 'up' is not one of none, both, a_to_b, b_to_a");
}

TEST_CASE("Settings: every built-in scenario loads, says what it is, and is valid") {
  std::set<std::string> names;
  for (const ScenarioInfo& scenario : ListScenarios()) {
    INFO(scenario.name);
    const Result<Settings> settings = LoadScenario(scenario.name);
    REQUIRE(settings.ok());
    REQUIRE(settings->scenario == scenario.name);
    REQUIRE_FALSE(settings->description.empty());
    REQUIRE_FALSE(settings->source.empty());
    if (scenario.name != "trace") REQUIRE(Validate(*settings).ok());
    names.insert(scenario.name);
  }
  REQUIRE(names.size() == 28);
  REQUIRE(LoadScenario("nothing").error().message.rfind("unknown scenario 'nothing'; there are: reference, ", 0) == 0);
  REQUIRE(LoadScenario("./nothing.toml").error().message == "./nothing.toml: No such file or directory");
  REQUIRE(Validate(*LoadScenario("trace")).error().message.find("--set trace.path=FILE") != std::string::npos);
}

TEST_CASE("Settings: a scenario may name its strategy, and keeps it through JSON") {
  REQUIRE(ParseScenario("", "s.toml")->strategy == "two-layer");
  const Settings settings = *LoadScenario("generations/S3");
  REQUIRE(settings.strategy == "snapshot-ops");
  REQUIRE(SettingsFromJson(SettingsToJson(settings), "f.json")->strategy == "snapshot-ops");
  REQUIRE(ParseScenario("strategy = 3", "s.toml").error().message == "s.toml:1: strategy must be text");
}

TEST_CASE("Settings: the scenario `reference` is the defaults") {
  REQUIRE(SettingsValuesJson(*LoadScenario("reference")) == SettingsValuesJson(Settings{}));
}

TEST_CASE("Settings: JSON and back gives the same, for every scenario and after overrides") {
  for (const ScenarioInfo& scenario : ListScenarios()) {
    Settings settings = *LoadScenario(scenario.name);
    settings.slo.push_back({"a \"quoted\" name", "x <= 1"});
    REQUIRE(ApplyOverride(settings, "load.stages=1:2, 3:4.5").ok());
    REQUIRE(ApplyOverride(settings, "load.rps=0.1").ok());
    REQUIRE(ApplyOverride(settings, "trace.path=/a b/ü.jsonl").ok());
    const Result<Settings> back = SettingsFromJson(SettingsToJson(settings), "f.json");
    REQUIRE(back.ok());
    REQUIRE(SettingsToJson(*back) == SettingsToJson(settings));
    REQUIRE(back->slo == settings.slo);
    REQUIRE(back->metrics == settings.metrics);
    REQUIRE(back->load.stages == settings.load.stages);
  }
  REQUIRE_FALSE(SettingsFromJson("{}", "f.json").ok());
  REQUIRE_FALSE(SettingsFromJson("[1", "f.json").ok());
  REQUIRE(SettingsFromJson(R"({"settings":{"load.rps":-1}})", "f.json").error().message ==
          "f.json: load.rps: -1 is outside 0.01 … 100000");
}

TEST_CASE("Settings: every default lies in its own range and reads back") {
  const Settings defaults;
  std::set<std::string> seen;
  for (const Setting& setting : SettingsOf(Sections())) {
    INFO(setting.Key());
    Settings settings;
    const std::string text = SettingText(&defaults, setting);
    REQUIRE(seen.insert(setting.Key()).second);
    REQUIRE_FALSE(std::string(setting.row->doc).empty());
    if (text.empty()) continue;  // free text
    REQUIRE(AssignSetting(&settings, setting, text).ok());
    REQUIRE(SettingText(&settings, setting) == text);
  }
  REQUIRE(ListSettings().size() == SettingsOf(Sections()).size());
}

TEST_CASE("Settings: any text is taken or refused, in files and overrides") {
  test::ForAll("any text", [](const std::string& text) {
    (void)ParseScenario(text, "s.toml");
    Settings settings;
    (void)ApplyOverride(settings, text);
    for (const Setting& setting : SettingsOf(Sections())) (void)AssignSetting(&settings, setting, text);
  });
}

TEST_CASE("ParseSeconds: a duration has a unit") {
  REQUIRE(*ParseSeconds("30s") == 30);
  REQUIRE(*ParseSeconds("2m") == 120);
  REQUIRE(ParseSeconds("90").error().message == "--duration: '90' has no unit; write 30s or 2m");
  REQUIRE(ParseSeconds("-3s").error().message == "--duration: -3s is outside 0.1 … 86400 s");
  REQUIRE_FALSE(ParseSeconds("soon").ok());
}

TEST_CASE("Settings: what is refused is said in one line, whatever it quotes") {
  Settings settings;
  for (const char* text : {"no\nkey", "load.rps=1\n0", "load.rps\r=1", "prompt.kind=\ntext", "prompt.kind=\x1b[2Jtext",
                           "load.rps=\x1b[2J", "\x1b[2J=1", "load.rps=1\x1b[2J"}) {
    const Status status = ApplyOverride(settings, text);
    REQUIRE_FALSE(status.ok());
    REQUIRE(status.error().message.find_first_of("\r\n\x1b") == std::string::npos);
  }
}

}  // namespace
}  // namespace prefixmesh::load
