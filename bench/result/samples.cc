#include "bench/result/samples.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "bench/result/json_at.h"
#include "bench/text/quantity.h"

namespace prefixmesh::bench {
namespace {

// Where a result counts what its percentiles are of.
constexpr std::pair<std::string_view, const char*> kSamplesOf[] = {{"visibility.ms.", "visibility.pairs"},
                                                                   {"load.latency_from_", "load.ok"},
                                                                   {"load.ttft_us.", "load.ok"},
                                                                   {"load.schedule_delay_us.", "load.sent"}};

}  // namespace

double SamplesMin(std::string_view path) {
  const std::string_view last = path.substr(path.rfind('.') + 1);  // the whole of it without a dot
  const bool percentile = last.size() > 1 && last[0] == 'p' && last.find_first_not_of("0123456789", 1) == last.npos;
  if (!percentile) return 1;
  double beyond = 1;  // of how many one is beyond it: 1 / (1 - 0.99)
  double share = 1;
  for (const char digit : last.substr(1)) beyond -= (digit - '0') * (share /= 10);
  return std::max(10.0, std::round(1 / beyond));
}

std::optional<double> SamplesOf(const nlohmann::json& result, std::string_view path) {
  if (SamplesMin(path) <= 1) return std::nullopt;
  for (const auto& [percentiles, count] : kSamplesOf)
    if (path.starts_with(percentiles)) return NumberAt(result, count);
  return std::nullopt;
}

std::string TooFewSamples(const nlohmann::json& result, std::string_view path) {
  const std::optional<double> samples = SamplesOf(result, path);
  if (!samples || *samples >= SamplesMin(path)) return "";
  return QuantityText(Quantity::kCount, samples) + (*samples == 1 ? " sample" : " samples") + "; it takes " +
         QuantityText(Quantity::kCount, SamplesMin(path));
}

}  // namespace prefixmesh::bench
