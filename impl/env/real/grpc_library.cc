#include "impl/env/real/grpc_library.h"

#include <grpc/grpc.h>
#include <grpc/support/log.h>

#include <cstdio>
#include <cstring>

namespace prefixmesh {

void SetUpGrpc() {
  gpr_set_log_function([](gpr_log_func_args* said) {
    if (said->severity == GPR_LOG_SEVERITY_ERROR && std::strstr(said->message, "assertion failed") != nullptr)
      std::fprintf(stderr, "%s:%d: %s\n", said->file, said->line, said->message);
  });
  [[maybe_unused]] static const bool kept = [] {
    grpc_init();
    return true;
  }();
}

}  // namespace prefixmesh
