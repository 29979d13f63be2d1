#include "bench/report/report.h"

#include <nlohmann/json.hpp>

#include "bench/report/assets/assets.h"
#include "bench/report/format.h"
#include "bench/report/sections.h"
#include "loadgen/plan/sha256.h"
#include "loadgen/record/base64.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

// What tables, script and style leave for the embedded results.
constexpr std::size_t kDataBytesMax = kReportBytesMax - (512u << 10);

// A source expression for a content security policy: 'sha256-…'.
std::string PolicyHash(const std::string& text) {
  const std::string hex = load::Sha256Hex({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  std::string digest;
  for (std::size_t i = 0; i < hex.size(); i += 2) digest += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return "'sha256-" + load::Base64Encode(digest) + "'";
}

// JSON that is safe inside <script>: no '<' can open or close anything there.
std::string EmbeddedJson(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

// Every second point of every series goes.
void Thin(Json& node) {
  if (!node.is_array()) {
    if (node.is_object()) {
      for (auto& [name, value] : node.items()) {
        if (name != "phases") Thin(value);
      }
    }
    return;
  }
  Json kept = Json::array();
  for (std::size_t i = 0; i < node.size(); i += 2) kept.push_back(std::move(node[i]));
  node = std::move(kept);
}

// The results as the script needs them, at most kDataBytesMax of text; `thinned` says how many of 2^n points are left.
Result<std::string> DataFor(Results results, const std::vector<std::string>& labels, unsigned& thinned) {
  while (true) {
    std::string data = EmbeddedJson({{"labels", labels}, {"results", results}});
    if (data.size() <= kDataBytesMax) return data;
    if (++thinned > 16)
      return Error{ErrorCode::kTooBig, "the results do not fit a report of 3 MiB; give it fewer runs"};
    for (Json& result : results) {
      if (result.is_object() && result.contains("series")) Thin(result["series"]);
    }
  }
}

// One pass, so that nothing inserted is looked at again.
std::string Fill(std::string_view text, const std::vector<std::pair<std::string_view, std::string_view>>& values) {
  std::string out;
  while (!text.empty()) {
    const std::size_t at = std::min(text.find('@'), text.size());
    out += text.substr(0, at);
    text.remove_prefix(at);
    if (text.empty()) break;
    bool found = false;
    for (const auto& [name, value] : values) {
      if (!text.starts_with(name)) continue;
      out += value;
      text.remove_prefix(name.size());
      found = true;
      break;
    }
    if (!found) {
      out += '@';
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

Result<std::string> RenderReport(const std::vector<Json>& results) {
  if (results.empty()) return Error{ErrorCode::kInvalid, "a report needs at least one result"};
  const std::vector<std::string> labels = RunLabels(results);
  unsigned thinned = 0;
  const Result<std::string> data = DataFor(results, labels, thinned);
  if (!data.ok()) return data.error();

  std::string body = BannerHtml(results, labels);
  if (thinned > 0) {
    body += "<p class=\"alert\">To fit one file, the plots and the embedded results show one point in " +
            std::to_string(1u << thinned) + ". The result.json files have them all.</p>";
  }
  body += "<main>" + PlotsHtml(results, labels) + FiguresHtml(results, labels) + ObjectivesHtml(results, labels) +
          LayersHtml(results, labels) + RoutersHtml(results, labels) + NotesHtml(results, labels) +
          EnvironmentHtml(results, labels) + "</main>";

  const std::string style = std::string(UplotStyle()) + "\n" + std::string(ReportStyle());
  const std::string script = std::string(UplotScript()) + "\n" + std::string(ReportScript());
  const std::string policy = "default-src 'none'; script-src " + PolicyHash(script) + "; style-src " +
                             PolicyHash(style) + "; img-src data:; base-uri 'none'; form-action 'none'";
  std::string names;
  for (const std::string& label : labels) names += (names.empty() ? "" : " vs ") + label;
  const std::string title = EscapeHtml("prefixmesh · " + ScenarioNames(results) + " · " + names);
  std::string html = Fill(ReportTemplate(), {{"@CSP@", policy},
                                             {"@TITLE@", title},
                                             {"@STYLE@", style},
                                             {"@BODY@", body},
                                             {"@DATA@", *data},
                                             {"@SCRIPT@", script}});
  if (html.size() > kReportBytesMax)
    return Error{ErrorCode::kTooBig, "the results do not fit a report of 3 MiB; give it fewer runs"};
  return html;
}

}  // namespace prefixmesh::bench
