#include "loadgen/app/process_setup.h"

#include <grpc/support/log.h>

#include <cstdio>
#include <cstring>

namespace prefixmesh::load {
void QuietGrpc() {
  gpr_set_log_function([](gpr_log_func_args* said) {
    if (said->severity == GPR_LOG_SEVERITY_ERROR && std::strstr(said->message, "assertion failed") != nullptr)
      std::fprintf(stderr, "%s:%d: %s\n", said->file, said->line, said->message);
  });
}

void PrintError(std::string_view program, std::string_view message) {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(program.size()), program.data(),
               static_cast<int>(message.size()), message.data());
}

}  // namespace prefixmesh::load
