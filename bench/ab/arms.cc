#include "bench/ab/arms.h"

#include <algorithm>

#include "impl/router/strategies.h"

namespace prefixmesh::bench::ab {
namespace {

std::vector<std::string> Split(std::string_view text, char by) {
  std::vector<std::string> pieces;
  while (true) {
    const std::size_t cut = text.find(by);
    pieces.emplace_back(text.substr(0, cut));
    if (cut == std::string_view::npos) return pieces;
    text.remove_prefix(cut + 1);
  }
}

Result<Arm> ResolveArm(const std::string& text, const load::Settings& shared) {
  const std::vector<std::string> pieces = Split(text, ':');
  Arm arm;
  arm.text = text;
  arm.strategy = pieces.front();
  arm.settings = shared;
  const std::string who = "arm '" + text + "': ";
  const Result<StrategyDescription> strategy = FindStrategy(arm.strategy);
  if (!strategy.ok()) return Invalid(who + strategy.error().message);
  for (std::size_t i = 1; i < pieces.size(); ++i)
    if (Status set = load::ApplyOverride(arm.settings, pieces[i]); !set.ok()) return Invalid(who + set.error().message);
  if (Status valid = load::Validate(arm.settings); !valid.ok()) return Invalid(who + valid.error().message);
  const Result<IndexKind> kind = ResolveIndexKind(*strategy, arm.settings.index.kind);
  if (!kind.ok()) return Invalid(who + kind.error().message);
  if (const auto fixed = ResolveFixed(*strategy, arm.settings.generations.fixed); !fixed.ok())
    return Invalid(who + fixed.error().message);
  arm.index_kind = IndexKindName(*kind);
  return arm;
}

}  // namespace

std::vector<std::string> SplitArms(const std::string& list) { return Split(list, ','); }

void SetBuild(Arm& arm, const std::string& bin_dir, const std::string& build_name) {
  arm.bin_dir = bin_dir;
  arm.build = build_name;
  arm.text += "@" + build_name;
}

bool DifferentBuilds(const std::vector<Arm>& arms) {
  return std::any_of(arms.begin(), arms.end(), [&](const Arm& arm) { return arm.bin_dir != arms.front().bin_dir; });
}

bool MixedIndex(const std::vector<Arm>& arms) {
  return std::any_of(arms.begin(), arms.end(),
                     [&](const Arm& arm) { return arm.index_kind != arms.front().index_kind; });
}

bool MixedPolicy(const std::vector<Arm>& arms) {
  return std::any_of(arms.begin(), arms.end(),
                     [&](const Arm& arm) { return arm.settings.route != arms.front().settings.route; });
}

Result<std::vector<Arm>> ResolveArms(const ArmsRequest& request) {
  if (request.texts.size() < 2 && request.compared) return Invalid("an A/B needs at least two arms");
  if (request.texts.size() > kArmsMax) return Invalid("more than " + std::to_string(kArmsMax) + " arms");
  std::vector<Arm> arms;
  for (const std::string& text : request.texts) {
    Result<Arm> arm = ResolveArm(text, request.settings);
    if (!arm.ok()) return arm.error();
    arms.push_back(std::move(*arm));
  }
  if (request.compared && MixedIndex(arms)) {
    std::string kinds;
    for (const Arm& arm : arms) kinds += (kinds.empty() ? "" : ", ") + arm.text + " is on " + arm.index_kind;
    if (!request.mixed_index)
      return Invalid("the arms do not share an index kind (" + kinds +
                     "): memory and decision times would compare trees, too; --mixed-index allows it and runs `off` "
                     "on both kinds beside them");
    // What the kind alone changes.
    for (const char* kind : {"block", "text"}) {
      Result<Arm> off = ResolveArm(std::string("off:index.kind=") + kind, request.settings);
      if (!off.ok()) return off.error();
      off->beside = true;
      arms.push_back(std::move(*off));
    }
  }
  if (request.compared && MixedPolicy(arms) && !request.mixed_policy)
    return Invalid(
        "the arms do not share a policy (their [route] settings differ): how a worker is chosen is not the strategy; "
        "--mixed-policy allows it");
  for (std::size_t i = 0; i < arms.size(); ++i) arms[i].name = std::string(1, static_cast<char>('A' + i));
  return arms;
}

}  // namespace prefixmesh::bench::ab
