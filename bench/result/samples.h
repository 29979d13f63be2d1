// samples.h — of how many samples a percentile in a result is, and how many it takes to be worth something.
//
// Threads: any, pure. Ownership: values. Units: samples. Errors: none; a path that is no percentile takes 1.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace prefixmesh::bench {

// For "….p99" 100, so that one is beyond it; for "….p50" 10, the least for any percentile; 1 for what is none.
double SamplesMin(std::string_view path);

// Where the result says how many there were.
std::optional<double> SamplesOf(const nlohmann::json& result, std::string_view path);

// "45 samples; it takes 100", where there are too few; else empty.
std::string TooFewSamples(const nlohmann::json& result, std::string_view path);

}  // namespace prefixmesh::bench
