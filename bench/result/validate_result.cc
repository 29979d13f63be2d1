#include "bench/result/validate_result.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <string>

#include "bench/result/result_schema.h"
#include "bench/result/slo.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

std::string Shown(const Json& value) {
  const std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= 40 ? text : text.substr(0, 37) + "...";
}

bool IsOfType(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number() && std::isfinite(value.get<double>());
  return type == "null" && value.is_null();
}

// The words of JSON Schema that result_schema.cc and its frame use. Returns what is wrong first, or nothing.
class SchemaCheck {
 public:
  explicit SchemaCheck(const Json& root) : root_(root) {}

  std::string Problem(const Json& schema, const Json& value, const std::string& path) const {
    if (const auto ref = schema.find("$ref"); ref != schema.end())  // "#/$defs/count"
      return Problem(root_.at(Json::json_pointer(ref->get<std::string>().substr(1))), value, path);
    if (const auto any = schema.find("anyOf"); any != schema.end())
      return std::any_of(any->begin(), any->end(), [&](const Json& one) { return Problem(one, value, path).empty(); })
                 ? ""
                 : path + " is " + Shown(value);
    if (std::string wrong = ValueProblem(schema, value, path); !wrong.empty()) return wrong;
    if (value.is_object()) return ObjectProblem(schema, value, path);
    const auto items = schema.find("items");
    if (!value.is_array() || items == schema.end()) return "";
    for (std::size_t i = 0; i < value.size(); ++i)
      if (std::string wrong = Problem(*items, value[i], path + "[" + std::to_string(i) + "]"); !wrong.empty())
        return wrong;
    return "";
  }

 private:
  static std::string ValueProblem(const Json& schema, const Json& value, const std::string& path) {
    const std::string is = path + " is " + Shown(value);
    if (const auto type = schema.find("type"); type != schema.end()) {
      const Json types = type->is_array() ? *type : Json::array({*type});
      const bool one = std::any_of(types.begin(), types.end(),
                                   [&](const Json& each) { return IsOfType(value, each.get<std::string>()); });
      if (!one) return is + ", and not of type " + Shown(*type);
    }
    if (const auto constant = schema.find("const"); constant != schema.end() && value != *constant)
      return is + ", and not " + Shown(*constant);
    if (const auto of = schema.find("enum");
        of != schema.end() && std::find(of->begin(), of->end(), value) == of->end())
      return is + ", and none of " + of->dump();
    if (const auto pattern = schema.find("pattern"); pattern != schema.end() && value.is_string())
      if (const std::string text = value.get<std::string>();
          text.size() > 100 || !std::regex_search(text, std::regex(pattern->get<std::string>())))
        return is;
    if (!value.is_number()) return "";
    if (const auto minimum = schema.find("minimum"); minimum != schema.end() && value < *minimum)
      return is + ", below " + Shown(*minimum);
    if (const auto maximum = schema.find("maximum"); maximum != schema.end() && value > *maximum)
      return is + ", above " + Shown(*maximum);
    return "";
  }

  std::string ObjectProblem(const Json& schema, const Json& value, const std::string& path) const {
    const Json none = Json::object();
    for (const Json& name : schema.value("required", Json::array()))
      if (!value.contains(name.get<std::string>())) return Below(path, name) + " is missing";
    const auto properties = schema.find("properties");
    const auto others = schema.find("additionalProperties");
    for (const auto& [name, child] : value.items()) {
      const Json& known = properties != schema.end() ? *properties : none;
      std::string wrong;
      if (const auto property = known.find(name); property != known.end()) {
        wrong = Problem(*property, child, Below(path, name));
      } else if (others != schema.end() && others->is_object()) {
        wrong = Problem(*others, child, Below(path, name));
      } else if (others != schema.end() && *others == false) {
        wrong = Below(path, name) + " is no field of a result";
      }
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

  static std::string Below(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "." + name;
  }

  const Json& root_;
};

std::string ObjectiveProblem(const Json& result, const Json& objective) {
  const std::string name = "objective " + Shown(objective.at("name"));
  const Result<SloExpression> expression = ParseSlo(objective.at("expression").get<std::string>());
  if (!expression.ok()) return name + ": " + expression.error().message;
  const SloOutcome outcome = expression->Evaluate(result);
  const Json value = outcome.value ? Json(*outcome.value) : Json();
  if (objective.at("value") != value)
    return name + " has the value " + Shown(objective.at("value")) + ", and the result " + Shown(value);
  if (objective.at("ok") != outcome.ok)
    return name + " says ok " + Shown(objective.at("ok")) + " with the value " + Shown(value);
  return "";
}

// Trust before objectives, as the verdict was made (bench/result/write/build_result.cc); failed and killed runs have
// their own.
std::string VerdictProblem(const Json& result) {
  const std::string verdict = result.at("verdict");
  if (verdict == "failed") return "";
  if ((verdict == "killed") != result.contains("killed"))
    return "the verdict is " + verdict + ", and " + (verdict == "killed" ? "nothing" : "'killed'") +
           " says what was killed";
  if (result.at("routers").empty()) return "routers is empty";
  if (verdict == "killed") return "";
  const Json& slo = result.at("slo");
  const bool met = std::all_of(slo.begin(), slo.end(), [](const Json& each) { return each.at("ok") == true; });
  const std::string expected = result.at("trust").at("ok") == false ? "untrusted" : met ? "ok" : "slo_missed";
  return verdict == expected ? "" : "the verdict is " + verdict + ", and trust and objectives make it " + expected;
}

std::string CountsProblem(const Json& load) {
  const auto number = [&](const char* name) -> std::optional<double> {
    const auto at = load.find(name);
    return at != load.end() && at->is_number() ? std::optional(at->get<double>()) : std::nullopt;
  };
  const auto sent = number("sent"), ok = number("ok"), failed = number("failed"), share = number("failed_share");
  if (!sent || !ok || !failed) return "";
  if (*ok + *failed > *sent) return "load.ok and load.failed are more than load.sent";
  if (share && *sent > 0 && std::fabs(*share - *failed / *sent) > 1e-9)
    return "load.failed_share is " + Shown(*share) + ", and " + Shown(load.at("failed")) + " of " +
           Shown(load.at("sent")) + " failed";
  return "";
}

}  // namespace

Status ValidateResult(const Json& result) {
  const Json& schema = ResultSchema();
  std::string wrong = SchemaCheck(schema).Problem(schema, result, "");
  if (wrong.empty()) wrong = CountsProblem(result.at("load"));
  if (wrong.empty())
    for (const Json& objective : result.at("slo"))
      if (wrong = ObjectiveProblem(result, objective); !wrong.empty()) break;
  if (wrong.empty()) wrong = VerdictProblem(result);
  if (!wrong.empty()) return Error{ErrorCode::kInvalid, "contradicts itself or the schema: " + wrong};
  return {};
}

}  // namespace prefixmesh::bench
