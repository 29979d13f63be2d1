#include "bench/result/write/series.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::ordered_json;

// What each router's strategy held in its buffers, by their names.
Json BufferSeries(const Measured& m) {
  Json series = Json::object();
  for (std::size_t i = 0; i < m.routers.size(); ++i) {
    Json& router = series[m.routers[i].name] = Json::object();
    for (std::size_t row = 0; row < m.samples.size(); ++row) {
      const std::optional<RouterCounters>& counters = m.samples[row].routers[i].counters;
      if (!counters.has_value()) continue;
      for (const auto& [name, buffer] : counters->buffers) {
        if (!router.contains(name))
          for (const char* what : {"bytes", "entries"})
            router[name][what] = Json::array_t(m.samples.size());  // null until it is told
        router[name]["bytes"][row] = buffer.bytes;
        router[name]["entries"][row] = buffer.entries;
      }
    }
  }
  return series;
}

Json ShareJson(const std::optional<double>& share) {
  return share ? Json(std::round(*share * 1e6) / 1e6) : Json(nullptr);
}

}  // namespace

// One row a second over the whole run; the generator's rows end with the load.
Json SeriesJson(const Measured& m) {
  Json t = Json::array(), rss = Json::object(), built = Json::object(), oversize = Json::object();
  Json precision = Json::object(), recall = Json::object();
  for (const MeasuredRouter& router : m.routers)
    for (Json* column : {&rss, &built, &oversize, &precision, &recall}) (*column)[router.name] = Json::array();
  const std::size_t rows = m.samples.size();
  for (const Sample& sample : m.samples) {
    t.push_back(std::round(sample.t_s * 1000) / 1000);
    for (std::size_t i = 0; i < m.routers.size(); ++i) {
      const std::optional<RouterCounters>& counters = sample.routers[i].counters;
      const std::optional<std::uint64_t>& rss_bytes = sample.routers[i].rss_bytes;
      rss[m.routers[i].name].push_back(rss_bytes.has_value() ? Json(*rss_bytes) : Json(nullptr));
      built[m.routers[i].name].push_back(counters.has_value() ? Json(counters->built_bytes) : Json(nullptr));
      oversize[m.routers[i].name].push_back(counters.has_value() ? Json(counters->oversize) : Json(nullptr));
      precision[m.routers[i].name].push_back(ShareJson(sample.routers[i].precision));
      recall[m.routers[i].name].push_back(ShareJson(sample.routers[i].recall));
    }
  }
  Json series = {
      {"t_s", t}, {"rss_bytes", rss}, {"sync_bytes", built}, {"oversize", oversize}, {"buffers", BufferSeries(m)}};
  if (m.settings.index.listens() && m.index_kind == "block") {
    series["index_precision"] = std::move(precision);
    series["index_recall"] = std::move(recall);
  }
  for (const char* key : {"rps", "cached_share", "ok", "failed", "schedule_delay_p99_us"}) {
    Json column = Json::array();
    const bool have = m.load.is_object() && m.load.contains("series") && m.load.at("series").contains(key);
    for (std::size_t row = 0; row < rows; ++row) {
      // The generator counts from its own start, which is the start of the first sample's clock to within a second.
      const auto second = static_cast<std::size_t>(m.samples[row].t_s);
      const bool inside = have && second < m.load.at("series").at(key).size();
      column.push_back(inside ? Json(m.load.at("series").at(key).at(second)) : Json(nullptr));
    }
    series[key] = std::move(column);
  }
  return series;
}

}  // namespace prefixmesh::bench
