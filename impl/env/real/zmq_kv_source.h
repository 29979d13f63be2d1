// zmq_kv_source.h — KV events as engines publish them: ZeroMQ PUB and its replay ROUTER, batches in msgpack
// (engine_batch.h), put in order (engine_stream.h) and said in our ids (engine_blocks.h).
//
// To the router this is a source as any other: events numbered from 1 without holes, in one generation, and a dump of
// what is known for who asks. What the engine's own numbers lose is lost here: all is forgotten (a cleared event) and
// learnt again as the engine tells it.
//
// Threads: one of its own, where sockets, order and blocks are; to the loop it posts. Ownership: borrows clock and
// loop; owns its sockets. Errors: what cannot be read is a lost batch, counted, with a line in the log. Time: connects
// again after 250 ms to 4 s; a replay has 2 s from one batch to the next. Bounds: of a stream kMessagesWaiting messages
// of kEngineBatchBytesMax wait, and none is read while the router has one to take: then the publisher drops, and the
// gap is seen; of all engines `bytes_max` of blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "impl/env/env.h"
#include "impl/kvevents/kv_source.h"
#include "impl/tree/block_hash.h"

namespace prefixmesh {

// ZeroMQ addresses, tcp://HOST:PORT.
struct EngineAddress {
  std::string publisher;
  std::string replay;  // empty: it has none
};
// Whether it is one to connect to.
bool IsZmqAddress(const std::string& address);

struct ZmqKvSourceOptions {
  BlockHashOptions hash;
  std::string model;  // that the engines serve
  std::size_t bytes_max = 1u << 30;
  std::size_t engines = 1;  // they share it
};

class ZmqKvSource : public kvevents::KvSource {
 public:
  static constexpr int kMessagesWaiting = 16;
  static std::unique_ptr<ZmqKvSource> Make(ZmqKvSourceOptions options, Clock& clock, Executor& loop);
  // Before Listen.
  virtual void Add(WorkerIndex worker, const EngineAddress& address) = 0;
};

}  // namespace prefixmesh
