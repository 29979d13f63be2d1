#include "loadgen/drive/channels.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>

namespace prefixmesh::load {

Result<std::vector<std::shared_ptr<grpc::Channel>>> ConnectRouters(const std::vector<RouterAddress>& routers,
                                                                   Time patience) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (const RouterAddress& router : routers) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 200);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
    channels.push_back(grpc::CreateCustomChannel(router.address, grpc::InsecureChannelCredentials(), arguments));
    if (!router.late) channels.back()->GetState(true);
  }
  const auto deadline = std::chrono::system_clock::now() + patience;
  for (std::size_t i = 0; i < routers.size(); ++i) {
    if (!routers[i].late && !channels[i]->WaitForConnected(deadline)) {
      return Error{ErrorCode::kUnavailable,
                   "router " + routers[i].name + " at " + routers[i].address + " does not accept connections"};
    }
  }
  return channels;
}

}  // namespace prefixmesh::load
