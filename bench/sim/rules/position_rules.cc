#include "bench/sim/rules/position_rules.h"

#include <algorithm>
#include <set>
#include <vector>

namespace prefixmesh::sim {
namespace {

std::vector<LogPosition> PositionsOf(const SimRouter& router) {
  return router.core().has_sync() ? router.core().strategy()->Positions() : std::vector<LogPosition>();
}

std::string NameOf(const LogPosition& log) {
  return log.router + "/" + std::to_string(log.incarnation.value) + " [" + std::to_string(log.floor) + ", " +
         std::to_string(log.head) + ")";
}

bool Same(const LogPosition& a, const LogPosition& b) {
  return a.router == b.router && a.incarnation == b.incarnation && a.floor == b.floor && a.head == b.head &&
         a.sum == b.sum;
}

// What `has` has and `lacks` has not, or has otherwise.
std::string OnlyIn(const std::vector<LogPosition>& has, const std::vector<LogPosition>& lacks) {
  std::string logs;
  for (const LogPosition& log : has)
    if (std::none_of(lacks.begin(), lacks.end(), [&](const LogPosition& other) { return Same(log, other); }))
      logs += " " + NameOf(log);
  return logs;
}

}  // namespace

void PositionRules::NoteOwn(const SimRouter& router) {
  for (const LogPosition& log : PositionsOf(router)) {
    if (!log.own) continue;
    auto& [floor, head] = owners_[{log.router, log.incarnation}];
    floor = std::max(floor, log.floor);
    head = std::max(head, log.head);
    sums_.try_emplace({{log.router, log.incarnation}, log.floor, log.head}, log.sum);
  }
}

void PositionRules::OnApplied(const SimMesh& mesh, std::size_t node, const ApplyIds& action) {
  if (action.origin == 0) NoteOwn(*mesh.router(node));
}

void PositionRules::Step(const SimMesh& mesh, const Broken& broken) {
  for (std::size_t node = 0; node < mesh.nodes(); ++node)
    if (mesh.router(node) != nullptr) NoteOwn(*mesh.router(node));  // under a new incarnation, perhaps
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (mesh.router(node) == nullptr) continue;
    for (const LogPosition& log : PositionsOf(*mesh.router(node)))
      if (const std::string wrong = Check(mesh, log, mesh.life(node)); !wrong.empty())
        broken(RouterName(node) + ": " + NameOf(log) + ": " + wrong);
  }
}

std::string PositionRules::Check(const SimMesh& mesh, const LogPosition& log, std::uint64_t life) {
  if (mesh.cloned(log.router, log.incarnation)) return {};
  const Key key{log.router, log.incarnation};
  const auto owner = owners_.find(key);
  if (owner == owners_.end()) return "nobody ever wrote this log";
  const auto [floor, head] = owner->second;
  if (log.head > head) return "its owner wrote only up to " + std::to_string(head);
  if (log.floor > floor) return "its owner's floor is " + std::to_string(floor);
  const std::uint64_t sum = sums_.try_emplace({key, log.floor, log.head}, log.sum).first->second;
  if (log.sum != sum) return "holds other records than another copy of the same range";
  Copy& seen = seen_[{life, key}];
  if (seen.copy != log.copy) seen = {log.copy, log.floor, log.head};
  if (log.floor < seen.floor) return "its floor was " + std::to_string(seen.floor);
  if (log.head < seen.head) return "it was held up to " + std::to_string(seen.head);
  seen.floor = log.floor;
  seen.head = log.head;
  return {};
}

std::string PositionRules::Differs(const SimMesh& mesh) const {
  std::optional<std::size_t> first;
  std::vector<LogPosition> all;
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (!mesh.counts(node)) continue;
    std::vector<LogPosition> logs = PositionsOf(*mesh.router(node));
    if (!first) {
      first = node;
      all = std::move(logs);
      continue;
    }
    const std::string here = OnlyIn(logs, all), there = OnlyIn(all, logs);
    if (!here.empty() || !there.empty())
      return RouterName(*first) + " and " + RouterName(node) + " differ: only the first has" + there +
             "; only the second has" + here;
  }
  return {};
}

void PositionRules::End(const SimMesh& mesh, const Broken& broken) {
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (!mesh.counts(node)) continue;
    for (const LogPosition& log : PositionsOf(*mesh.router(node)))
      for (std::size_t other = 0; other < mesh.nodes(); ++other)
        if (!mesh.member(other) && log.router == RouterName(other))
          broken(RouterName(node) + " holds the log of a router it had to refuse");
  }
}

std::string LogOfNobody(const SimMesh& mesh) {
  std::set<std::pair<std::string, Incarnation>> alive;
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (!mesh.counts(node)) continue;
    for (const LogPosition& log : PositionsOf(*mesh.router(node)))
      if (log.own) alive.emplace(log.router, log.incarnation);
  }
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (!mesh.counts(node)) continue;
    for (const LogPosition& log : PositionsOf(*mesh.router(node)))
      if (alive.count({log.router, log.incarnation}) == 0)
        return RouterName(node) + " still has " + log.router + "/" + std::to_string(log.incarnation.value);
  }
  return {};
}

}  // namespace prefixmesh::sim
