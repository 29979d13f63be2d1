// settings.h — start here for scenarios: everything one can say, typed, with its defaults; and how it is read, changed
// and written.
//
// A scenario file is TOML: top-level `source`, `description`, `strategy`, `[[slo]]` and `[[metric]]`, and sections
// whose keys are the members below (`[load] rps = 200` is `load.rps`); what concerns routers stands in
// impl/router/router_settings.h. What a file leaves out keeps its default, which is the scenario `reference`. Overrides
// (`load.rps=100`, `phases.load_s=2m`) go through the same rows (sections.h).
//
// Threads: value types and pure functions, any thread. Units: last in every name (_s, _ms, _us, _bytes, _mib); text may
// carry one (ms, s, m, h, B, KiB, MiB, GiB) and is converted. Errors: one line that names file, line, key and allowed
// values. Ownership: values. Bounds: a scenario file has at most 1 MiB and kNestingMax levels
// (nesting.h); every number has a range in the table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/result.h"
#include "impl/router/router_settings.h"
#include "impl/settings/settings_file.h"

namespace prefixmesh::load {

// What the programs take; a setting beyond would only be refused by them later. tests/real/limits_test.cc holds them
// against the programs.
inline constexpr std::uint64_t kWorkersMax = 1024;  // of a router; as many again may be its peers' only
inline constexpr std::uint64_t kModelsMax = 64;
inline constexpr std::uint64_t kRoutersMax = 64;

// One piece of a staged load: `rps` for `seconds`.
struct Stage {
  double seconds = 0;
  double rps = 0;
  friend bool operator==(const Stage&, const Stage&) = default;
};

// A service-level objective: the expression is over fields of result.json and is parsed by bench/.
struct Slo {
  std::string name;
  std::string expression;
  friend bool operator==(const Slo&, const Slo&) = default;
};

// What `prefixmesh ab` compares: the value is over fields of result.json and is parsed by bench/.
struct Metric {
  std::string name;
  std::string value;
  bool lower_is_better = true;
  double threshold_percent = 5;  // a smaller change is of no practical interest
  friend bool operator==(const Metric&, const Metric&) = default;
};
// One family of tests: with more, nine pairs could call nothing (bench/ab/statistics/verdict.h).
inline constexpr std::size_t kMetricsMax = 12;

struct Settings : RouterSettings {
  std::string scenario = "reference";
  std::string source;                  // what observation the scenario reproduces
  std::string description;             // one line for `prefixmesh list scenarios`
  std::string strategy = "two-layer";  // what runs when the command names none; checked where strategies are known
  std::string file_hash;               // sha256 of the scenario file's text, hex
  std::vector<Slo> slo;
  std::vector<Metric> metrics;  // a file's own `[[metric]]`; metrics.h: those of one without

  struct Load {
    double rps = 200;
    std::string arrivals = "poisson";  // poisson, constant, gamma, staged, trace
    double burstiness = 1;             // gamma's shape: 1 is Poisson, below 1 burstier, above smoother
    std::vector<Stage> stages;         // for `staged`; the last one holds to the end
    std::uint64_t burst = 1;           // so many come at once, with one prompt
    double timeout_s = 30;             // from the real send time of a request
  } load;

  struct Phases {
    double warmup_s = 5;
    double load_s = 30;
    double settle_s = 15;
    double idle_s = 15;
    double drain_s = 60;
  } phases;

  struct Prompt {
    std::string kind = "text";            // text, tokens
    std::string generator = "templates";  // templates, unique, chat, trace
    std::uint64_t chars = 80000;          // bytes of a text prompt
    std::uint64_t tokens = 20000;         // tokens of a token prompt
    std::uint64_t templates = 50;
    double shared = 0.8;         // part of a prompt that comes from its template
    double duplicate_ratio = 0;  // part of the requests that repeat an earlier prompt whole
    double hot_share = 0;        // part of the requests that use template 0 whatever the draw says
    double zipf = 0;             // the n-th template, or system prompt, is drawn n^-zipf as often as the first
    double empty_share = 0;      // part of the requests with an empty prompt
  } prompt;

  struct Chat {
    std::uint64_t sessions = 200;  // alive at a time; one that ends is replaced by a new one
    std::uint64_t turns = 10;      // of a session
    std::uint64_t system_prompts = 10;
    std::uint64_t system_chars = 8000;
    std::uint64_t turn_chars = 6000;  // a turn adds this much: the user's text and the answer before it
  } chat;

  struct Trace {
    std::string path;
    std::uint64_t block_tokens = 512;
    double speed = 1;
    bool spread = true;  // equal timestamps are spread over the gap to the next one
  } trace;

  struct Workers {
    std::uint64_t count = 20;
    std::uint64_t concurrency = 8;
    double prefill_us_per_block = 400;
    double decode_ms = 60;
    std::uint64_t cache_blocks = 65536;
    std::uint64_t block_bytes = 256;
    std::uint64_t kv_events = 1024;
    std::string kv_form = "grpc";
    double slow_share = 0;    // part of the workers that is slow: the last ones
    double slow_factor = 10;  // so many times as long, prefill and decode
  } workers;

  struct Routers {
    std::uint64_t count = 2;
    std::string spread = "random";   // random, round-robin, first
    std::string log_level = "info";  // debug, info, warn, error
  } routers;

  // router-a against all the others; they keep talking to each other.
  struct Partition {
    std::string direction = "none";  // none, both, a_to_b (what router-a says is not heard), b_to_a (it hears nothing)
    double from = 0.2;               // of the load phase
    double to = 0.6;
  } partition;

  struct Join {
    double at = 0;  // of the load phase: then the last of routers.count starts; 0: it is there from the start
  } join;

  // The last of routers.count is stopped (SIGSTOP) and goes on later. No requests go to it meanwhile.
  struct Stop {
    double from = 0;  // of the load phase
    double to = 0;    // equal to `from`: never
  } stop;

  // The first worker's KV cache is emptied.
  struct Clear {
    double at = 0;  // of the load phase; 0: never
  } clear;

  // The last worker dies with all that it was asked, and begins anew.
  struct Restart {
    double at = 0;  // of the load phase; 0: never
    double down_s = 1;
  } restart;

  struct Models {
    std::uint64_t count = 1;
  } models;

  struct MemoryCap {
    double router_rss_mib = 0;  // 0: none
  } memory_cap;

  struct Trust {
    double schedule_delay_p99_ms = 10;
    double schedule_delay_max_ms = 250;
    double cpu_cores = 0.5;
    double late_ms = 5;
  } trust;

  struct Probe {
    std::uint64_t placements = 2000;
    double visibility_share = 0.01;
  } probe;

  // What counts as served well: goodput.
  struct Goodput {
    double ttft_ms = 100;
    double latency_ms = 200;
  } goodput;

  struct Compare {
    std::string figures = "sync";  // sync, routing
  } compare;

  Kind prompt_kind() const { return prompt.kind == "tokens" ? Kind::kTokens : Kind::kText; }
  // Bytes of a generated prompt, whatever its kind.
  std::uint64_t prompt_bytes() const {
    return prompt_kind() == Kind::kTokens ? prompt.tokens * kBytesPerToken : prompt.chars;
  }
  // What a worker and an index cut a prompt into, in bytes.
  std::uint64_t index_block_bytes() const {
    return prompt_kind() == Kind::kTokens ? index.block_tokens * kBytesPerToken : index.block_bytes;
  }
  std::uint64_t worker_block_bytes() const {
    return prompt_kind() == Kind::kTokens ? index.block_tokens * kBytesPerToken : workers.block_bytes;
  }
};

// Parses a scenario's text. `file` is only used in error messages.
Result<Settings> ParseScenario(std::string_view toml, std::string_view file);

// `name_or_path`: a built-in name, or a path (anything else that ends in .toml or has a '/').
Result<Settings> LoadScenario(std::string_view name_or_path);

// `key=value`, as in --set.
Status ApplyOverride(Settings& settings, std::string_view assignment);

// What no single key can say: shares that need a path, stages that need `staged`, a plan that would be too large.
// LoadScenario does not call it, because overrides come after.
Status Validate(const Settings& settings);
// A prompt that the routers would refuse. `what` ends before the number.
Error PromptTooLong(const std::string& what, std::uint64_t bytes, const Settings& settings);

// The keys and values as one flat JSON object ({"load.rps":200,…}); what result.json has in scenario.settings.
std::string SettingsValuesJson(const Settings& settings);

// Everything, and back: how the orchestrator hands a resolved scenario to the load process.
std::string SettingsToJson(const Settings& settings);
Result<Settings> SettingsFromJson(std::string_view json, std::string_view file);

struct SettingInfo {
  std::string key;
  std::string type;     // number, count, text, switch, stages
  std::string unit;     // s, ms, us, bytes, MiB, … or empty
  std::string value;    // the default, as a scenario file would write it
  std::string allowed;  // "0.1 … 100000" or "poisson, constant, …"
  std::string doc;
};
std::vector<SettingInfo> ListSettings();

struct ScenarioInfo {
  std::string name;
  std::string description;
};
std::vector<ScenarioInfo> ListScenarios();

// What --duration takes: "30s", "2m" or "500ms"; a number without a unit could be either.
Result<double> ParseSeconds(std::string_view text);

}  // namespace prefixmesh::load
