#include "impl/wire/status_message.h"

#include "impl/figures/router_figures.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh {

void WriteStatus(const RouterReport& report, v1::RouterStatus& status) {
  status.set_name(report.name);
  status.set_strategy(report.strategy);
  status.set_index_kind(report.index_kind);
  for (const Reading& reading : report.readings) {
    v1::Reading& row = *status.add_readings();
    row.set_figure(std::string(reading.figure->path));
    row.set_label(reading.label);
    if (const auto* count = std::get_if<std::uint64_t>(&reading.value)) {
      row.set_count(*count);
    } else if (const auto* measured = std::get_if<double>(&reading.value)) {
      row.set_measured(*measured);
    } else {
      row.set_not_measured(*reading.reason());
    }
  }
}

RouterReport ReadStatus(const v1::RouterStatus& status) {
  RouterReport report{status.name(), status.strategy(), status.index_kind(), {}};
  std::size_t taken = 0;
  for (const v1::Reading& row : status.readings()) {
    if (++taken > kReadingsMax) break;
    const Figure* figure = FindFigure(kRouterFigures, row.figure());
    if (figure == nullptr || (figure->labelled()) == row.label().empty()) continue;
    if (row.label().size() > kTextBytesMax || row.not_measured().size() > kTextBytesMax) continue;
    switch (row.value_case()) {
      case v1::Reading::kCount:
        report.readings.Add({figure, row.label(), row.count()});
        break;
      case v1::Reading::kMeasured:
        report.readings.Add({figure, row.label(), row.measured()});
        break;
      case v1::Reading::kNotMeasured:
        report.readings.Add({figure, row.label(), NotMeasured{row.not_measured()}});
        break;
      case v1::Reading::VALUE_NOT_SET:
        break;
    }
  }
  return report;
}

}  // namespace prefixmesh
