// plan.h — a whole run decided before its clock starts: who is asked what, when, through which router.
//
//   Result<Plan> plan = BuildPlan(settings, seed);
//   for (const PlannedRequest& request : plan->requests()) { Slices prompt; plan->Prompt(request, prompt); … }
//
// The same settings and seed give the same plan on every machine; the fingerprint says so in 64 bits. 25,000 requests
// of 80,000 bytes cost about 12 MiB (8 of them corpus): a prompt is a list of slices, never a copy.
//
// Threads: const use from any thread once built. Time: nanoseconds from the start of the warm-up. Ownership: the plan
// owns corpus and slices; what Prompt() fills borrows from it (moving the plan keeps it valid). Errors: an unreadable
// or malformed trace. Bounds: 20,000,000 requests (Validate), 2^32 slices.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/result.h"
#include "impl/base/slices.h"
#include "loadgen/prompts/corpus.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::load {

enum class Phase : std::uint8_t { kWarmup = 0, kLoad = 1 };

struct PlannedRequest {
  std::int64_t intended_ns = 0;
  std::uint32_t slice_first = 0;  // of the plan's slice table
  std::uint32_t slice_count = 0;
  std::uint32_t prompt_bytes = 0;
  std::uint32_t family = 0;  // requests that share a prefix by intent (prompts.h)
  std::uint16_t router = 0;
  std::uint16_t model = 0;
  Phase phase = Phase::kWarmup;
};

struct PlanStatistics {
  std::uint64_t warmup_requests = 0;
  std::uint64_t load_requests = 0;
  double offered_rps = 0;        // load phase
  double prompt_bytes_mean = 0;  // load phase
  std::uint64_t prompt_bytes_max = 0;
  std::uint64_t prompt_bytes_sum = 0;  // load phase
  std::uint64_t families = 0;
  std::uint64_t memory_bytes = 0;  // of corpus, requests and slices
};

class Plan {
 public:
  Kind kind() const { return kind_; }
  std::uint64_t seed() const { return seed_; }
  std::uint64_t fingerprint() const { return fingerprint_; }
  const PlanStatistics& statistics() const { return statistics_; }
  // One line each: the sha256 of a trace, a trace shorter than the load.
  const std::vector<std::string>& notes() const { return notes_; }
  const std::vector<std::string>& models() const { return models_; }

  // When the last router starts; no earlier request goes to it. Nothing: all are there from the start.
  std::optional<std::chrono::nanoseconds> join_at() const { return join_at_; }

  // When the last router is stopped. No request goes to it in that time, nor kStopMargin before and after.
  struct Span {
    std::chrono::nanoseconds begin, end;
    bool Meets(std::chrono::nanoseconds from, std::chrono::nanoseconds to) const { return from < end && to > begin; }
  };
  static constexpr std::chrono::seconds kStopMargin{1};
  const std::optional<Span>& stopped() const { return stopped_; }

  std::chrono::nanoseconds load_begin() const { return load_begin_; }
  std::chrono::nanoseconds load_end() const { return load_end_; }

  // Ascending by intended time. A request's place here is its identity everywhere: see RequestId.
  std::span<const PlannedRequest> requests() const { return requests_; }

  // Replaces `out` with the pieces of the prompt.
  void Prompt(const PlannedRequest& request, Slices& out) const;

  // How many bytes the two prompts have in common from the start. Models are not looked at. O(slices), no bytes are
  // read where both lists name the same place.
  std::size_t CommonPrefix(const PlannedRequest& a, const PlannedRequest& b) const;

  const Corpus& corpus() const { return *corpus_; }

 private:
  friend class PlanBuilder;
  Kind kind_ = Kind::kText;
  std::uint64_t seed_ = 0;
  std::uint64_t fingerprint_ = 0;
  std::chrono::nanoseconds load_begin_{0};
  std::chrono::nanoseconds load_end_{0};
  std::optional<std::chrono::nanoseconds> join_at_;
  std::optional<Span> stopped_;
  PlanStatistics statistics_;
  std::vector<std::string> notes_;
  std::vector<std::string> models_;
  std::unique_ptr<Corpus> corpus_;
  std::vector<Slice> slices_;
  std::vector<PlannedRequest> requests_;
};

// The id a request carries on the wire; 0 is never used.
inline std::uint64_t RequestId(std::size_t index) { return index + 1; }

Result<Plan> BuildPlan(const Settings& settings, std::uint64_t seed);

// The name of the index-th model of a plan, which the workers must serve.
inline std::string ModelName(std::uint64_t index) { return "model-" + std::to_string(index); }

// 16 hex digits.
std::string FingerprintText(std::uint64_t fingerprint);

}  // namespace prefixmesh::load
