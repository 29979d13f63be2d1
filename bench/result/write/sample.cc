#include "bench/result/write/sample.h"

#include "impl/figures/router_figures.h"
#include "impl/sync/actions.h"

namespace prefixmesh::bench {

RouterCounters CountersOf(const Readings& readings, double at_s) {
  RouterCounters counters;
  counters.at_s = at_s;
  counters.built_bytes = readings.Count(RouterFigure("sync.built_bytes"));
  counters.wire_bytes = readings.Count(RouterFigure("sync.wire_bytes"));
  counters.news_bytes =
      counters.built_bytes - readings.Count(RouterFigure("sync.by_layer.*.bytes"), LayerName(Layer::kDigest));
  counters.records = readings.Count(RouterFigure("sync.records.*"), "received");
  counters.in_flight = readings.Count(RouterFigure("requests.in_flight"));
  if (readings.Number(RouterFigure("sync.rounds_ended")).has_value())
    counters.rounds_ended = readings.Count(RouterFigure("sync.rounds_ended"));
  counters.oversize = readings.Count(RouterFigure("sync.oversize_warnings"));
  const Figure &bytes = RouterFigure("sync.buffers.*.bytes"), &entries = RouterFigure("sync.buffers.*.entries");
  for (const Reading& reading : readings)
    if (reading.figure == &bytes)
      counters.buffers[reading.label] = {readings.Count(bytes, reading.label), readings.Count(entries, reading.label)};
  counters.index_bytes = readings.Count(RouterFigure("index.bytes"));
  return counters;
}

std::uint64_t RouterCounters::AccountedBytes() const {
  std::uint64_t bytes = index_bytes;
  for (const auto& [name, buffer] : buffers) bytes += buffer.bytes;
  return bytes;
}

}  // namespace prefixmesh::bench
