// engine_publisher.h — the KV events of fake workers as engines publish them: a ZeroMQ PUB and a replay ROUTER each,
// batches in msgpack (impl/kvevents/engine/engine_batch.h), so that an indexer made for engines can listen to them.
//
// Events name blocks by hash and tell their tokens. A cache knows ids alone, so the tokens of a block are kept from the
// request that brings it until the block is gone and no request has it. Blocks of text prompts have no tokens: they are
// not told.
//
// Threads: Hold and Publish from any; one of its own answers replays. Ownership: borrows the engine. Errors: Start's.
// Bounds: of each worker the newest kBatchesKept batches and kBytesKept of them; tokens of what is cached or asked for.
// A subscriber that is slower than kMessagesWaiting misses some, as with an engine. Time: a batch's is the wall
// clock's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "impl/base/ids.h"
#include "impl/base/result.h"
#include "impl/base/slices.h"
#include "loadgen/worker/worker_engine.h"

namespace prefixmesh::load {

struct EnginePublisherOptions {
  std::string host = "127.0.0.1";
  std::size_t workers = 1;
  std::uint32_t block_tokens = 16;
  std::uint16_t port_base = 0;  // worker i publishes on port_base + 2i and replays on the next; 0: on free ones
};

class EnginePublisher {
 public:
  static constexpr std::size_t kBatchesKept = 10'000, kBytesKept = 8u << 20;
  static constexpr int kMessagesWaiting = 1000;

  // kUnavailable: no port.
  static Result<std::unique_ptr<EnginePublisher>> Start(const EnginePublisherOptions& options, WorkerEngine& engine);
  virtual ~EnginePublisher() = default;

  // tcp://HOST:PORT
  virtual const std::string& publisher(std::size_t worker) const = 0;
  virtual const std::string& replay(std::size_t worker) const = 0;
  // The tokens of a request's blocks are known as long as this is held, and longer if they are cached by then.
  virtual std::shared_ptr<const void> Hold(std::size_t worker, std::span<const NodeId> ids, const Slices& prompt,
                                           const std::string& lora, const std::string& salt) = 0;
  // What is new of the worker.
  virtual void Publish(std::size_t worker) = 0;
  // It is not there from here on, and begins anew at the same addresses when it is up again: batches from 0, none kept.
  // Both take up to kLookMs to be so.
  static constexpr long kLookMs = 100;
  virtual void GoDown(std::size_t worker) = 0;
  virtual void ComeUp(std::size_t worker) = 0;
};

}  // namespace prefixmesh::load
