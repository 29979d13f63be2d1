// policy_state.h — the envelope in which every value of the generations' policy store travelled.
//
//   PolicyState  model, type tag, config bytes, version: 32 + model + tag + config, in bincode.h's format
//
// The tag says how a receiver reads the config. Threads, ownership, errors: as bincode.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "impl/base/result.h"
#include "impl/base/slices.h"

namespace prefixmesh::generations {

inline constexpr std::string_view kTreeStateTag = "tree_state";
inline constexpr std::string_view kTreeStateDeltaTag = "tree_state_delta";
inline constexpr std::string_view kTreeStateLz4Tag = "tree_state_lz4";
inline constexpr std::string_view kTreeSnapshotTag = "tree_snapshot";
inline constexpr std::string_view kTenantDeltaTag = "tenant_delta";

struct PolicyState {
  std::string model_id;
  std::string policy_type;
  std::string config;
  std::uint64_t version = 0;
};

// Borrowed from the decoded bytes.
struct PolicyStateView {
  std::string_view model_id;
  std::string_view policy_type;
  Bytes config;
  std::uint64_t version = 0;
};

std::string Encode(const PolicyState& state);
Result<PolicyStateView> DecodePolicyState(Bytes bytes);

}  // namespace prefixmesh::generations
