// worker_pool.h — start here for the fake workers: N gRPC servers in one process, one port each.
//
// Each serves prefixmesh.v1.Worker (Generate, Hello, Status, KV events), the health service. A prompt is hashed
// where the network put it and freed at once: a waiting request costs its block ids, not its body.
//
// Threads: gRPC's own and one timer (worker_engine.h). Ownership: stops and joins everything in the destructor.
// Errors: Start says which address is taken. Bounds: bodies of at most 16 MiB.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "impl/base/result.h"
#include "impl/env/env.h"
#include "impl/tree/block_hash.h"
#include "loadgen/worker/service_model.h"
#include "loadgen/worker/worker_engine.h"

namespace prefixmesh::load {

struct WorkerPoolOptions {
  std::string host = "127.0.0.1";
  // One worker each; 0 takes a free port. An address that is in use is refused.
  std::vector<std::uint16_t> ports;
  // Workers are called prefix0, prefix1, …
  std::string name_prefix = "w";
  // Requests for other models get NOT_FOUND; empty serves any.
  std::vector<std::string> models;
  ServiceOptions service;
  // The last so many workers are others.
  std::size_t slow = 0;
  ServiceOptions slow_service;
  // The seed matters only where routers hear KV events: their ids are those of the workers.
  BlockHashOptions blocks;
  // KV events of each worker that are kept for routers that missed some; 0: none, and no router may listen.
  std::size_t events_kept = 0;
  // And each worker publishes them as engines do (engine_publisher.h).
  bool publishes = false;
  std::uint16_t kv_port_base = 0;
};

struct WorkerAddress {
  std::string name;
  std::string address;            // host:port
  std::string kv_publisher = {};  // tcp://host:port; empty: it does not publish
  std::string kv_replay = {};
};

class WorkerPool {
 public:
  // Serving when it returns. The clock must outlive the pool.
  static Result<std::unique_ptr<WorkerPool>> Start(const WorkerPoolOptions& options, const Clock& clock);
  virtual ~WorkerPool() = default;

  virtual const std::vector<WorkerAddress>& addresses() const = 0;
  virtual WorkerFigures Figures(std::size_t worker) const = 0;
  virtual std::uint64_t Incarnation(std::size_t worker) const = 0;
  // Takes no new requests, lets the running ones end for at most `timeout`, then cancels them.
  virtual void Drain(Time timeout) = 0;
};

}  // namespace prefixmesh::load
