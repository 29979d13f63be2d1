// tenant_delta.h — what the seventh generation sent each round: which worker got which prompt, by hash alone.
//
//   TenantDelta  model version inserts evictions   32 + model + Σ(24 + url) + Σ(16 + url), in bincode.h's format
//     insert       hash url epoch
//     eviction     hash url                          hash 0: everywhere
//
// Threads, ownership, errors and bounds: as bincode.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "impl/base/result.h"
#include "impl/base/slices.h"
#include "impl/wire/delta_layout.h"

namespace prefixmesh::generations {

struct TenantInsert {
  std::uint64_t hash = 0;  // path_hash.h
  std::string worker_url;
  std::uint64_t epoch = 0;

  friend bool operator==(const TenantInsert&, const TenantInsert&) = default;
};

struct TenantEviction {
  std::uint64_t hash = 0;
  std::string worker_url;

  friend bool operator==(const TenantEviction&, const TenantEviction&) = default;
};

struct TenantDelta {
  std::string model_id;
  std::uint64_t version = 0;
  std::vector<TenantInsert> inserts;
  std::vector<TenantEviction> evictions;

  friend bool operator==(const TenantDelta&, const TenantDelta&) = default;
};

std::string Encode(const TenantDelta& delta);
// The whole value, each part a copy: for what this router made itself.
Result<TenantDelta> DecodeTenantDelta(Bytes bytes);
// What peers send.
using TenantDeltaView = delta_layout::View<std::uint64_t>;
Result<TenantDeltaView> ViewTenantDelta(Bytes bytes);

}  // namespace prefixmesh::generations
