// utc.h — times of day as results write them.
// Threads: any, pure. Units: seconds since 1970, UTC. Errors: nothing for a text that is no such time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace prefixmesh::bench {

std::string UtcText(std::int64_t unix_s);                         // 2026-11-29T08:06:00Z
std::string UtcCompactText(std::int64_t unix_s);                  // 20261129T080600Z, as names of files begin
std::optional<std::int64_t> UtcSeconds(const std::string& text);  // of UtcText's form

}  // namespace prefixmesh::bench
