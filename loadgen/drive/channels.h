// channels.h — connections to the routers, with the options a measuring client needs.
// Threads: any. Ownership: shared with gRPC. Errors: Connect names the router that did not answer in time.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <vector>

#include "impl/base/result.h"
#include "impl/env/env.h"
#include "loadgen/drive/driver.h"

namespace prefixmesh::load {

// Own connections (never shared with other channels of this process), no retries: a retry would hide a failure and
// reset its clock. A router that is late is connected when something is sent to it.
Result<std::vector<std::shared_ptr<grpc::Channel>>> ConnectRouters(const std::vector<RouterAddress>& routers,
                                                                   Time timeout);

}  // namespace prefixmesh::load
