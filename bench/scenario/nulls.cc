#include "bench/scenario/nulls.h"

#include <map>
#include <nlohmann/json.hpp>

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::ordered_json;

struct Null {
  std::string path;    // with [] where a router stands
  std::string router;  // which one, or nothing
};

// Paths of what is null as a whole: a group of nothing but nulls is one.
bool Collect(const Json& node, const std::string& path, const std::string& router, std::vector<Null>& nulls) {
  if (node.is_null()) {
    nulls.push_back({path, router});
    return true;
  }
  if (!node.is_object() || node.empty()) return false;
  const std::size_t before = nulls.size();
  bool all = true;
  for (const auto& [key, value] : node.items())
    all = Collect(value, path.empty() ? key : path + "." + key, router, nulls) && all;
  if (!all || path.empty()) return false;
  nulls.resize(before);
  nulls.push_back({path, router});
  return true;
}

bool IsNull(const Json& result, const char* pointer) {
  const Json::json_pointer at(pointer);
  return !result.contains(at) || result.at(at).is_null();
}

bool Starts(const std::string& path, std::string_view head) { return std::string_view(path).starts_with(head); }
bool Ends(const std::string& path, std::string_view tail) { return std::string_view(path).ends_with(tail); }

// Of one router: what it did not live to tell, or what never happened in it.
std::string RouterReason(const Json& result, const std::string& path, const Json& router) {
  if (Ends(path, "bytes_per_s") && !Ends(path, "idle_bytes_per_s"))
    return "the router was not heard at both ends of the load phase";
  if (Ends(path, "steady_rss_bytes")) return "the load phase was not seen whole";
  if (Ends(path, "after_idle_rss_bytes") || Ends(path, "idle_bytes_per_s"))
    return result.at("scenario").at("settings").value("phases.idle_s", 1.0) == 0 ? "there was no idle phase"
                                                                                 : "the idle phase was not seen whole";
  if (Ends(path, "bytes_per_applied_placement"))
    return IsNull(result, "/placements") ? "the placement ledger was not probed" : "no placement was applied at a peer";
  // The index is always told of, so a router without it did not get to the end of settle.
  if (router.at("index").at("nodes").is_null()) return "the run ended before the end of settle";
  if (path.find(".decision_") != std::string::npos) return "the router decided nothing in the load phase";
  if (Ends(path, "round_ms")) return "nothing was synced: no peers, or a strategy without rounds";
  if (path.find(".bytes_per_round") != std::string::npos) return "no round of the load phase built anything";
  if (Ends(path, "delivered_bytes")) return "not every peer answered at the end of settle";
  return "the kernel did not tell";
}

std::string Reason(const Json& result, const Null& null) {
  const std::string& path = null.path;
  if (Starts(path, "routers")) {
    for (const Json& router : result.at("routers"))
      if (router.at("name") == null.router) return RouterReason(result, path, router);
  }
  if (Starts(path, "partition") || Starts(path, "join")) {
    if (IsNull(result, Starts(path, "join") ? "/join/at_s" : "/partition/healed_s"))
      return "the run ended before the load got there";
    if (path.find("decision_cpu") != std::string::npos) return "the router decided nothing in that part of the load";
    if (IsNull(result, Starts(path, "join") ? "/join/records" : "/partition/records"))
      return "the strategy keeps no logs whose positions could be compared";
    if (Ends(path, "_after_ms") || path.find("built_bytes") != std::string::npos)
      return "it was not seen before the end of settle";
    return "a router did not answer";
  }
  if (Starts(path, "slo")) return "a field of the expression is null";
  if (Starts(path, "routing.oracle") || path == "routing.cached_share_ratio")
    return IsNull(result, "/routing/oracle_load_cov")       ? "the oracle runs only when a run has ended in order"
           : IsNull(result, "/routing/oracle_cached_share") ? "no prompt of the load phase had a byte"
                                                            : "one of the two shares is missing or zero";
  const bool generator_done = !IsNull(result, "/load");
  if (path == "load" ||
      (!generator_done && (Starts(path, "routing") || Starts(path, "placements") || Starts(path, "visibility") ||
                           Starts(path, "trust") || Starts(path, "loadgen"))))
    return "the generator did not finish";
  if (Starts(path, "visibility.ms") && !IsNull(result, "/visibility/visible_share"))
    return "the percentile falls among what was never visible";
  if (Starts(path, "visibility") && result.at("visibility").value("requests", 1) == 0)
    return "no request was among the part that is sampled (probe.visibility_share)";
  if (Starts(path, "visibility")) return "no sampled placement was news to a peer";
  if (path == "routing.same_worker_followups") return "no ok request followed up an earlier one";
  if (Starts(path, "load.schedule_delay")) return "nothing was sent in the load phase";
  if (Starts(path, "load.wakeup_delay")) return "the pacing thread never slept before a send";
  if (Starts(path, "load") || Starts(path, "routing")) return "no ok request of the load phase, or none with a prompt";
  if (Starts(path, "workers")) return "the workers were not heard at the end of settle";
  if (Starts(path, "build") || Starts(path, "machine") || Starts(path, "scenario")) return "it is not known here";
  return "it could not be measured";
}

}  // namespace

std::vector<std::string> ExplainNulls(const nlohmann::ordered_json& result) {
  std::vector<Null> nulls;
  for (const auto& [key, value] : result.items()) {
    if (key == "series" || key == "notes" || key == "verdict") continue;
    if (key == "routers") {
      for (const Json& router : value) Collect(router, "routers[]", router.at("name"), nulls);
    } else if (key == "slo") {
      for (const Json& slo : value)
        if (slo.at("value").is_null()) nulls.push_back({"slo[" + slo.at("name").get<std::string>() + "].value", ""});
    } else {
      Collect(value, key, "", nulls);
    }
  }
  // Reason → paths, and path → the routers it is null for.
  std::vector<std::string> reasons;
  std::map<std::string, std::vector<std::string>> paths;
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> routers;
  for (const Null& null : nulls) {
    // The generator's own notes say why.
    if (!IsNull(result, "/load") && (null.path == "placements" || null.path == "visibility")) continue;
    const std::string reason = Reason(result, null);
    if (paths.count(reason) == 0) reasons.push_back(reason);
    std::vector<std::string>& named = routers[{reason, null.path}];
    if (named.empty()) paths[reason].push_back(null.path);
    named.push_back(null.router);
  }
  std::vector<std::string> notes;
  for (const std::string& reason : reasons) {
    std::string list;
    for (const std::string& path : paths[reason]) {
      const std::vector<std::string>& named = routers[{reason, path}];
      if (!Starts(path, "routers[]") || named.size() == result.at("routers").size()) {
        list += (list.empty() ? "" : ", ") + path;
        continue;
      }
      for (const std::string& router : named)
        list += (list.empty() ? "" : ", ") + ("routers[" + router + path.substr(std::string_view("routers[").size()));
    }
    notes.push_back("null, because " + reason + ": " + list);
  }
  return notes;
}

}  // namespace prefixmesh::bench
