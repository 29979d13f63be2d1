#include "bench/report/report.h"

#include <nlohmann/json.hpp>

#include "bench/report/assets/assets.h"
#include "bench/report/page.h"
#include "bench/report/sections.h"
#include "bench/text/safe_text.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

// What tables, script and style leave for the embedded results.
constexpr std::size_t kDataBytesMax = kReportBytesMax - (512u << 10);

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

}  // namespace

Result<std::string> RenderReport(const std::vector<Json>& results, std::string_view more) {
  if (results.empty()) return Error{ErrorCode::kInvalid, "a report needs at least one result"};
  const std::vector<std::string> labels = RunLabels(results);
  unsigned thinned = 0;
  Result<std::string> data = DataFor(results, labels, thinned);
  if (!data.ok()) return data.error();

  std::string body = BannerHtml(results, labels);
  if (thinned > 0) {
    body += "<p class=\"alert\">To fit one file, the plots and the embedded results show one point in " +
            std::to_string(1u << thinned) + ". The result.json files have them all.</p>";
  }
  body += "<main>" + PlotsHtml(results, labels) + std::string(more) + FiguresHtml(results, labels) +
          LadderHtml(results, labels) + ObjectivesHtml(results, labels) + LayersHtml(results, labels) +
          RoutersHtml(results, labels) + NotesHtml(results, labels) + EnvironmentHtml(results, labels) + "</main>";

  const std::string style = std::string(UplotStyle()) + "\n" + std::string(ReportStyle());
  const std::string script = std::string(UplotScript()) + "\n" + std::string(ReportScript());
  std::string names;
  for (const std::string& label : labels) names += (names.empty() ? "" : " vs ") + label;
  const std::string title = EscapeHtml("prefixmesh · " + ScenarioNames(results) + " · " + names);
  std::string html = RenderPage({title, style, std::move(body), std::move(*data), script});
  if (html.size() > kReportBytesMax)
    return Error{ErrorCode::kTooBig, "the results do not fit a report of 3 MiB; give it fewer runs"};
  return html;
}

}  // namespace prefixmesh::bench
