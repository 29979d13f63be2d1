#include "bench/nightly/suite.h"

#include <toml++/toml.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "bench/nightly/suite_files.h"
#include "bench/result/utc.h"
#include "bench/sim/generation_options.h"
#include "bench/store/run_line.h"
#include "impl/base/did_you_mean.h"
#include "impl/base/nesting.h"
#include "impl/base/whole_file.h"
#include "impl/router/strategies.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {
namespace {

constexpr std::uint64_t kPairsMax = 100, kSeedsMax = 1'000'000, kSecondsMax = 3600, kRoutersMax = 128;

// A row of a list, or a section: its keys are taken one by one, and what is left is unknown.
class Row {
 public:
  Row(const toml::table& table, std::string file, std::string name)
      : table_(table), file_(std::move(file)), name_(std::move(name)) {}

  Error Wrong(const std::string& key, const std::string& what) const {
    const toml::node* node = table_.get(key);
    const toml::source_region at = node != nullptr ? node->source() : table_.source();
    return Invalid(file_ + ":" + std::to_string(at.begin.line) + ": " + name_ + (key.empty() ? "" : "." + key) + ": " +
                   what);
  }
  Status Text(const std::string& key, std::string& out, bool required = true) {
    const toml::node* node = Take(key);
    if (node == nullptr) return required ? Status(Wrong("", "needs " + key)) : Status();
    if (!node->is_string() || node->as_string()->get().size() > 1000) return Wrong(key, "must be text");
    out = node->as_string()->get();
    return {};
  }
  Status Number(const std::string& key, std::uint64_t& out, std::uint64_t least, std::uint64_t most) {
    const toml::node* node = Take(key);
    if (node == nullptr) return {};
    const auto* whole = node->as_integer();
    if (whole == nullptr || whole->get() < static_cast<std::int64_t>(least) ||
        whole->get() > static_cast<std::int64_t>(most))
      return Wrong(key, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    out = static_cast<std::uint64_t>(whole->get());
    return {};
  }
  Status Texts(const std::string& key, std::vector<std::string>& out) {
    const toml::node* node = Take(key);
    if (node == nullptr) return {};
    const toml::array* list = node->as_array();
    if (list == nullptr || list->size() > kCellsMax) return Wrong(key, "must be a list of texts");
    for (const toml::node& each : *list) {
      if (!each.is_string()) return Wrong(key, "must be a list of texts");
      out.push_back(each.as_string()->get());
    }
    return {};
  }
  bool Has(const std::string& key) const { return table_.contains(key); }
  Status NothingElse() const {
    for (const auto& [key, node] : table_)
      if (std::find(taken_.begin(), taken_.end(), key.str()) == taken_.end()) {
        std::string known;
        for (const std::string& each : taken_) known += (known.empty() ? "" : ", ") + each;
        return Wrong(std::string(key.str()), "unknown key (allowed: " + known + ")");
      }
    return {};
  }

 private:
  const toml::node* Take(const std::string& key) {
    taken_.push_back(key);
    return table_.get(key);
  }

  const toml::table& table_;
  const std::string file_, name_;
  std::vector<std::string> taken_;
};

Status All(std::initializer_list<Status> several) {
  for (const Status& each : several)
    if (!each.ok()) return each;
  return {};
}

Status ReadCounter(Row& row, Suite& suite) {
  CounterCell cell;
  if (Status read = All({row.Text("strategy", cell.strategy), row.Number("routers", cell.routers, 2, kRoutersMax),
                         row.Text("options", cell.options, false), row.Number("seconds", cell.seconds, 1, kSecondsMax),
                         row.NothingElse()});
      !read.ok())
    return read;
  const Result<StrategyDescription> strategy = FindStrategy(cell.strategy);
  if (!strategy.ok()) return row.Wrong("strategy", strategy.error().message);
  const bool two_layer = cell.strategy == "two-layer";
  for (const char* key : {"options", "seconds"})
    if (two_layer && row.Has(key)) return row.Wrong(key, "two-layer has none here; it takes routers");
  if (!two_layer && row.Has("routers"))
    return row.Wrong("routers", "is of two-layer; this one takes options, such as \"writers=2\"");
  if (!two_layer && (!strategy->runs_on_text || cell.strategy == "off"))
    return row.Wrong("strategy", "counters are of two-layer and of what runs on text trees");
  sim::GenerationOptions options;
  if (Status set = options.SetAll(cell.options); !set.ok()) return row.Wrong("options", set.error().message);
  suite.counters.push_back(cell);
  return {};
}

// What a run is made of; `last` is read before the row has to be at its end.
Status ReadRun(Row& row, ProfileCell& cell, const std::function<Status()>& last) {
  if (Status read = All({row.Text("scenario", cell.scenario), row.Text("strategy", cell.strategy),
                         row.Texts("set", cell.set), last(), row.NothingElse()});
      !read.ok())
    return read;
  Result<load::Settings> settings = load::LoadScenario(cell.scenario);
  if (!settings.ok()) return row.Wrong("scenario", settings.error().message);
  if (const auto found = FindStrategy(cell.strategy); !found.ok()) return row.Wrong("strategy", found.error().message);
  for (const std::string& each : cell.set)
    if (Status set = load::ApplyOverride(*settings, each); !set.ok()) return row.Wrong("set", set.error().message);
  if (Status valid = load::Validate(*settings); !valid.ok()) return row.Wrong("set", valid.error().message);
  return {};
}

Status ReadCell(Row& row, Suite& suite) {
  RunCell& cell = suite.cells.emplace_back();
  return ReadRun(row, cell, [&] { return row.Number("pairs", cell.pairs, 1, kPairsMax); });
}

Status ReadProfile(Row& row, Suite& suite) {
  return ReadRun(row, suite.profiles.emplace_back(), [] { return Status(); });
}

Status ReadSimulator(Row& row, Suite& suite) {
  return All({row.Number("seeds", suite.simulator_seeds, 0, kSeedsMax), row.NothingElse()});
}

Status ReadMicro(Row& row, Suite& suite) {
  return All({row.Number("pairs", suite.micro.pairs, 1, kPairsMax), row.Text("filter", suite.micro.filter, false),
              row.NothingElse()});
}

// A target's name is part of a command.
Status ReadFuzz(Row& row, Suite& suite) {
  if (Status read = All({row.Number("seconds", suite.fuzz.seconds, 1, kSecondsMax),
                         row.Texts("targets", suite.fuzz.targets), row.NothingElse()});
      !read.ok())
    return read;
  for (const std::string& target : suite.fuzz.targets)
    if (target.empty() || target.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != std::string::npos)
      return row.Wrong("targets", "a target is named in small letters, as in tests/fuzz");
  return {};
}

Status ReadMute(Row& row, Suite& suite) {
  Mute mute;
  if (Status read = All({row.Text("figure", mute.figure), row.Text("reason", mute.reason),
                         row.Text("until", mute.until), row.NothingElse()});
      !read.ok())
    return read;
  if (mute.reason.empty()) return row.Wrong("reason", "a mute needs one");
  if (!UtcSeconds(mute.until + "T00:00:00Z")) return row.Wrong("until", "must be a day, such as 2026-12-31");
  suite.mutes.push_back(mute);
  return {};
}

template <typename Cell>
std::string FirstTwice(const std::vector<Cell>& cells) {
  std::set<std::string> names;
  for (const Cell& cell : cells)
    if (!names.insert(cell.Name()).second) return cell.Name();
  return "";
}

}  // namespace

Result<Suite> ParseSuite(std::string_view text, const std::string& name) {
  if (text.size() > kSuiteBytesMax) return Error{ErrorCode::kTooBig, name + ": above 1 MiB"};
  if (Status nesting = CheckNesting(text); !nesting.ok()) return Invalid(name + ": " + nesting.error().message);
  toml::table root;
  try {
    root = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    return Invalid(name + ":" + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
  Suite suite;
  suite.name = name;
  suite.text = std::string(text);
  const std::map<std::string_view, std::function<Status(Row&, Suite&)>> lists = {
      {"counter", ReadCounter}, {"cell", ReadCell}, {"profile", ReadProfile}, {"mute", ReadMute}};
  const std::map<std::string_view, std::function<Status(Row&, Suite&)>> sections = {
      {"simulator", ReadSimulator}, {"fuzz", ReadFuzz}, {"micro", ReadMicro}};
  for (const auto& [key, node] : root) {
    const std::string at = name + ":" + std::to_string(node.source().begin.line) + ": ";
    if (key.str() == "description" && node.is_string()) {
      suite.description = node.as_string()->get();
    } else if (const auto section = sections.find(key.str()); section != sections.end() && node.is_table()) {
      Row row(*node.as_table(), name, std::string(key.str()));
      if (Status read = section->second(row, suite); !read.ok()) return read.error();
    } else if (const auto list = lists.find(key.str()); list != lists.end() && node.is_array()) {
      if (node.as_array()->size() > kCellsMax)
        return Invalid(at + std::string(key.str()) + ": more than " + std::to_string(kCellsMax));
      for (const toml::node& each : *node.as_array()) {
        if (!each.is_table())
          return Invalid(at + std::string(key.str()) + ": must be [[" + std::string(key.str()) + "]]");
        Row row(*each.as_table(), name, std::string(key.str()));
        if (Status read = list->second(row, suite); !read.ok()) return read.error();
      }
    } else {
      return Invalid(
          at + "unknown key " + std::string(key.str()) +
          " (allowed: description, [simulator], [fuzz], [micro], [[counter]], [[cell]], [[profile]], [[mute]])");
    }
  }
  if (suite.cells.empty() && suite.counters.empty() && suite.profiles.empty() && suite.simulator_seeds == 0 &&
      suite.fuzz.seconds == 0 && suite.micro.pairs == 0)
    return Invalid(name + ": asks for nothing ([simulator], [fuzz], [micro], [[counter]], [[cell]], [[profile]])");
  // A cell is known by its name, in history as in the report.
  const std::string twice = FirstTwice(suite.cells), profile_twice = FirstTwice(suite.profiles);
  if (!twice.empty()) return Invalid(name + ": cell " + twice + " is there twice");
  if (!profile_twice.empty()) return Invalid(name + ": profile " + profile_twice + " is there twice");
  return suite;
}

Result<Suite> LoadSuite(const std::string& name_or_path) {
  if (name_or_path == "short" || name_or_path == "full")
    return ParseSuite(name_or_path == "short" ? ShortSuite() : FullSuite(), name_or_path);
  if (name_or_path.find('/') == std::string::npos && !name_or_path.ends_with(".toml"))
    return Invalid(UnknownName("suite", name_or_path, {"short", "full"}) + ", and .toml files");
  const Result<std::string> text = ReadWholeFile(name_or_path, kSuiteBytesMax);
  if (!text.ok()) return text.error();
  return ParseSuite(*text, name_or_path);
}

}  // namespace prefixmesh::bench
