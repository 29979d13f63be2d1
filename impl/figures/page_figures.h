// page_figures.h — what workers and the load generator say on /metrics, a row each. No result has them: a result is
// made of what the generator writes at its end. figure.h says what a column means.
#pragma once

#include "impl/figures/figure.h"

namespace prefixmesh {

// Of each worker.
inline constexpr Figure kWorkerPageFigures[] = {
    {.path = "requests",
     .meaning = "requests whose prefill has ended",
     .metric = "prefixmesh_worker_requests_total",
     .in_result = false},
    {.path = "prompt_bytes",
     .unit = Unit::kBytes,
     .meaning = "prompt bytes of those requests",
     .metric = "prefixmesh_worker_prompt_bytes_total",
     .in_result = false},
    {.path = "cached_bytes",
     .unit = Unit::kBytes,
     .better = Better::kHigher,
     .meaning = "prompt bytes found in the KV cache",
     .metric = "prefixmesh_worker_cached_bytes_total",
     .in_result = false},
    {.path = "evicted_blocks",
     .meaning = "blocks dropped from the KV cache",
     .metric = "prefixmesh_worker_evicted_blocks_total",
     .in_result = false},
    {.path = "cached_blocks",
     .meaning = "blocks in the KV cache",
     .metric = "prefixmesh_worker_cached_blocks",
     .in_result = false},
    {.path = "running",
     .meaning = "requests in prefill or decode",
     .metric = "prefixmesh_worker_running_requests",
     .in_result = false},
    {.path = "waiting",
     .meaning = "requests that wait for a slot",
     .metric = "prefixmesh_worker_waiting_requests",
     .in_result = false},
};
static_assert(!Problem(kWorkerPageFigures));
consteval const Figure& WorkerPageFigure(std::string_view path) { return RowOf(kWorkerPageFigures, path); }

// Of the generator; totals are of warm-up and load.
inline constexpr Figure kLoadPageFigures[] = {
    {.path = "sent", .meaning = "requests sent", .metric = "prefixmesh_load_sent_total", .in_result = false},
    {.path = "ok",
     .better = Better::kHigher,
     .meaning = "of them, answered",
     .metric = "prefixmesh_load_ok_total",
     .in_result = false},
    {.path = "failed",
     .better = Better::kLower,
     .meaning = "of them, answered with an error, or not in time",
     .metric = "prefixmesh_load_failed_total",
     .in_result = false},
    {.path = "dropped",
     .better = Better::kLower,
     .meaning = "requests that could not be sent by the end of their phase",
     .metric = "prefixmesh_load_dropped_total",
     .in_result = false},
    {.path = "in_flight",
     .meaning = "requests sent and not answered yet",
     .metric = "prefixmesh_load_in_flight",
     .in_result = false},
    {.path = "latency_us.*",
     .unit = Unit::kMicroseconds,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "from the intended send time to the last message, ok requests of the load phase so far",
     .null_when = "no request of the load phase came back ok yet",
     .label = kMedianAndTail,
     .metric = "prefixmesh_load_latency_seconds",
     .in_result = false},
};
static_assert(!Problem(kLoadPageFigures));
consteval const Figure& LoadPageFigure(std::string_view path) { return RowOf(kLoadPageFigures, path); }

}  // namespace prefixmesh
