// load_figures.h — every figure of the load generator, a row each: what it sent, where requests went and what that
// gained, and what the peers learned. figure.h says what a column means.
#pragma once

#include "impl/figures/figure.h"
#include "impl/figures/router_figures.h"

namespace prefixmesh {

inline constexpr std::string_view kGeneratorUnfinished = "the generator did not finish";
inline constexpr std::string_view kNoOkRequest = "no ok request of the load phase, or none with a prompt";
inline constexpr std::string_view kNothingSent = "nothing was sent in the load phase";

inline constexpr Figure kLoadFigures[] = {
    {.path = "offered_rps",
     .unit = Unit::kPerSecond,
     .nature = Nature::kMeasured,
     .meaning = "planned requests per second of the load phase",
     .title = "offered",
     .section = Section::kLoad},
    {.path = "achieved_rps",
     .unit = Unit::kPerSecond,
     .nature = Nature::kMeasured,
     .meaning = "sent requests per second of the load phase"},
    {.path = "planned", .meaning = "requests of the load phase"},
    {.path = "sent", .meaning = "of them, really sent", .title = "sent", .section = Section::kLoad, .terminal = true},
    {.path = "ok", .better = Better::kHigher, .meaning = "answered"},
    {.path = "failed",
     .better = Better::kLower,
     .meaning = "answered with an error, or not in time",
     .title = "failed",
     .section = Section::kLoad,
     .terminal = true},
    {.path = "failed_share",
     .unit = Unit::kShare,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "failed / sent; every latency figure is over ok requests only",
     .null_when = kNothingSent,
     .title = "failed share",
     .section = Section::kLoad,
     .terminal = true},
    {.path = "timeouts", .better = Better::kLower, .meaning = "of the failed: took longer than load.timeout_s"},
    {.path = "dropped",
     .better = Better::kLower,
     .meaning = "not sent by the end of the load phase",
     .title = "dropped",
     .section = Section::kLoad,
     .terminal = true},
    {.path = "late",
     .better = Better::kLower,
     .meaning = "sent later than intended by more than trust.late_ms",
     .title = "late",
     .section = Section::kLoad},
    {.path = "schedule_delay_us.*",
     .unit = Unit::kMicroseconds,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "from intended to real send time: the generator's own fault",
     .null_when = kNothingSent,
     .label = kShortSpectrum,
     .title = "schedule delay *",
     .section = Section::kLoad},
    {.path = "wakeup_delay_us.*",
     .unit = Unit::kMicroseconds,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "how late the pacing thread woke up",
     .null_when = "the pacing thread never slept before a send",
     .label = kShortSpectrum},
    {.path = "latency_from_intended_us.*",
     .unit = Unit::kMicroseconds,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "from the intended send time to the last message, ok requests: what a user would feel",
     .null_when = kNoOkRequest,
     .label = kSpectrum,
     .title = "latency *",
     .section = Section::kLoad,
     .terminal = true},
    {.path = "latency_from_sent_us.*",
     .unit = Unit::kMicroseconds,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "from the real send time to the last message, ok requests",
     .null_when = kNoOkRequest,
     .label = kSpectrum,
     .title = "latency *, from sent",
     .section = Section::kLoad,
     .terminal = true},
    {.path = "ttft_us.*",
     .unit = Unit::kMicroseconds,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "from the intended send time to the first token, ok requests",
     .null_when = kNoOkRequest,
     .label = kSpectrum,
     .title = "first token *",
     .section = Section::kLoad},
    {.path = "ttft_mean_us",
     .unit = Unit::kMicroseconds,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "the same, mean",
     .null_when = kNoOkRequest,
     .title = "first token mean",
     .section = Section::kLoad},
    {.path = "goodput_share",
     .unit = Unit::kShare,
     .nature = Nature::kMeasured,
     .better = Better::kHigher,
     .meaning =
         "of the planned requests, those with the first token within goodput.ttft_ms and the last message within "
         "goodput.latency_ms, both from the intended send time",
     .null_when = "the load phase had no request",
     .title = "goodput",
     .section = Section::kLoad,
     .terminal = true},
    {.path = "warmup.planned", .meaning = "requests of the warm-up"},
    {.path = "warmup.sent", .meaning = "of them, really sent"},
    {.path = "warmup.dropped", .better = Better::kLower, .meaning = "of them, not sent"},
    {.path = "warmup.failed", .better = Better::kLower, .meaning = "of them, failed"},
};
static_assert(!Problem(kLoadFigures));
consteval const Figure& LoadFigure(std::string_view path) { return RowOf(kLoadFigures, path); }
inline constexpr FigureGroup kLoadGroup = {
    .name = "load", .meaning = "the load phase only", .figures = kLoadFigures, .unheard = kGeneratorUnfinished};

inline constexpr std::string_view kNoOracle = "only `prefixmesh run` asks the oracle, when a run has ended in order";
inline constexpr LabelValue kAnswerDecisionValues[] = {
    kDecisionValues[0],
    kDecisionValues[1],
    kDecisionValues[2],
    kDecisionValues[3],
    {"unknown", "the router gave no reason that is known here", false},
};
inline constexpr Label kAnswerDecision{"reason", kAnswerDecisionValues};

inline constexpr Figure kRoutingFigures[] = {
    {.path = "cached_share",
     .unit = Unit::kShare,
     .nature = Nature::kMeasured,
     .better = Better::kHigher,
     .meaning = "cached prompt bytes / prompt bytes of ok requests, as the workers counted from the prompts themselves",
     .null_when = kNoOkRequest,
     .title = "cached share",
     .section = Section::kRouting,
     .terminal = true},
    {.path = "oracle_cached_share",
     .unit = Unit::kShare,
     .nature = Nature::kMeasured,
     .meaning =
         "the same over the same requests, for one router that saw all the traffic: same plan, policy and worker "
         "model, virtual clock",
     .null_when = kNoOracle,
     .title = "oracle's cached share",
     .section = Section::kRouting,
     .terminal = true},
    {.path = "cached_share_ratio",
     .unit = Unit::kRatio,
     .nature = Nature::kMeasured,
     .better = Better::kHigher,
     .meaning = "cached_share / oracle_cached_share; above 1 it is printed as it is",
     .null_when = "one of the two shares is missing or zero",
     .title = "ratio to the oracle",
     .section = Section::kRouting,
     .terminal = true},
    {.path = "load_cov",
     .unit = Unit::kRatio,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "standard deviation / mean of requests per worker: 0 is even; one worker for everything would maximise "
                "cached_share",
     .null_when = kNoOkRequest,
     .title = "load CoV",
     .section = Section::kRouting,
     .terminal = true},
    {.path = "oracle_load_cov",
     .unit = Unit::kRatio,
     .nature = Nature::kMeasured,
     .meaning = "the same for the oracle",
     .null_when = kNoOracle,
     .title = "oracle's load CoV",
     .section = Section::kRouting},
    {.path = "same_worker_followups",
     .unit = Unit::kShare,
     .nature = Nature::kMeasured,
     .better = Better::kHigher,
     .meaning = "share of follow-ups that reached the worker of the latest earlier one",
     .null_when = "no ok request followed up an earlier one",
     .title = "same worker follow-ups",
     .section = Section::kRouting},
    {.path = "decided_by_cache",
     .unit = Unit::kShare,
     .nature = Nature::kMeasured,
     .meaning = "share of ok requests whose worker was chosen for what it had cached",
     .null_when = kNoOkRequest,
     .title = "decided by cache",
     .section = Section::kRouting},
    {.path = "prompt_bytes", .unit = Unit::kBytes, .meaning = "prompt bytes of ok requests of the load phase"},
    {.path = "cached_bytes",
     .unit = Unit::kBytes,
     .better = Better::kHigher,
     .meaning = "of these, already cached by the worker"},
    {.path = "decisions.*", .meaning = "ok requests by why their worker was chosen", .label = kAnswerDecision},
};
static_assert(!Problem(kRoutingFigures));
consteval const Figure& RoutingFigure(std::string_view path) { return RowOf(kRoutingFigures, path); }
inline constexpr FigureGroup kRoutingGroup = {.name = "routing",
                                              .meaning = "where requests went and what that gained",
                                              .figures = kRoutingFigures,
                                              .unheard = kGeneratorUnfinished};

// The ledger: in drain, learned placements are put to every other router (loadgen/drive/ledger.h).
inline constexpr Figure kPlacementFigures[] = {
    {.path = "learned",
     .meaning = "ok requests of warm-up and load whose placement the router inserted; a prompt without one whole block "
                "has none",
     .title = "learned",
     .section = Section::kPlacements},
    {.path = "sampled",
     .meaning = "of these, put to every other router in drain",
     .title = "sampled",
     .section = Section::kPlacements},
    {.path = "pairs", .meaning = "sampled x (routers - 1)"},
    {.path = "applied", .better = Better::kHigher, .meaning = "of the pairs: the peer knows the whole prompt"},
    {.path = "applied_share",
     .unit = Unit::kShare,
     .nature = Nature::kMeasured,
     .better = Better::kHigher,
     .meaning = "applied / pairs",
     .null_when = "there were no pairs: one router, or nothing was learned",
     .title = "applied",
     .section = Section::kPlacements,
     .terminal = true},
    {.path = "partial",
     .better = Better::kLower,
     .meaning = "of the pairs: the peer knows more than it sent that worker itself, but not all",
     .title = "partial",
     .section = Section::kPlacements},
    {.path = "superseded",
     .meaning = "of the pairs: the worker's incarnation changed, or it told of a removal",
     .title = "superseded",
     .section = Section::kPlacements},
    {.path = "forgotten",
     .better = Better::kLower,
     .meaning = "of the pairs: the peer held it and dropped it to stay in budget",
     .title = "forgotten",
     .section = Section::kPlacements},
    {.path = "lost",
     .better = Better::kLower,
     .meaning = "of the pairs: the rest; the peer knows no more than what it sent that worker itself",
     .title = "lost",
     .section = Section::kPlacements,
     .terminal = true},
    {.path = "unanswered", .better = Better::kLower, .meaning = "probes that failed; they count as lost"},
};
static_assert(!Problem(kPlacementFigures));
consteval const Figure& PlacementFigure(std::string_view path) { return RowOf(kPlacementFigures, path); }
inline constexpr FigureGroup kPlacementsGroup = {.name = "placements",
                                                 .meaning = "the ledger: did what one router learned reach the others",
                                                 .figures = kPlacementFigures,
                                                 .unheard = kGeneratorUnfinished};

inline constexpr std::string_view kNothingSampled =
    "no request was among the part that is sampled (probe.visibility_share)";
inline constexpr std::string_view kOneRouter = "there is one router";
inline constexpr std::string_view kBelievesWorkers =
    "with KV events a router believes its workers, who may have evicted what was placed";
inline constexpr std::string_view kNoNews = "no sampled placement was news to a peer";

inline constexpr Figure kVisibilityFigures[] = {
    {.path = "visible_share",
     .unit = Unit::kShare,
     .nature = Nature::kMeasured,
     .better = Better::kHigher,
     .meaning = "visible / (visible + never)",
     .null_when = kNoNews},
    {.path = "ms.*",
     .unit = Unit::kMilliseconds,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "from the router's word where the request went until a peer's probe sees it; polled every 0.5 ms",
     .null_when = "too many placements never became visible",
     .label = kShortSpectrum,
     .title = "visibility *",
     .section = Section::kPlacements,
     .terminal = true},
    {.path = "requests", .meaning = "sampled requests"},
    {.path = "pairs",
     .meaning = "sampled requests x other routers",
     .title = "visibility samples",
     .section = Section::kPlacements},
    {.path = "visible", .better = Better::kHigher, .meaning = "seen within 5 s"},
    {.path = "never", .better = Better::kLower, .meaning = "not seen within 5 s"},
    {.path = "already_full", .meaning = "the peer knew the whole prompt before"},
    {.path = "not_learned", .meaning = "the router did not insert it"},
    {.path = "failed", .better = Better::kLower, .meaning = "probes that failed"},
};
static_assert(!Problem(kVisibilityFigures));
consteval const Figure& VisibilityFigure(std::string_view path) { return RowOf(kVisibilityFigures, path); }
inline constexpr FigureGroup kVisibilityGroup = {.name = "visibility",
                                                 .meaning = "how soon a placement changes what a peer answers",
                                                 .figures = kVisibilityFigures,
                                                 .unheard = kGeneratorUnfinished};

inline constexpr Figure kTrustFigures[] = {
    {.path = "cpu_cores",
     .unit = Unit::kCores,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "the generator's own CPU over the load phase"},
};
static_assert(!Problem(kTrustFigures));
consteval const Figure& TrustFigure(std::string_view path) { return RowOf(kTrustFigures, path); }
inline constexpr FigureGroup kTrustGroup = {.name = "trust",
                                            .meaning = "judges the generator alone",
                                            .figures = kTrustFigures,
                                            .unheard = kGeneratorUnfinished};

inline constexpr Figure kLoadgenFigures[] = {
    {.path = "peak_rss_bytes",
     .unit = Unit::kBytes,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "largest resident memory of the generator"},
    {.path = "cpu_s",
     .unit = Unit::kSeconds,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "CPU time of the generator"},
};
static_assert(!Problem(kLoadgenFigures));
consteval const Figure& LoadgenFigure(std::string_view path) { return RowOf(kLoadgenFigures, path); }
inline constexpr FigureGroup kLoadgenGroup = {.name = "loadgen",
                                              .meaning = "the generator's process",
                                              .figures = kLoadgenFigures,
                                              .unheard = kGeneratorUnfinished};

}  // namespace prefixmesh
