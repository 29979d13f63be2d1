// loadgen_stub_router WORKER_ADDRESS…: two stub routers on free ports, for trying prefixmesh-load by hand. Prints the
// --router arguments, ends with its input.
#include <cstdio>

#include "tests/loadgen/real/stub_router.h"

int main(int argc, char** argv) {
  std::vector<prefixmesh::load::WorkerAddress> workers;
  for (int i = 1; i < argc; ++i) workers.push_back({"w" + std::to_string(i - 1), argv[i]});
  const auto routers = prefixmesh::load::StubRouters::Start(2, workers, true);
  for (const auto& router : routers->addresses()) {
    std::printf("--router %s=%s ", router.name.c_str(), router.address.c_str());
  }
  std::printf("\n");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
