#include "dashboards/model.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace prefixmesh::dashboards {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchemaVersion = 39;  // of Grafana 11; later ones migrate it when they load it
constexpr int kPanelHeight = 8;

Json DataSource() { return {{"type", "prometheus"}, {"uid", "${datasource}"}}; }

Json TargetsJson(const Panel& panel) {
  Json targets = Json::array();
  for (const Query& query : panel.queries) {
    Json target = {{"refId", std::string(1, static_cast<char>('A' + targets.size()))},
                   {"datasource", DataSource()},
                   {"expr", query.expr},
                   {"legendFormat", query.legend},
                   {"editorMode", "code"}};
    target[panel.number ? "instant" : "range"] = true;
    targets.push_back(std::move(target));
  }
  return targets;
}

// Each reference line is found by its legend.
Json ReferenceStyles(const Panel& panel) {
  Json overrides = Json::array();
  for (const Query& query : panel.queries) {
    if (!query.reference) continue;
    overrides.push_back({{"matcher", {{"id", "byName"}, {"options", query.legend}}},
                         {"properties",
                          {{{"id", "custom.lineStyle"}, {"value", {{"fill", "dash"}, {"dash", {10, 10}}}}},
                           {{"id", "custom.showPoints"}, {"value", "never"}},
                           {{"id", "color"}, {"value", {{"mode", "fixed"}, {"fixedColor", "text"}}}}}}});
  }
  return overrides;
}

Json LinesJson(const Panel& panel) {
  const Json scale = panel.log_scale ? Json{{"type", "log"}, {"log", 10}} : Json{{"type", "linear"}};
  const Json custom = {{"drawStyle", "line"},
                       {"lineWidth", 1},
                       {"fillOpacity", 0},
                       {"pointSize", 5},
                       {"showPoints", panel.step.empty() ? "auto" : "always"},
                       {"spanNulls", !panel.step.empty()},
                       {"scaleDistribution", scale}};
  return {
      {"fieldConfig",
       {{"defaults", {{"unit", panel.unit}, {"custom", custom}}}, {"overrides", ReferenceStyles(panel)}}},
      {"options",
       {{"legend", {{"showLegend", true}, {"displayMode", "list"}, {"placement", "bottom"}, {"calcs", Json::array()}}},
        {"tooltip", {{"mode", "multi"}, {"sort", "desc"}}}}}};
}

Json NumberPanelJson(const Panel& panel) {
  return {{"fieldConfig", {{"defaults", {{"unit", panel.unit}}}, {"overrides", Json::array()}}},
          {"options",
           {{"reduceOptions", {{"calcs", Json::array({"lastNotNull"})}, {"fields", ""}, {"values", false}}},
            {"colorMode", "none"},
            {"graphMode", "none"},
            {"justifyMode", "auto"},
            {"orientation", "auto"},
            {"textMode", "auto"}}}};
}

Json PanelJson(const Panel& panel, int id, int x, int y) {
  Json json = {{"id", id},
               {"type", panel.number ? "stat" : "timeseries"},
               {"title", panel.title},
               {"description", panel.description},
               {"datasource", DataSource()},
               {"gridPos", {{"h", kPanelHeight}, {"w", panel.columns}, {"x", x}, {"y", y}}}};
  if (!panel.step.empty()) json["interval"] = panel.step;
  json["targets"] = TargetsJson(panel);
  json.update(panel.number ? NumberPanelJson(panel) : LinesJson(panel));
  return json;
}

// Rows are drawn one below the other; a row's panels from the left, on as many lines as they take.
Json PanelsJson(const std::vector<Row>& rows) {
  Json panels = Json::array();
  int id = 0, y = 0;
  for (const Row& row : rows) {
    panels.push_back({{"id", ++id},
                      {"type", "row"},
                      {"title", row.title},
                      {"collapsed", false},
                      {"gridPos", {{"h", 1}, {"w", kColumns}, {"x", 0}, {"y", y++}}},
                      {"panels", Json::array()}});
    int x = 0;
    for (const Panel& panel : row.panels) {
      if (x + panel.columns > kColumns) {
        x = 0;
        y += kPanelHeight;
      }
      panels.push_back(PanelJson(panel, ++id, x, y));
      x += panel.columns;
    }
    y += kPanelHeight;
  }
  return panels;
}

Json DataSourceVariable() {
  return {{"name", "datasource"},
          {"label", "Data source"},
          {"type", "datasource"},
          {"query", "prometheus"},
          {"hide", 0},
          {"refresh", 1},
          {"includeAll", false},
          {"multi", false},
          {"regex", ""}};
}

constexpr int kOnTimeRangeChange = 2;

Json VariableJson(const Variable& variable) {
  Json current = Json::object();
  if (!variable.initial.empty()) {
    current = {{"text", variable.initial}, {"value", variable.initial}};
  } else if (variable.several) {
    current = {{"text", "All"}, {"value", "$__all"}};
  }
  if (variable.several)
    for (const char* key : {"text", "value"}) current[key] = Json::array({current[key]});
  Json json = {{"name", variable.name},
               {"label", variable.label},
               {"type", "query"},
               {"datasource", DataSource()},
               {"query", {{"query", variable.values}, {"refId", "Variable-" + variable.name}}},
               {"hide", 0},
               {"refresh", kOnTimeRangeChange},
               {"sort", 1},
               {"includeAll", variable.several},
               {"multi", variable.several},
               {"regex", ""},
               {"options", Json::array()},
               {"current", current}};
  if (variable.several) json["allValue"] = ".*";  // also what has no such label
  return json;
}

Json AnnotationJson(const Annotation& annotation) {
  return {{"name", annotation.name},
          {"datasource", DataSource()},
          {"enable", true},
          {"hide", false},
          {"iconColor", annotation.color},
          {"expr", annotation.expr},
          {"titleFormat", annotation.title},
          {"textFormat", annotation.text},
          {"tagKeys", "scenario,strategy"},
          {"step", "1d"}};
}

}  // namespace

std::string GrafanaJson(const Dashboard& dashboard) {
  Json variables = Json::array({DataSourceVariable()}), annotations = Json::array();
  for (const Variable& each : dashboard.variables) variables.push_back(VariableJson(each));
  for (const Annotation& each : dashboard.annotations) annotations.push_back(AnnotationJson(each));
  const Json json = {{"uid", dashboard.uid},
                     {"title", dashboard.title},
                     {"description", dashboard.description},
                     {"tags", Json::array({"prefixmesh"})},
                     {"schemaVersion", kSchemaVersion},
                     {"version", 1},
                     {"editable", false},
                     {"graphTooltip", 1},
                     {"timezone", "utc"},
                     {"time", {{"from", dashboard.from}, {"to", "now"}}},
                     {"refresh", dashboard.refresh},
                     {"templating", {{"list", variables}}},
                     {"annotations", {{"list", annotations}}},
                     {"links", Json::array()},
                     {"panels", PanelsJson(dashboard.rows)}};
  return json.dump(1) + "\n";
}

}  // namespace prefixmesh::dashboards
