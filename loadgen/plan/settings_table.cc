#include "loadgen/plan/settings_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "impl/base/check.h"
#include "impl/node/router_settings.h"

namespace prefixmesh::load {
namespace {

// The last word of a constant's name.
constexpr Unit UnitOf(std::string_view name) {
  return name.ends_with("_bytes") ? Unit::kBytes : name.ends_with("_ms") ? Unit::kMilliseconds : Unit::kNone;
}

#define MEMBER(type, path)                       \
  MemberRef {                                    \
    +[](Settings& s) -> type& { return s.path; } \
  }
#define NUMBER(path, unit, low, high, doc) \
  SettingKey { #path, MEMBER(double, path), Unit::unit, low, high, "", doc }
#define COUNT(path, unit, low, high, doc) \
  SettingKey { #path, MEMBER(std::uint64_t, path), Unit::unit, low, high, "", doc }
// What a router is told with a flag has the flag's range.
#define ROUTER_NUMBER(path, unit, doc) NUMBER(path, unit, RouterSetting(#path).low, RouterSetting(#path).high, doc)
#define ROUTER_COUNT(path, unit, doc) COUNT(path, unit, RouterSetting(#path).low, RouterSetting(#path).high, doc)
#define TEXT(path, allowed, doc) \
  SettingKey { #path, MEMBER(std::string, path), Unit::kNone, 0, 0, allowed, doc }
#define CONSTANT(name)                                                                                          \
  SettingKey {                                                                                                  \
    "generations." #name, MEMBER(std::uint64_t, generations.name), UnitOf(#name),                               \
        static_cast<double>(generations::ConstantNamed(#name).low),                                             \
        static_cast<double>(generations::ConstantNamed(#name).high), "", generations::ConstantNamed(#name).help \
  }
#define SWITCH(path, doc) \
  SettingKey { #path, MEMBER(bool, path), Unit::kNone, 0, 0, "on, off", doc }

const std::array kKeys = {
    NUMBER(load.rps, kNone, 0.01, 100000, "requests per second over all routers"),
    TEXT(load.arrivals, "poisson, constant, gamma, staged, trace", "how the send times are drawn"),
    NUMBER(load.burstiness, kNone, 0.01, 1000, "shape of gamma arrivals: 1 is Poisson, below 1 burstier"),
    SettingKey{"load.stages", MEMBER(std::vector<Stage>, load.stages), Unit::kNone, 0, 0, "",
               "staged load, \"seconds:rps\" pieces; the last one holds to the end"},
    NUMBER(load.timeout_s, kSeconds, 0.01, 3600, "a request without its last message by then has failed"),
    NUMBER(phases.warmup_s, kSeconds, 0, 3600, "load that is not counted, before the load phase"),
    NUMBER(phases.load_s, kSeconds, 0.1, 86400, "the counted load (--duration)"),
    NUMBER(phases.settle_s, kSeconds, 0, 3600, "at most, until all counters stand still for 1 s"),
    NUMBER(phases.idle_s, kSeconds, 0, 86400, "silence that is measured"),
    NUMBER(phases.drain_s, kSeconds, 1, 3600, "at most, for the ledger and the orderly end"),
    TEXT(prompt.kind, "text, tokens", "what a prompt consists of"),
    TEXT(prompt.generator, "templates, unique, chat, trace", "how prompts relate to each other"),
    COUNT(prompt.chars, kBytes, 0, kPromptBytesMax, "size of a text prompt"),
    COUNT(prompt.tokens, kNone, 0, kPromptBytesMax / kBytesPerToken, "tokens of a token prompt, 4 bytes each"),
    COUNT(prompt.templates, kNone, 1, 1000000, "templates that prompts share, drawn uniformly"),
    NUMBER(prompt.shared, kNone, 0, 1, "part of a prompt that is its template's"),
    NUMBER(prompt.duplicate_ratio, kNone, 0, 1, "part of the requests that repeat an earlier prompt"),
    NUMBER(prompt.hot_share, kNone, 0, 1, "part of the requests that use template 0 in any case"),
    NUMBER(prompt.empty_share, kNone, 0, 1, "part of the requests with an empty prompt"),
    COUNT(chat.sessions, kNone, 1, 1000000, "conversations alive at a time"),
    COUNT(chat.turns, kNone, 1, 1000, "turns of a conversation"),
    COUNT(chat.system_prompts, kNone, 1, 1000000, "system prompts that conversations share"),
    COUNT(chat.system_chars, kBytes, 0, kPromptBytesMax, "size of a system prompt"),
    COUNT(chat.turn_chars, kBytes, 1, kPromptBytesMax, "what each turn adds to the prompt"),
    TEXT(trace.path, "", "a trace: Mooncake's JSON lines, or CSV with TIMESTAMP and ContextTokens"),
    COUNT(trace.block_tokens, kNone, 16, 512, "tokens that one of its hash_ids stands for"),
    NUMBER(trace.speed, kNone, 0.001, 10000, "the trace's time runs this much faster"),
    SWITCH(trace.spread, "spread equal timestamps over the gap to the next"),
    COUNT(workers.count, kNone, 1, kWorkersMax, "fake workers"),
    COUNT(workers.concurrency, kNone, 1, 100000, "requests a worker runs at a time"),
    NUMBER(workers.prefill_us_per_block, kMicroseconds, 0, 1e9, "per block that is not cached"),
    NUMBER(workers.decode_ms, kMilliseconds, 0, 1e7, "from the first token to the last message"),
    COUNT(workers.cache_blocks, kNone, 0, 16777216, "blocks of KV cache of a worker"),
    COUNT(workers.block_bytes, kBytes, 64, 4096, "text bytes of a worker's block"),
    COUNT(routers.count, kNone, 1, kRoutersMax, "routers"),
    TEXT(routers.spread, "random, round-robin, first", "which router a request goes to"),
    TEXT(routers.log_level, "debug, info, warn, error", "what routers write to their logs: more of it costs time"),
    TEXT(partition.direction, "none, both, a_to_b, b_to_a",
         "which words between router-a and all the others are held back, silently"),
    NUMBER(partition.from, kNone, 0, 1, "share of the load phase at which the cut begins"),
    NUMBER(partition.to, kNone, 0, 1, "share of the load phase at which it is healed"),
    NUMBER(stop.from, kNone, 0, 0.95, "share of the load phase at which the last router is stopped"),
    NUMBER(stop.to, kNone, 0, 0.95, "share of the load phase at which it goes on; as stop.from: it is never stopped"),
    NUMBER(join.at, kNone, 0, 0.95, "share of the load phase at which the last router starts; 0: with the others"),
    COUNT(models.count, kNone, 1, kModelsMax, "models that the same prompts are asked under"),
    ROUTER_NUMBER(route.cache_threshold, kNone, "match share from which the holder is chosen"),
    ROUTER_COUNT(route.balance_abs, kNone, "in-flight difference that may trip the load balance"),
    ROUTER_NUMBER(route.balance_rel, kNone, "in-flight ratio that must hold as well"),
    TEXT(index.kind, "auto, block, text", "auto: text for the generations, block for the others"),
    ROUTER_NUMBER(index.budget_mib, kMib, "budget of a router's block index"),
    ROUTER_COUNT(index.block_bytes, kBytes, "text bytes of an index block"),
    ROUTER_COUNT(index.block_tokens, kNone, "tokens of a block, in index and worker"),
    ROUTER_COUNT(index.text_max_chars, kBytes, "text index: characters per tenant"),
    ROUTER_NUMBER(index.text_eviction_s, kSeconds, "text index: time between evictions"),
    ROUTER_NUMBER(two_layer.round_ms, kMilliseconds, "beat of the sync loop"),
    ROUTER_COUNT(two_layer.anchors, kNone, "coarse ids that travel with a placement"),
    ROUTER_NUMBER(two_layer.window_mib, kMib, "placement log kept per origin"),
    ROUTER_NUMBER(two_layer.dead_after_s, kSeconds, "a log whose owner nobody heard for so long is dropped"),
    ROUTER_NUMBER(two_layer.peer_round_budget_kib, kKib, "records to one peer in one frame"),
    TEXT(generations.mended, "", "hazards of a generation that are mended, H1,H6 (H1+H6 in an arm); none: as it was"),
    CONSTANT(batch_bytes),
    CONSTANT(transport_bytes),
    CONSTANT(queue_messages),
    CONSTANT(tick_ms),
    CONSTANT(round_ms),
    CONSTANT(checkpoint_rounds),
    CONSTANT(garbage_rounds),
    CONSTANT(structure_rounds),
    CONSTANT(list_operations),
    CONSTANT(log_entries),
    CONSTANT(mark_trim_operations),
    CONSTANT(force_trim_operations),
    CONSTANT(delta_operations),
    CONSTANT(compressed_bytes),
    CONSTANT(claim_bytes),
    CONSTANT(snapshot_entries),
    NUMBER(limits.router_rss_mib, kMib, 0, 1048576, "a router above this is killed, which ends the run; 0: none"),
    COUNT(limits.prompt_bytes, kBytes, 4096, kPromptBytesMax, "routers and workers refuse a longer prompt"),
    NUMBER(trust.schedule_delay_p99_ms, kMilliseconds, 0, 1e6, "untrusted above"),
    NUMBER(trust.schedule_delay_max_ms, kMilliseconds, 0, 1e6, "untrusted above"),
    NUMBER(trust.cpu_cores, kNone, 0, 1024, "untrusted above, for the load process itself"),
    NUMBER(trust.late_ms, kMilliseconds, 0, 1e6, "sent this much after its time is late"),
    COUNT(probe.placements, kNone, 0, 1000000, "placements of the ledger that are checked in drain"),
    NUMBER(probe.visibility_share, kNone, 0, 1, "part of the requests whose visibility is measured"),
};

#undef MEMBER
#undef NUMBER
#undef COUNT
#undef ROUTER_NUMBER
#undef ROUTER_COUNT
#undef TEXT
#undef CONSTANT
#undef SWITCH

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The shortest text that reads back to the same; whole numbers without an exponent.
std::string NumberText(double value) {
  constexpr double kExactWhole = 1e15;
  std::array<char, 32> buffer;
  const bool whole = value == std::floor(value) && std::abs(value) < kExactWhole;
  const auto end = whole ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), static_cast<std::int64_t>(value))
                         : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), end.ptr);
}

struct UnitScale {
  const char* name;
  bool is_time;
  double scale;  // in seconds or bytes
};
constexpr UnitScale kUnits[] = {{"us", true, 1e-6},   {"ms", true, 1e-3},      {"s", true, 1},
                                {"m", true, 60},      {"h", true, 3600},       {"B", false, 1},
                                {"KiB", false, 1024}, {"MiB", false, 1048576}, {"GiB", false, 1073741824}};

// What one of the key's own unit is in seconds or bytes; 0 for a number without unit.
double OwnScale(Unit unit) {
  switch (unit) {
    case Unit::kNone:
      return 0;
    case Unit::kSeconds:
      return 1;
    case Unit::kMilliseconds:
      return 1e-3;
    case Unit::kMicroseconds:
      return 1e-6;
    case Unit::kBytes:
      return 1;
    case Unit::kKib:
      return 1024;
    case Unit::kMib:
      return 1048576;
  }
  return 0;
}
bool IsTime(Unit unit) { return unit == Unit::kSeconds || unit == Unit::kMilliseconds || unit == Unit::kMicroseconds; }

std::string AllowedUnits(Unit unit) {
  if (unit == Unit::kNone) return "a bare number";
  return IsTime(unit) ? "us, ms, s, m, h" : "B, KiB, MiB, GiB";
}

// A number in the key's own unit.
Result<double> ParseNumber(const SettingKey& key, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value)) {
    return Invalid(std::string(key.key) + ": '" + std::string(text) + "' is not a number");
  }
  const std::string_view suffix = Trim({end, static_cast<std::size_t>(text.data() + text.size() - end)});
  if (suffix.empty()) return value;
  for (const UnitScale& unit : kUnits) {
    if (suffix != unit.name) continue;
    if (key.unit == Unit::kNone || unit.is_time != IsTime(key.unit)) break;
    return unit.scale == OwnScale(key.unit) ? value : value * unit.scale / OwnScale(key.unit);
  }
  return Invalid(std::string(key.key) + ": unit '" + std::string(suffix) + "' is not one of " + AllowedUnits(key.unit));
}

std::string RangeText(const SettingKey& key) { return NumberText(key.low) + " … " + NumberText(key.high); }

Result<double> ParseInRange(const SettingKey& key, std::string_view text) {
  Result<double> value = ParseNumber(key, text);
  if (!value.ok()) return value;
  if (*value < key.low || *value > key.high) {
    return Invalid(std::string(key.key) + ": " + std::string(text) + " is outside " + RangeText(key) +
                   (key.unit == Unit::kNone ? "" : std::string(" ") + UnitName(key.unit)));
  }
  return value;
}

Result<std::vector<Stage>> ParseStages(std::string_view text) {
  constexpr std::size_t kStagesMax = 10000;
  std::vector<Stage> stages;
  while (!Trim(text).empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view piece = Trim(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t colon = piece.find(':');
    Stage stage;
    const auto read = [](std::string_view number, double& out) {
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out);
      return error == std::errc() && end == number.data() + number.size() && std::isfinite(out);
    };
    if (colon == std::string_view::npos || !read(piece.substr(0, colon), stage.seconds) ||
        !read(piece.substr(colon + 1), stage.rps) || stage.seconds <= 0 || stage.rps < 0 || stage.rps > 100000) {
      return Invalid("load.stages: '" + std::string(piece) + "' is not \"seconds:rps\" (seconds > 0, rps 0 … 100000)");
    }
    if (stages.size() == kStagesMax) return Invalid("load.stages: more than 10000 stages");
    stages.push_back(stage);
  }
  return stages;
}

bool IsAllowed(std::string_view allowed, std::string_view text) {
  while (!allowed.empty()) {
    const std::size_t comma = std::min(allowed.find(','), allowed.size());
    if (Trim(allowed.substr(0, comma)) == text) return true;
    allowed.remove_prefix(std::min(comma + 1, allowed.size()));
  }
  return false;
}

Error NotAllowed(const SettingKey& key, std::string_view text) {
  return Invalid(std::string(key.key) + ": '" + std::string(text) + "' is not one of " + key.allowed);
}

}  // namespace

std::span<const SettingKey> SettingKeys() { return kKeys; }

const SettingKey* FindSettingKey(std::string_view key) {
  const auto found = std::find_if(kKeys.begin(), kKeys.end(), [&](const SettingKey& row) { return key == row.key; });
  return found == kKeys.end() ? nullptr : &*found;
}

Status AssignSetting(Settings& settings, const SettingKey& key, std::string_view text) {
  text = Trim(text);
  if (const auto* number = std::get_if<double& (*)(Settings&)>(&key.member)) {
    const Result<double> value = ParseInRange(key, text);
    if (!value.ok()) return value.error();
    (*number)(settings) = *value;
  } else if (const auto* count = std::get_if<std::uint64_t& (*)(Settings&)>(&key.member)) {
    const Result<double> value = ParseInRange(key, text);
    if (!value.ok()) return value.error();
    if (*value != std::floor(*value)) return Invalid(std::string(key.key) + ": " + std::string(text) + " is not whole");
    (*count)(settings) = static_cast<std::uint64_t>(*value);
  } else if (const auto* flag = std::get_if<bool& (*)(Settings&)>(&key.member)) {
    if (text != "on" && text != "off" && text != "true" && text != "false") return NotAllowed(key, text);
    (*flag)(settings) = text == "on" || text == "true";
  } else if (const auto* words = std::get_if<std::string& (*)(Settings&)>(&key.member)) {
    if (key.allowed[0] != '\0' && !IsAllowed(key.allowed, text)) return NotAllowed(key, text);
    (*words)(settings) = std::string(text);
  } else {
    Result<std::vector<Stage>> stages = ParseStages(text);
    if (!stages.ok()) return stages.error();
    std::get<std::vector<Stage>& (*)(Settings&)>(key.member)(settings) = std::move(*stages);
  }
  return {};
}

std::string SettingText(const Settings& settings, const SettingKey& key) {
  Settings& mutable_settings = const_cast<Settings&>(settings);  // the accessors are shared with Assign; nothing is set
  if (const auto* number = std::get_if<double& (*)(Settings&)>(&key.member)) {
    return NumberText((*number)(mutable_settings));
  }
  if (const auto* count = std::get_if<std::uint64_t& (*)(Settings&)>(&key.member)) {
    return std::to_string((*count)(mutable_settings));
  }
  if (const auto* flag = std::get_if<bool& (*)(Settings&)>(&key.member))
    return (*flag)(mutable_settings) ? "on" : "off";
  if (const auto* words = std::get_if<std::string& (*)(Settings&)>(&key.member)) return (*words)(mutable_settings);
  std::string text;
  for (const Stage& stage : std::get<std::vector<Stage>& (*)(Settings&)>(key.member)(mutable_settings)) {
    if (!text.empty()) text += ", ";
    text += NumberText(stage.seconds) + ":" + NumberText(stage.rps);
  }
  return text;
}

const char* UnitName(Unit unit) {
  switch (unit) {
    case Unit::kNone:
      return "";
    case Unit::kSeconds:
      return "s";
    case Unit::kMilliseconds:
      return "ms";
    case Unit::kMicroseconds:
      return "us";
    case Unit::kBytes:
      return "bytes";
    case Unit::kKib:
      return "KiB";
    case Unit::kMib:
      return "MiB";
  }
  return "";
}

std::vector<SettingInfo> ListSettings() {
  std::vector<SettingInfo> rows;
  const Settings defaults;
  for (const SettingKey& key : kKeys) {
    SettingInfo row{.key = key.key,
                    .type = "",
                    .unit = UnitName(key.unit),
                    .value = SettingText(defaults, key),
                    .allowed = key.allowed,
                    .doc = key.doc};
    switch (key.member.index()) {
      case 0:
        row.type = "number";
        row.allowed = RangeText(key);
        break;
      case 1:
        row.type = "count";
        row.allowed = RangeText(key);
        break;
      case 2:
        row.type = "text";
        break;
      case 3:
        row.type = "switch";
        break;
      default:
        row.type = "stages";
        row.allowed = "\"seconds:rps\", …";
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<double> ParseSeconds(std::string_view text) {
  static const SettingKey key{"duration", MemberRef{}, Unit::kSeconds, 0.1, 86400, "", ""};
  return ParseInRange(key, Trim(text));
}

}  // namespace prefixmesh::load
