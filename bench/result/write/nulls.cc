#include "bench/result/write/nulls.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "bench/result/json_at.h"
#include "impl/figures/figure_json.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::ordered_json;

struct Null {
  std::string path;    // with [] where a router stands
  std::string router;  // which one, or nothing
  std::string reason;
};

constexpr const char* kNobodySaid = "nobody said why";

}  // namespace

void NullReasons::Add(const FigureGroup& group, const Readings& readings, const std::string& router) {
  Reasons reasons;
  AddReasons(group, readings, reasons);
  const std::string list = std::string(group.name) + (group.each ? "[]" : "");
  for (const auto& [path, reason] : reasons) reasons_[{list + path.substr(group.name.size()), router}] = reason;
}

std::vector<std::string> NullReasons::Explain(const Json& result) const {
  std::vector<Null> nulls;
  // What is null below a node; its one reason if all of it is null and for one reason, and then it is one path.
  const auto collect = [&](const auto& self, const Json& node, const std::string& path,
                           const std::string& router) -> std::optional<std::string> {
    if (node.is_null()) {
      const auto at = reasons_.find({path, router});
      const std::string reason = at != reasons_.end() && !at->second.empty() ? at->second : kNobodySaid;
      nulls.push_back({path, router, reason});
      return reason;
    }
    if (!node.is_object() || node.empty()) return std::nullopt;
    const std::size_t before = nulls.size();
    std::optional<std::string> common;
    bool one = true;
    for (const auto& [key, value] : node.items()) {
      const std::optional<std::string> reason = self(self, value, path + "." + key, router);
      one = one && reason && (!common || common == reason);
      common = reason;
    }
    if (!one) return std::nullopt;
    nulls.resize(before);
    nulls.push_back({path, router, *common});
    return common;
  };
  for (const auto& [key, value] : result.items()) {
    if (key == "series" || key == "notes" || key == "verdict" || key == "scenario") continue;
    if (key == "routers") {
      for (const Json& router : value) (void)collect(collect, router, "routers[]", router.at("name"));
    } else if (key == "slo") {
      for (const Json& slo : value)
        if (slo.at("value").is_null())
          nulls.push_back(
              {"slo[" + slo.at("name").get<std::string>() + "].value", "", "a field of the expression is null"});
    } else {
      (void)collect(collect, value, key, "");
    }
  }
  // Reason → paths, and path → the routers it is null for.
  std::vector<std::string> reasons;
  std::map<std::string, std::vector<std::string>> paths;
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> routers;
  for (const Null& null : nulls) {
    if (paths.count(null.reason) == 0) reasons.push_back(null.reason);
    std::vector<std::string>& named = routers[{null.reason, null.path}];
    if (named.empty()) paths[null.reason].push_back(null.path);
    named.push_back(null.router);
  }
  std::vector<std::string> notes;
  for (const std::string& reason : reasons) {
    std::string list;
    for (const std::string& path : paths[reason]) {
      const std::vector<std::string>& named = routers[{reason, path}];
      if (!path.starts_with("routers[]") || named.size() == result.at("routers").size()) {
        list += (list.empty() ? "" : ", ") + path;
        continue;
      }
      for (const std::string& router : named)
        list += (list.empty() ? "" : ", ") + ("routers[" + router + path.substr(std::string_view("routers[").size()));
    }
    notes.push_back(std::string(kWhyNull) + reason + ": " + list);
  }
  return notes;
}

}  // namespace prefixmesh::bench
