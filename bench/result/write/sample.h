// sample.h — what a run saw of its routers at one moment: a row of the series, and an end of what rates are over.
//
// Threads: values. Time: seconds of the run's sampler. Errors: what was not answered is nothing, never zero.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "impl/figures/readings.h"

namespace prefixmesh::bench {

struct RouterCounters {
  double at_s = 0;  // when this router answered
  std::uint64_t built_bytes = 0;
  std::uint64_t wire_bytes = 0;  // sent at its sync sockets
  std::uint64_t news_bytes = 0;  // built, other than digests: those flow at rest, too
  std::uint64_t records = 0;     // received
  std::uint64_t in_flight = 0;
  std::optional<std::uint64_t> delivered_bytes;    // received from it by its peers; known when all of them answered
  std::optional<std::uint64_t> rounds_ended = {};  // nothing: there are no rounds
  std::uint64_t oversize = 0;                      // of any kind, since it began
  struct Buffer {
    std::uint64_t bytes = 0, entries = 0;
  };
  std::map<std::string, Buffer> buffers = {};  // of the strategy, by name: eight at most
  std::uint64_t index_bytes = 0;

  // What the router itself accounts for: its index and the strategy's buffers.
  std::uint64_t AccountedBytes() const;
};
// But for delivered_bytes, which its peers say.
RouterCounters CountersOf(const Readings& readings, double at_s);

struct RouterSample {
  std::optional<std::uint64_t> rss_bytes;  // nothing: the process is gone, or has not joined yet
  std::optional<RouterCounters> counters;  // nothing: no answer
  // Of its index of KV events beside the workers' caches (bench/run/agreement.h); nothing: not asked, or of nothing.
  std::optional<double> precision = {}, recall = {};
};

struct Sample {
  double t_s = 0;
  std::vector<RouterSample> routers;
};

}  // namespace prefixmesh::bench
