// Writes the sample A/B as ab.json and report.html into the folder given, for output_test.py.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/ab/ab_json.h"
#include "bench/ab/ab_report.h"
#include "impl/base/whole_file.h"
#include "tests/bench/ab/sample.h"

int main(int argc, char** argv) {
  using namespace prefixmesh;
  if (argc != 2) return 2;
  const bench::ab::Experiment experiment = bench::ab::RichExperiment();
  const bench::ab::Analysis analysis = bench::ab::Analyse(experiment);
  const std::string out = argv[1];
  for (const Status& written :
       {WriteWholeFile(out + "/report.html", bench::ab::RenderAbReport(experiment, analysis)),
        WriteWholeFile(
            out + "/ab.json",
            bench::ab::AbJson(experiment, analysis).dump(1, ' ', false, nlohmann::json::error_handler_t::replace))})
    if (!written.ok()) {
      std::fprintf(stderr, "%s\n", written.error().message.c_str());
      return 1;
    }
  return 0;
}
