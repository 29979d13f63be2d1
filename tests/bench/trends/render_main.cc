// render_main.cc — `trends_render OUT.html`: the report over a hundred made runs, which the browser test opens.
#include <cstdio>

#include "bench/trends/trends.h"
#include "impl/base/whole_file.h"
#include "tests/bench/trends/sample.h"

int main(int argc, char** argv) {
  using namespace prefixmesh;
  if (argc != 2) return 2;
  std::vector<bench::RunLine> runs = bench::SampleRuns(2, 2, 25);
  runs[3].trusted = false;
  runs[3].verdict = "untrusted";
  const Result<std::string> page = bench::RenderTrends(runs);
  if (!page.ok()) return 1;
  return WriteWholeFile(argv[1], *page).ok() ? 0 : 1;
}
