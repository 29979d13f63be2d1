// model.h — as much of Grafana's classic dashboard schema as the dashboards need, and its JSON.
//
// Classic is what Grafana 9 to 13 load, from files too. Every panel, variable and annotation asks the data source that
// the variable `datasource` names.
// Threads: pure. Ownership: values. Units: Grafana's ids ("bytes", "percentunit"). Errors: none. Bounds: code.
#pragma once

#include <string>
#include <vector>

namespace prefixmesh::dashboards {

inline constexpr int kColumns = 24;  // of a row

struct Query {
  std::string expr, legend = {};
  bool reference = false;  // a level to hold against, dashed
};

struct Panel {
  std::string title, description = {}, unit = {};
  std::vector<Query> queries = {};
  int columns = 8;
  bool number = false;    // the last value, and not lines
  std::string step = {};  // the least distance of points ("1d"), which are then drawn; else as fine as there is room
  bool log_scale = false;
};

struct Row {
  std::string title;
  std::vector<Panel> panels = {};
};

// A choice of one value or several; `All` is there with several, and first unless there is an `initial`.
struct Variable {
  std::string name, label, values;  // values: label_values(…)
  std::string initial = {};
  bool several = true;
};

struct Annotation {
  std::string name, expr, title, text, color;
};

struct Dashboard {
  std::string uid, title, description;
  std::string from, refresh = {};  // "now-15m"; "5s", or empty
  std::vector<Variable> variables = {};
  std::vector<Annotation> annotations = {};
  std::vector<Row> rows = {};
};

std::string GrafanaJson(const Dashboard& dashboard);

}  // namespace prefixmesh::dashboards
