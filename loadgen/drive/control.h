// control.h — whether the routers let themselves be measured: probes and phases need a router's --control.
// Threads: blocks the caller. Time: at most `timeout` a router. Errors: kUnavailable names the router that refuses.
#pragma once

#include "impl/base/result.h"
#include "impl/env/env.h"
#include "loadgen/drive/driver.h"

namespace prefixmesh::load {

// A router that cannot be asked (it is not there yet) is taken to allow it.
Status ControlAllowed(const std::vector<RouterAddress>& routers, Time timeout);

}  // namespace prefixmesh::load
