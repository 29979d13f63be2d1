#include "loadgen/settings/sections.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

namespace prefixmesh::load {
namespace {

using std::string_view_literals::operator""sv;

std::string_view Trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

Status AssignStages(void* part, std::string_view text) {
  constexpr std::size_t kStagesMax = 10000;
  std::vector<Stage> stages;
  while (!Trimmed(text).empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view piece = Trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t colon = piece.find(':');
    Stage stage;
    const auto read = [](std::string_view number, double& out) {
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out);
      return error == std::errc() && end == number.data() + number.size() && std::isfinite(out);
    };
    if (colon == std::string_view::npos || !read(piece.substr(0, colon), stage.seconds) ||
        !read(piece.substr(colon + 1), stage.rps) || stage.seconds <= 0 || stage.rps < 0 || stage.rps > 100000)
      return Invalid("'" + std::string(piece) + "' is not \"seconds:rps\" (seconds > 0, rps 0 … 100000)");
    if (stages.size() == kStagesMax) return Invalid("more than 10000 stages");
    stages.push_back(stage);
  }
  static_cast<Settings::Load*>(part)->stages = std::move(stages);
  return {};
}

std::string StagesText(const void* part) {
  std::string text;
  for (const Stage& stage : static_cast<const Settings::Load*>(part)->stages)
    text += (text.empty() ? "" : ", ") + NumberText(stage.seconds) + ":" + NumberText(stage.rps);
  return text;
}

constexpr SettingRow kLoadRows[] = {
    Number<&Settings::Load::rps>("rps", 0.01, 100000, "requests per second over all routers"),
    Text<&Settings::Load::arrivals>("arrivals", "poisson, constant, gamma, staged, trace",
                                    "how the send times are drawn"),
    Number<&Settings::Load::burstiness>("burstiness", 0.01, 1000,
                                        "shape of gamma arrivals: 1 is Poisson, below 1 burstier"),
    {"stages", OtherForm{AssignStages, StagesText, "stages"}, SettingUnit::kNone, 0, 0, "\"seconds:rps\", …",
     "staged load, \"seconds:rps\" pieces; the last one holds to the end"},
    Number<&Settings::Load::burst>("burst", 1, 100000, "requests that come at once, all with one prompt"),
    Number<&Settings::Load::timeout_s>("timeout_s", 0.01, 3600,
                                       "a request without its last message by then has failed"),
};
constexpr SettingRow kPhasesRows[] = {
    Number<&Settings::Phases::warmup_s>("warmup_s", 0, 3600, "load that is not counted, before the load phase"),
    Number<&Settings::Phases::load_s>("load_s", 0.1, 86400, "the counted load (--duration)"),
    Number<&Settings::Phases::settle_s>("settle_s", 0, 3600, "at most, until all counters stand still for 1 s"),
    Number<&Settings::Phases::idle_s>("idle_s", 0, 86400, "silence that is measured"),
    Number<&Settings::Phases::drain_s>("drain_s", 1, 3600, "at most, for the ledger and the orderly end"),
};
constexpr SettingRow kPromptRows[] = {
    Text<&Settings::Prompt::kind>("kind", "text, tokens", "what a prompt consists of"),
    Text<&Settings::Prompt::generator>("generator", "templates, unique, chat, trace",
                                       "how prompts relate to each other"),
    Number<&Settings::Prompt::chars>("chars", 0, kPromptBytesMax, "size of a text prompt", SettingUnit::kBytes),
    Number<&Settings::Prompt::tokens>("tokens", 0, kPromptBytesMax / kBytesPerToken,
                                      "tokens of a token prompt, 4 bytes each"),
    Number<&Settings::Prompt::templates>("templates", 1, 1000000, "templates that prompts share"),
    Number<&Settings::Prompt::shared>("shared", 0, 1, "part of a prompt that is its template's"),
    Number<&Settings::Prompt::duplicate_ratio>("duplicate_ratio", 0, 1,
                                               "part of the requests that repeat an earlier prompt"),
    Number<&Settings::Prompt::hot_share>("hot_share", 0, 1, "part of the requests that use template 0 in any case"),
    Number<&Settings::Prompt::zipf>("zipf", 0, 10,
                                    "the n-th template, or system prompt, is drawn n^-zipf as often as the first"),
    Number<&Settings::Prompt::empty_share>("empty_share", 0, 1, "part of the requests with an empty prompt"),
};
constexpr SettingRow kChatRows[] = {
    Number<&Settings::Chat::sessions>("sessions", 1, 1000000, "conversations alive at a time"),
    Number<&Settings::Chat::turns>("turns", 1, 1000, "turns of a conversation"),
    Number<&Settings::Chat::system_prompts>("system_prompts", 1, 1000000, "system prompts that conversations share"),
    Number<&Settings::Chat::system_chars>("system_chars", 0, kPromptBytesMax, "size of a system prompt"),
    Number<&Settings::Chat::turn_chars>("turn_chars", 1, kPromptBytesMax, "what each turn adds to the prompt"),
};
constexpr SettingRow kTraceRows[] = {
    Text<&Settings::Trace::path>("path", "", "a trace: Mooncake's JSON lines, or CSV with TIMESTAMP and ContextTokens"),
    Number<&Settings::Trace::block_tokens>("block_tokens", 16, 512, "tokens that one of its hash_ids stands for"),
    Number<&Settings::Trace::speed>("speed", 0.001, 10000, "the trace's time runs this much faster"),
    Switch<&Settings::Trace::spread>("spread", "spread equal timestamps over the gap to the next"),
};
constexpr SettingRow kWorkersRows[] = {
    Number<&Settings::Workers::count>("count", 1, kWorkersMax, "fake workers"),
    Number<&Settings::Workers::concurrency>("concurrency", 1, 100000, "requests a worker runs at a time"),
    Number<&Settings::Workers::prefill_us_per_block>("prefill_us_per_block", 0, 1e9, "per block that is not cached",
                                                     SettingUnit::kMicroseconds),
    Number<&Settings::Workers::decode_ms>("decode_ms", 0, 1e7, "from the first token to the last message"),
    Number<&Settings::Workers::cache_blocks>("cache_blocks", 0, 16777216, "blocks of KV cache of a worker"),
    Number<&Settings::Workers::block_bytes>("block_bytes", 64, 4096, "text bytes of a worker's block"),
    Number<&Settings::Workers::kv_events>("kv_events", 1, 1000000,
                                          "newest KV events of a worker that its own service keeps (index.source)"),
    Text<&Settings::Workers::kv_form>(
        "kv_form", "grpc, engine",
        "engine: token prompts' KV events are published over ZeroMQ as well, as engines do it"),
    Number<&Settings::Workers::slow_share>("slow_share", 0, 1, "part of the workers that is slow"),
    Number<&Settings::Workers::slow_factor>("slow_factor", 1, 1000, "a slow worker takes so many times as long"),
};
constexpr SettingRow kRoutersRows[] = {
    Number<&Settings::Routers::count>("count", 1, kRoutersMax, "routers"),
    Text<&Settings::Routers::spread>("spread", "random, round-robin, first", "which router a request goes to"),
    Text<&Settings::Routers::log_level>("log_level", "debug, info, warn, error",
                                        "what routers write to their logs: more of it costs time"),
};
constexpr SettingRow kPartitionRows[] = {
    Text<&Settings::Partition::direction>("direction", "none, both, a_to_b, b_to_a",
                                          "which words between router-a and all the others are held back, silently"),
    Number<&Settings::Partition::from>("from", 0, 1, "share of the load phase at which the cut begins"),
    Number<&Settings::Partition::to>("to", 0, 1, "share of the load phase at which it is healed"),
};
constexpr SettingRow kStopRows[] = {
    Number<&Settings::Stop::from>("from", 0, 0.95, "share of the load phase at which the last router is stopped"),
    Number<&Settings::Stop::to>("to", 0, 0.95,
                                "share of the load phase at which it goes on; as stop.from: it is never stopped"),
};
constexpr SettingRow kJoinRows[] = {
    Number<&Settings::Join::at>("at", 0, 0.95,
                                "share of the load phase at which the last router starts; 0: with the others"),
};
constexpr SettingRow kClearRows[] = {
    Number<&Settings::Clear::at>("at", 0, 0.95,
                                 "share of the load phase at which the first worker's KV cache is emptied; 0: never"),
};
constexpr SettingRow kRestartRows[] = {
    Number<&Settings::Restart::at>("at", 0, 0.95,
                                   "share of the load phase at which the last worker dies and begins anew; 0: never"),
    Number<&Settings::Restart::down_s>("down_s", 0, 60, "how long it is not there"),
};
constexpr SettingRow kModelsRows[] = {
    Number<&Settings::Models::count>("count", 1, kModelsMax, "models that the same prompts are asked under"),
};
constexpr SettingRow kMemoryCapRows[] = {
    Number<&Settings::MemoryCap::router_rss_mib>("router_rss_mib", 0, 1048576,
                                                 "a router above this is killed, which ends the run; 0: none"),
};
constexpr SettingRow kTrustRows[] = {
    Number<&Settings::Trust::schedule_delay_p99_ms>("schedule_delay_p99_ms", 0, 1e6, "untrusted above"),
    Number<&Settings::Trust::schedule_delay_max_ms>("schedule_delay_max_ms", 0, 1e6, "untrusted above"),
    Number<&Settings::Trust::cpu_cores>("cpu_cores", 0, 1024, "untrusted above, for the load process itself"),
    Number<&Settings::Trust::late_ms>("late_ms", 0, 1e6, "sent this much after its time is late"),
};
constexpr SettingRow kProbeRows[] = {
    Number<&Settings::Probe::placements>("placements", 0, 1000000,
                                         "placements of the ledger that are checked in drain"),
    Number<&Settings::Probe::visibility_share>("visibility_share", 0, 1,
                                               "part of the requests whose visibility is measured"),
};
constexpr SettingRow kGoodputRows[] = {
    Number<&Settings::Goodput::ttft_ms>("ttft_ms", 0.001, 1e7, "goodput: the first token in this time"),
    Number<&Settings::Goodput::latency_ms>("latency_ms", 0.001, 1e7, "goodput: and the last message in this"),
};
constexpr SettingRow kCompareRows[] = {
    Text<&Settings::Compare::figures>("figures", "sync, routing",
                                      "what `prefixmesh ab` judges without [[metric]]: what sync costs, or users feel"),
};

// In the order in which they are listed and written.
std::vector<SettingSection> MakeSections() {
  std::vector<SettingSection> sections = {
      SectionOf<Settings, &Settings::load>("load", kLoadRows),
      SectionOf<Settings, &Settings::phases>("phases", kPhasesRows),
      SectionOf<Settings, &Settings::prompt>("prompt", kPromptRows),
      SectionOf<Settings, &Settings::chat>("chat", kChatRows),
      SectionOf<Settings, &Settings::trace>("trace", kTraceRows),
      SectionOf<Settings, &Settings::workers>("workers", kWorkersRows),
      SectionOf<Settings, &Settings::routers>("routers", kRoutersRows),
      SectionOf<Settings, &Settings::partition>("partition", kPartitionRows),
      SectionOf<Settings, &Settings::stop>("stop", kStopRows),
      SectionOf<Settings, &Settings::join>("join", kJoinRows),
      SectionOf<Settings, &Settings::clear>("clear", kClearRows),
      SectionOf<Settings, &Settings::restart>("restart", kRestartRows),
      SectionOf<Settings, &Settings::models>("models", kModelsRows),
  };
  for (const SettingSection& section : RouterSectionsOf<Settings>()) sections.push_back(section);
  const SettingSection last[] = {
      SectionOf<Settings, &Settings::memory_cap>("limits", kMemoryCapRows),
      SectionOf<Settings, &Settings::trust>("trust", kTrustRows),
      SectionOf<Settings, &Settings::probe>("probe", kProbeRows),
      SectionOf<Settings, &Settings::goodput>("goodput", kGoodputRows),
      SectionOf<Settings, &Settings::compare>("compare", kCompareRows),
  };
  sections.insert(sections.end(), std::begin(last), std::end(last));
  return sections;
}

}  // namespace

std::span<const SettingSection> Sections() {
  static const std::vector<SettingSection> kSections = MakeSections();
  return kSections;
}

std::span<const SettingSection> WorkerSections() {
  static const std::vector<SettingRow> index_rows = [] {
    std::vector<SettingRow> rows;
    for (const SettingRow& row : kIndexRows)
      if (row.name == "block_tokens"sv || row.name == "source"sv) rows.push_back(row);
    return rows;
  }();
  static const SettingSection kSections[] = {
      SectionOf<WorkerSettings, &WorkerSettings::workers>("workers", kWorkersRows),
      SectionOf<WorkerSettings, &WorkerSettings::index>("index", index_rows)};
  return kSections;
}

std::vector<SettingInfo> ListSettings() {
  std::vector<SettingInfo> rows;
  const Settings defaults;
  for (const Setting& setting : SettingsOf(Sections())) {
    const SettingRow& row = *setting.row;
    rows.push_back({.key = setting.Key(),
                    .type = std::string(TypeName(row)),
                    .unit = std::string(SettingUnitName(row.unit)),
                    .value = SettingText(&defaults, setting),
                    .allowed = IsNumber(row) ? RangeText(row) : row.allowed,
                    .doc = row.doc});
  }
  return rows;
}

Result<double> ParseSeconds(std::string_view text) {
  static constexpr SettingRow kDuration{"duration", {}, SettingUnit::kSeconds, 0.1, 86400, "", ""};
  const std::string flag = "--duration";
  Result<double> seconds = ParseSettingNumber(flag, kDuration, text);
  if (seconds.ok() && text.find_first_of("smh") == text.npos)
    return Invalid(flag + ": '" + std::string(text) + "' has no unit; write 30s or 2m");
  return seconds;
}

}  // namespace prefixmesh::load
