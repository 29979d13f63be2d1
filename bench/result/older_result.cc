#include "bench/result/older_result.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;
using Value = std::optional<double>;

Value NumberOf(const Json& object, const char* name) {
  const auto at = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && at != object.end() && at->is_number() ? Value(at->get<double>()) : std::nullopt;
}

void Put(Json& object, const char* name, const Value& value) {
  if (!object.contains(name)) object[name] = value ? Json(*value) : Json(nullptr);
}

Value ShareOf(const Value& part, const Value& whole) {
  return part && whole.value_or(0) > 0 ? Value(*part / *whole) : std::nullopt;
}

// Of a map of counts; nothing where one is missing.
Value SumOf(const Json& counts) {
  double sum = 0;
  for (const Json& count : counts) {
    if (!count.is_number()) return std::nullopt;
    sum += count.get<double>();
  }
  return sum;
}

// The largest `name` of the routers for which `of` holds.
template <typename Of>
Value LargestOf(const Json& routers, const char* name, Of of) {
  Value largest;
  if (!routers.is_object()) return largest;
  for (const auto& [router, row] : routers.items())
    if (const Value value = NumberOf(row, name); value && of(router))
      largest = std::max(largest.value_or(*value), *value);
  return largest;
}

void AddToFault(Json& fault) {
  if (const auto layers = fault.find("built_bytes"); layers != fault.end() && layers->is_object())
    Put(fault, "built_total_bytes", SumOf(*layers));
}

void AddToJoin(Json& join) {
  AddToFault(join);
  const std::string joiner = join.contains("router") && join["router"].is_string() ? join["router"] : Json("");
  const Json cpu = join.value("decision_cpu_p99_us", Json::object());
  const auto others = [&](const std::string& router) { return router != joiner; };
  join["others_decision_cpu_p99_us"] = Json::object();
  Put(join["others_decision_cpu_p99_us"], "before", LargestOf(cpu, "before", others));
  Put(join["others_decision_cpu_p99_us"], "after", LargestOf(cpu, "after", others));
  Put(join, "joiner_decision_cpu_p99_us",
      LargestOf(cpu, "after", [&](const std::string& router) { return router == joiner; }));
}

void AddToStop(Json& stop) {
  AddToFault(stop);
  const auto all = [](const std::string&) { return true; };
  const Json cpu = stop.value("decision_cpu_p99_us", Json::object());
  stop["peers_decision_cpu_p99_us"] = Json::object();
  for (const char* when : {"before", "during"}) Put(stop["peers_decision_cpu_p99_us"], when, LargestOf(cpu, when, all));
  Value growth;
  const Json memory = stop.value("rss_bytes", Json::object());
  for (const Json& row : memory)
    if (const Value before = NumberOf(row, "before"), max = NumberOf(row, "max"); before && max)
      growth = std::max(growth.value_or(0), *max - *before);
  Put(stop, "peer_growth_bytes", growth);
}

}  // namespace

void AddNewerFigures(Json& result) {
  if (!result.is_object() || result.value("schema_version", Json()) != 1) return;
  const auto with = [&](const char* name, auto add) {
    if (const auto at = result.find(name); at != result.end() && at->is_object()) add(*at);
  };
  with("load",
       [](Json& load) { Put(load, "failed_share", ShareOf(NumberOf(load, "failed"), NumberOf(load, "sent"))); });
  with("routing", [](Json& routing) {
    const Json decisions = routing.value("decisions", Json::object());
    Put(routing, "decided_by_cache", ShareOf(NumberOf(decisions, "cache"), SumOf(decisions)));
  });
  with("placements", [](Json& placements) {
    Put(placements, "applied_share", ShareOf(NumberOf(placements, "applied"), NumberOf(placements, "pairs")));
  });
  with("partition", AddToFault);
  with("join", AddToJoin);
  with("stop", AddToStop);
  const auto routers = result.find("routers");
  if (routers == result.end() || !routers->is_array()) return;
  for (Json& router : *routers) {
    if (!router.is_object() || !router.contains("sync") || !router["sync"].is_object()) continue;
    Put(router["sync"], "built_bytes_per_s", NumberOf(router["sync"], "bytes_per_s"));
  }
}

}  // namespace prefixmesh::bench
