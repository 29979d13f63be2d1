// kv_items.h — the items about KV events: what a worker's buffer answers, and what a router does with it
// (impl/kvevents; docs/conform.md has the fields).
//
// Threads: pure. Ownership: none. Errors: Failure (item_fields.h). Bounds: kWorkMax events of a buffer.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace prefixmesh::bench {

void CheckKvBuffer(const nlohmann::json& item);
void CheckKvRouter(const nlohmann::json& item);

}  // namespace prefixmesh::bench
