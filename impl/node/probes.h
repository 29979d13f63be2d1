// probes.h — what the suite asks to measure the routers: which workers a prompt is believed to be at, once or again and
// again until it is (a handle keeps the prompt's ids, so that asking costs no hashing).
//
// Threads: any; one mutex for the handles. Ownership: borrows the router core and its loop; a handle keeps its scope.
// Units: depths in whole blocks. Time: none. Errors: kNotFound for a handle that is not there. Bounds: kHandlesMax
// handles and kHandleBytesMax of their prompts; the oldest goes first.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "impl/base/mutex.h"
#include "impl/base/result.h"
#include "impl/env/env.h"
#include "impl/router/router_core.h"

namespace prefixmesh {

namespace v1 {
class ProbeReply;
}

class Probes {
 public:
  static constexpr std::size_t kHandlesMax = 4096;
  static constexpr std::size_t kHandleBytesMax = 64u << 20;

  Probes(RouterCore& core, Executor& loop) : core_(core), loop_(loop) {}

  // How deep each worker is believed to hold the prompt; with `worker` only that one, and whether the strategy keeps a
  // record of it. Answers through `done`, possibly on the loop.
  void Ask(const RouteRequest& request, std::string worker, std::function<void(const v1::ProbeReply&)> done);

  std::uint64_t Open(const RouteRequest& request);
  // {blocks of the prompt, how many of them `worker` is believed to hold}.
  Result<std::pair<std::uint32_t, std::uint32_t>> Poll(std::uint64_t handle, std::string_view worker);
  void Close(std::uint64_t handle);

 private:
  struct Handle {
    std::uint64_t id = 0;
    std::shared_ptr<const TreeScope> scope;
    std::vector<NodeId> blocks;
    std::string text;  // text trees only
    std::size_t bytes() const { return blocks.size() * sizeof(NodeId) + text.size() + sizeof(Handle); }
  };
  using Handles = std::deque<Handle>;

  std::uint32_t BlockBytes(Kind kind) const;
  std::uint32_t DepthOf(const TreeScope& scope, const Prompt& prompt, WorkerIndex worker) const;
  Handles::iterator Find(std::uint64_t id) PREFIXMESH_REQUIRES(mutex_);

  RouterCore& core_;
  Executor& loop_;
  Mutex mutex_;
  Handles handles_ PREFIXMESH_GUARDED_BY(mutex_);  // ascending by id
  std::size_t bytes_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  std::uint64_t next_id_ PREFIXMESH_GUARDED_BY(mutex_) = 1;
};

}  // namespace prefixmesh
