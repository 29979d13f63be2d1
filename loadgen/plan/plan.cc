#include "loadgen/plan/plan.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>

#include "impl/base/check.h"
#include "loadgen/arrivals/arrivals.h"
#include "loadgen/prompts/prompts.h"

namespace prefixmesh::load {
namespace {

std::chrono::nanoseconds FromSeconds(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

}  // namespace

class PlanBuilder {
 public:
  PlanBuilder(const Settings& settings, std::uint64_t seed) : settings_(settings) {
    plan_.seed_ = seed;
    plan_.kind_ = settings.prompt_kind();
    plan_.load_begin_ = FromSeconds(settings.phases.warmup_s);
    plan_.load_end_ = plan_.load_begin_ + FromSeconds(settings.phases.load_s);
    const auto at = [&](double share) { return plan_.load_begin_ + FromSeconds(share * settings.phases.load_s); };
    if (settings.join.at > 0) plan_.join_at_ = at(settings.join.at);
    if (settings.stop.from < settings.stop.to) plan_.stopped_ = {at(settings.stop.from), at(settings.stop.to)};
    for (std::uint64_t i = 0; i < settings.models.count; ++i) plan_.models_.push_back(ModelName(i));
  }

  Result<Plan> Build() {
    const Status valid = Validate(settings_);
    if (!valid.ok()) return valid.error();
    plan_.corpus_ = std::make_unique<Corpus>(plan_.kind_);
    if (settings_.load.arrivals == "trace") {
      const double span_ms = (settings_.phases.warmup_s + settings_.phases.load_s) * 1e3 * settings_.trace.speed;
      Result<MooncakeTrace> trace = ReadMooncake(settings_.trace.path, {span_ms, settings_.trace.block_tokens});
      if (!trace.ok()) return trace.error();
      trace_ = std::move(*trace);
      plan_.notes_.push_back("trace sha256 " + trace_.sha256);
    }
    PlanTimes();
    PlanPrompts();
    PlanTargets();
    Summarise();
    if (plan_.statistics_.prompt_bytes_max > settings_.limits.prompt_bytes)
      return PromptTooLong("the longest prompt has ", plan_.statistics_.prompt_bytes_max, settings_);
    if (Status planned = CheckLoadPhase(); !planned.ok()) return planned.error();
    return std::move(plan_);
  }

 private:
  void AddTimes(const Offsets& offsets, std::chrono::nanoseconds start, Phase phase) {
    for (const std::int64_t offset : offsets) {
      PlannedRequest request;
      request.intended_ns = start.count() + offset;
      request.phase = phase;
      plan_.requests_.push_back(request);
    }
  }

  // Warm-up and load are drawn apart, so that the load phase has exactly rps x T requests.
  void PlanTimes() {
    Prng prng = Prng::ForPurpose(plan_.seed_, "arrivals");
    const auto begin = plan_.load_begin_, end = plan_.load_end_;
    if (settings_.load.arrivals == "trace") {
      std::vector<std::int64_t> timestamps;
      for (const TraceRequest& request : trace_.requests) timestamps.push_back(request.timestamp_ms);
      const Offsets offsets = TraceArrivals(timestamps, settings_.trace.speed, settings_.trace.spread, end);
      AddTimes(offsets, std::chrono::nanoseconds(0), Phase::kLoad);
      for (PlannedRequest& request : plan_.requests_) {
        if (request.intended_ns < begin.count()) request.phase = Phase::kWarmup;
      }
      if (trace_.ended) NoteShortTrace(offsets);
      return;
    }
    const auto draw = [&](std::chrono::nanoseconds span, bool warmup) -> Offsets {
      const std::string& model = settings_.load.arrivals;
      if (model == "staged") {
        // The stages describe the load; the warm-up runs at the first one's rate.
        if (!warmup) return StagedArrivals(settings_.load.stages, span, prng);
        return PoissonArrivals(CountOf(settings_.load.stages.front().rps, span), span, prng);
      }
      const std::uint64_t count = CountOf(settings_.load.rps, span) / settings_.load.burst;
      if (model == "constant") return EachTimes(settings_.load.burst, ConstantArrivals(count, span));
      if (model == "gamma")
        return EachTimes(settings_.load.burst, GammaArrivals(count, settings_.load.burstiness, span, prng));
      return EachTimes(settings_.load.burst, PoissonArrivals(count, span, prng));
    };
    AddTimes(draw(begin, true), std::chrono::nanoseconds(0), Phase::kWarmup);
    AddTimes(draw(end - begin, false), begin, Phase::kLoad);
  }

  static Offsets EachTimes(std::uint64_t times, const Offsets& offsets) {
    if (times == 1) return offsets;
    Offsets all;
    for (const std::int64_t offset : offsets) all.insert(all.end(), times, offset);
    return all;
  }

  // A trace that went on would have had its next request after a mean gap.
  void NoteShortTrace(const Offsets& offsets) {
    const auto mean_gap = offsets.size() < 2 ? 0 : offsets.back() / static_cast<std::int64_t>(offsets.size() - 1);
    const std::int64_t early_ns = plan_.load_end_.count() - (offsets.empty() ? 0 : offsets.back() + mean_gap);
    if (early_ns <= 0) return;
    char note[80];
    std::snprintf(note, sizeof note, "the trace ends %.3g s before the load phase does",
                  static_cast<double>(early_ns) * 1e-9);
    plan_.notes_.push_back(note);
  }

  // A load phase without a request measures nothing.
  Status CheckLoadPhase() const {
    if (plan_.statistics_.load_requests > 0) return {};
    std::string where = "load.rps is too low for it";
    if (settings_.load.arrivals == "trace") where = "the trace is shorter than phases.warmup_s at this trace.speed";
    if (settings_.load.arrivals == "staged") where = "load.stages have no requests there";
    return Error{ErrorCode::kInvalid, "the plan has no request in the load phase: " + where};
  }

  std::unique_ptr<PromptGenerator> MakeGenerator() {
    Prng prng = Prng::ForPurpose(plan_.seed_, "prompts");
    const std::string& name = settings_.prompt.generator;
    if (name == "trace") return MakeTrace(trace_, *plan_.corpus_);
    if (name == "chat") return MakeChat(settings_, *plan_.corpus_, prng);
    if (name == "unique") return MakeUnique(settings_, *plan_.corpus_, prng);
    return MakeTemplates(settings_, *plan_.corpus_, prng);
  }

  void PlanPrompts() {
    const std::unique_ptr<PromptGenerator> generator = MakeGenerator();
    Prng repeats = Prng::ForPurpose(plan_.seed_, "repeats");
    std::vector<std::uint32_t> originals;  // requests that may be repeated
    std::uint32_t repeat_family = 0;
    for (std::size_t i = 0; i < plan_.requests_.size(); ++i) {
      PlannedRequest& request = plan_.requests_[i];
      if (i % settings_.load.burst != 0) {
        const PlannedRequest& first = plan_.requests_[i - 1];
        request.slice_first = first.slice_first;
        request.slice_count = first.slice_count;
        request.prompt_bytes = first.prompt_bytes;
        request.family = first.family;
        continue;
      }
      if (settings_.prompt.empty_share > 0 && repeats.Unit() < settings_.prompt.empty_share) {
        request.family = kNoFamily;
        continue;
      }
      const double ratio = settings_.prompt.duplicate_ratio;
      if (ratio > 0 && repeats.Unit() < ratio && !originals.empty()) {
        PlannedRequest& original = plan_.requests_[originals[repeats.Below(originals.size())]];
        if (original.family == kNoFamily) original.family = repeat_family++;
        request.slice_first = original.slice_first;
        request.slice_count = original.slice_count;
        request.prompt_bytes = original.prompt_bytes;
        request.family = original.family;
        continue;
      }
      scratch_.clear();
      request.family = generator->Next(scratch_);
      PREFIXMESH_CHECK(plan_.slices_.size() + scratch_.size() <= UINT32_MAX);
      request.slice_first = static_cast<std::uint32_t>(plan_.slices_.size());
      request.slice_count = static_cast<std::uint32_t>(scratch_.size());
      for (const Slice& slice : scratch_) request.prompt_bytes += slice.bytes;
      plan_.slices_.insert(plan_.slices_.end(), scratch_.begin(), scratch_.end());
      if (ratio > 0) originals.push_back(static_cast<std::uint32_t>(i));
    }
    plan_.slices_.shrink_to_fit();
  }

  void PlanTargets() {
    Prng routers = Prng::ForPurpose(plan_.seed_, "routers"), models = Prng::ForPurpose(plan_.seed_, "models");
    for (std::size_t i = 0; i < plan_.requests_.size(); ++i) {
      PlannedRequest& request = plan_.requests_[i];
      const std::chrono::nanoseconds at(request.intended_ns);
      const bool away = (plan_.join_at_ && at < *plan_.join_at_) ||
                        (plan_.stopped_ && plan_.stopped_->Meets(at - Plan::kStopMargin, at + Plan::kStopMargin));
      const std::uint64_t count = settings_.routers.count - (away ? 1 : 0);
      std::uint64_t router = 0;
      if (settings_.routers.spread == "random") router = routers.Below(count);
      if (settings_.routers.spread == "round-robin") router = i % count;
      request.router = static_cast<std::uint16_t>(router);
      request.model = static_cast<std::uint16_t>(models.Below(settings_.models.count));
    }
  }

  void Summarise() {
    PlanStatistics& statistics = plan_.statistics_;
    const std::uint64_t corpus_hash = XXH3_64bits(
        plan_.corpus_->At({0, static_cast<std::uint32_t>(plan_.corpus_->size())}).data(), plan_.corpus_->size());
    XXH3_state_t* state = XXH3_createState();
    XXH3_64bits_reset_withSeed(state, corpus_hash);
    const auto fold = [&](std::uint64_t value) { XXH3_64bits_update(state, &value, sizeof value); };
    fold(static_cast<std::uint64_t>(plan_.kind_ == Kind::kTokens));
    std::uint32_t families = 0;
    for (const PlannedRequest& request : plan_.requests_) {
      fold(static_cast<std::uint64_t>(request.intended_ns));
      fold(static_cast<std::uint64_t>(request.phase) << 32 | static_cast<std::uint64_t>(request.model) << 16 |
           request.router);
      for (std::uint32_t i = 0; i < request.slice_count; ++i) {
        const Slice slice = plan_.slices_[request.slice_first + i];
        fold(static_cast<std::uint64_t>(slice.offset) << 32 | slice.bytes);
      }
      fold(request.slice_count);
      if (request.family != kNoFamily) families = std::max(families, request.family + 1);
      statistics.prompt_bytes_max = std::max<std::uint64_t>(statistics.prompt_bytes_max, request.prompt_bytes);
      if (request.phase == Phase::kWarmup) {
        ++statistics.warmup_requests;
        continue;
      }
      ++statistics.load_requests;
      statistics.prompt_bytes_sum += request.prompt_bytes;
    }
    for (const std::string& model : plan_.models_) XXH3_64bits_update(state, model.data(), model.size());
    plan_.fingerprint_ = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    statistics.families = families;
    statistics.offered_rps = static_cast<double>(statistics.load_requests) / settings_.phases.load_s;
    if (statistics.load_requests > 0) {
      statistics.prompt_bytes_mean =
          static_cast<double>(statistics.prompt_bytes_sum) / static_cast<double>(statistics.load_requests);
    }
    statistics.memory_bytes = plan_.corpus_->size() + plan_.requests_.capacity() * sizeof(PlannedRequest) +
                              plan_.slices_.capacity() * sizeof(Slice);
  }

  const Settings& settings_;
  MooncakeTrace trace_;
  std::vector<Slice> scratch_;
  Plan plan_;
};

void Plan::Prompt(const PlannedRequest& request, Slices& out) const {
  out.Clear();
  for (std::uint32_t i = 0; i < request.slice_count; ++i) out.Append(corpus_->At(slices_[request.slice_first + i]));
}

std::size_t Plan::CommonPrefix(const PlannedRequest& a, const PlannedRequest& b) const {
  std::size_t common = 0;
  std::uint32_t index_a = 0, index_b = 0;
  Bytes left_a, left_b;  // what remains of the slice each side stands in
  while (true) {
    if (left_a.empty()) {
      if (index_a == a.slice_count) return common;
      left_a = corpus_->At(slices_[a.slice_first + index_a++]);
    }
    if (left_b.empty()) {
      if (index_b == b.slice_count) return common;
      left_b = corpus_->At(slices_[b.slice_first + index_b++]);
    }
    const std::size_t step = std::min(left_a.size(), left_b.size());
    if (left_a.data() != left_b.data() && std::memcmp(left_a.data(), left_b.data(), step) != 0) {
      const auto differs =
          std::mismatch(left_a.begin(), left_a.begin() + static_cast<std::ptrdiff_t>(step), left_b.begin());
      return common + static_cast<std::size_t>(differs.first - left_a.begin());
    }
    common += step;
    left_a = left_a.subspan(step);
    left_b = left_b.subspan(step);
  }
}

Result<Plan> BuildPlan(const Settings& settings, std::uint64_t seed) { return PlanBuilder(settings, seed).Build(); }

std::string FingerprintText(std::uint64_t fingerprint) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text.push_back(kHex[fingerprint >> shift & 15]);
  return text;
}

}  // namespace prefixmesh::load
