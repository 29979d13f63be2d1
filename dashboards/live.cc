// What the processes of a run say while it goes on. Rows after the first are the steps of docs/walk.md.
#include "dashboards/dashboards.h"
#include "dashboards/panels.h"
#include "impl/figures/page_figures.h"
#include "impl/figures/router_figures.h"

namespace prefixmesh::dashboards {
namespace {

std::string OfRouters(const Figure& figure) { return std::string(figure.metric) + std::string(kRouters.selector); }
std::string RateOfRouters(const Figure& figure) {
  return "sum by (router) (rate(" + OfRouters(figure) + "[$__rate_interval]))";
}

Row ThreeFigures() {
  Panel rss = LivePanel(kRouters, "Peak RSS", {{&RouterFigure("peak_rss_bytes"), "peak"}});
  rss.queries.push_back({"max by (router) (" + OfRouters(RouterFigure("allocator_live_bytes")) + " + " +
                             OfRouters(RouterFigure("rss_above_live_bytes")) + ")",
                         "{{router}} now"});
  const Panel round{
      .title = "Sync bytes per round",
      .description = Sentence(RouterFigure("sync.bytes_per_round.mean").meaning),
      .unit = "bytes",
      .queries = {{RateOfRouters(RouterFigure("sync.built_bytes")) + " / " + RateOfRouters(RouterFigure("sync.rounds")),
                   "{{router}}"}}};
  const Figure& by_kind = RouterFigure("sync.oversize.*");
  const Panel oversize{.title = "Oversize warnings by kind",
                       .description = Sentence(RouterFigure("sync.oversize_warnings").meaning),
                       .unit = "short",
                       .queries = {{"sum by (router, kind) (increase(" + OfRouters(by_kind) + "[$__rate_interval]))",
                                    "{{router}} {{kind}}"}}};
  return {"The three figures that are judged first", {rss, round, oversize}};
}

Row Requests() {
  return {"1 The request is taken",
          {LivePanel(kLoad, "Load",
                     {{&LoadPageFigure("sent"), "sent"},
                      {&LoadPageFigure("ok"), "ok"},
                      {&LoadPageFigure("failed"), "failed"},
                      {&LoadPageFigure("dropped"), "dropped"}}),
           LivePanel(kLoad, "Latency", {{&LoadPageFigure("latency_us.*")}}),
           LivePanel(kLoad, "In flight at the generator", {{&LoadPageFigure("in_flight")}}),
           LivePanel(kRouters, "In flight",
                     {{&RouterFigure("requests.in_flight"), "in flight"},
                      {&RouterFigure("requests.bodies_unfinished"), "bodies"},
                      {&RouterFigure("requests.picks"), "picks"}}),
           LivePanel(kRouters, "Bytes in flight", {{&RouterFigure("requests.in_flight_bytes")}}),
           LivePanel(kRouters, "Refused and retried",
                     {{&RouterFigure("requests.refused"), "refused"},
                      {&RouterFigure("requests.retried"), "retried"},
                      {&RouterFigure("requests.bodies_refused"), "bodies refused"},
                      {&RouterFigure("requests.answers_untaken"), "answers untaken"},
                      {&RouterFigure("requests.picks_expired"), "picks of which nothing was said"}})}};
}

Row Decisions() {
  return {
      "2, 3 Hash, match, insert, decide",
      {LivePanel(kRouters, "Decisions of the phase", {{&RouterFigure("decisions.*")}}),
       LivePanel(kRouters, "Time of a decision", {{&RouterFigure("decision_us.*")}}),
       LivePanel(kRouters, "Index",
                 {{&RouterFigure("index.bytes"), "index"}, {&RouterFigure("index.budget_bytes"), "budget"}}),
       LivePanel(kRouters, "Index nodes", {{&RouterFigure("index.nodes")}}),
       LivePanel(kRouters, "Forgotten to stay in budget", {{&RouterFigure("index.forgotten")}}),
       LivePanel(kRouters, "Workers",
                 {{&RouterFigure("workers.healthy"), "healthy"}, {&RouterFigure("workers.configured"), "configured"}}),
       LivePanel(kRouters, "Health checks", {{&RouterFigure("health.checks")}}),
       LivePanel(kRouters, "CPU of health checks", {{&RouterFigure("health.cpu_s")}})}};
}

Row Workers() {
  const auto rate = [](const Figure& figure) {
    return "sum(rate(" + std::string(figure.metric) + std::string(kWorkers.selector) + "[$__rate_interval]))";
  };
  const Panel share{
      .title = "Cached share",
      .description = "Cached prompt bytes / prompt bytes, as the workers count them. " +
                     Sentence(WorkerPageFigure("cached_bytes").meaning),
      .unit = "percentunit",
      .queries = {
          {rate(WorkerPageFigure("cached_bytes")) + " / " + rate(WorkerPageFigure("prompt_bytes")), "cached share"}}};
  return {"The workers serve it meanwhile",
          {LivePanel(kWorkers, "Requests served", {{&WorkerPageFigure("requests")}}), share,
           LivePanel(kWorkers, "Requests at workers",
                     {{&WorkerPageFigure("running"), "running"}, {&WorkerPageFigure("waiting"), "waiting"}}),
           LivePanel(kWorkers, "KV cache", {{&WorkerPageFigure("cached_blocks")}}),
           LivePanel(kWorkers, "Evicted from the KV cache", {{&WorkerPageFigure("evicted_blocks")}})}};
}

Row KvEvents() {
  return {
      "What the workers say of their caches",
      {LivePanel(kRouters, "KV events heard", {{&RouterFigure("kv_events.heard")}}),
       LivePanel(kRouters, "What they changed", {{&RouterFigure("kv_events.changes.*")}}),
       LivePanel(kRouters, "Asked, and events in answers",
                 {{&RouterFigure("kv_events.queries"), "queries"}, {&RouterFigure("kv_events.replayed"), "events"}}),
       LivePanel(kRouters, "Troubles with KV events", {{&RouterFigure("kv_events.troubles.*")}}),
       LivePanel(kRouters, "Streams of KV events", {{&RouterFigure("kv_events.streams")}}),
       LivePanel(kRouters, "Engines' blocks", {{&RouterFigure("kv_events.engine_bytes")}}),
       LivePanel(kRouters, "Longest silence", {{&RouterFigure("kv_events.silent_s")}})}};
}

Row Offers() {
  return {"4 The placement is offered",
          {LivePanel(kRouters, "Offers dropped", {{&RouterFigure("sync.offers_dropped")}}),
           LivePanel(kRouters, "Removals", {{&RouterFigure("sync.removals.*")}}),
           LivePanel(kRouters, "Buffers of the strategy", {{&RouterFigure("sync.buffers.*.bytes")}}),
           LivePanel(kRouters, "Entries in them", {{&RouterFigure("sync.buffers.*.entries")}})}};
}

Row Rounds() {
  return {"5 The round encodes what is new",
          {LivePanel(kRouters, "Rounds",
                     {{&RouterFigure("sync.rounds"), "built"}, {&RouterFigure("sync.rounds_ended"), "ended"}}),
           LivePanel(kRouters, "Built and refused",
                     {{&RouterFigure("sync.built_bytes"), "built"}, {&RouterFigure("sync.refused_bytes"), "refused"}}),
           LivePanel(kRouters, "Built, by layer", {{&RouterFigure("sync.by_layer.*.bytes")}}),
           LivePanel(kRouters, "Messages, by layer", {{&RouterFigure("sync.by_layer.*.messages")}}),
           LivePanel(kRouters, "Oversize, by layer", {{&RouterFigure("sync.by_layer.*.oversize")}}),
           LivePanel(kRouters, "Trims", {{&RouterFigure("sync.trims.*.times")}}),
           LivePanel(kRouters, "Trimmed entries", {{&RouterFigure("sync.trims.*.entries")}}),
           LivePanel(kRouters, "CPU of the mesh loop", {{&RouterFigure("sync.cpu_s")}})}};
}

Row Streams() {
  return {"6 The stream carries it",
          {LivePanel(kRouters, "Queued and at the socket",
                     {{&RouterFigure("sync.queued_bytes"), "queued"},
                      {&RouterFigure("sync.wire_bytes"), "sent"},
                      {&RouterFigure("sync.wire_received_bytes"), "received"}}),
           LivePanel(kRouters, "Frames", {{&RouterFigure("sync.messages")}}),
           LivePanel(kRouters, "Sends, by outcome", {{&RouterFigure("sync.sends.*")}}),
           LivePanel(kRouters, "Peers up", {{&RouterFigure("sync.peers_up")}}),
           LivePanel(kRouters, "Streams opened, and ended by size",
                     {{&RouterFigure("sync.streams_opened"), "opened"},
                      {&RouterFigure("sync.streams_ended_by_size"), "ended by size"}}),
           LivePanel(kRouters, "Streams closed", {{&RouterFigure("sync.streams_closed.*")}})}};
}

Row Peers() {
  return {"7, 8 The peer keeps it and routes by it",
          {LivePanel(kRouters, "Received, by peer", {{&RouterFigure("sync.received_bytes.*")}}),
           LivePanel(kRouters, "Placement records", {{&RouterFigure("sync.records.*")}}),
           LivePanel(kRouters, "Frames not taken", {{&RouterFigure("sync.decode_errors.*")}})}};
}

Row Strangers() {
  return {"What was refused at the ports",
          {LivePanel(kRouters, "Connections to the request port", {{&RouterFigure("requests.connections_refused.*")}}),
           LivePanel(kRouters, "Connections to the sync port", {{&RouterFigure("sync.connections_refused.*")}}),
           LivePanel(kRouters, "Sync streams", {{&RouterFigure("sync.streams_refused.*")}}),
           LivePanel(kRouters, "Status and health calls", {{&RouterFigure("requests.checks_refused")}}),
           LivePanel(kRouters, "What workers said", {{&RouterFigure("workers.words_refused.*")}})}};
}

}  // namespace

Dashboard LiveDashboard() {
  const std::string every(RouterFigure("peak_rss_bytes").metric);
  return {.uid = "prefixmesh-live",
          .title = "prefixmesh: live run",
          .description = "The routers, workers and load of a run that is going on (prefixmesh run --live).",
          .from = "now-15m",
          .refresh = "5s",
          .variables = {{"scenario", "Scenario", "label_values(" + every + ", scenario)", {}},
                        {"strategy", "Strategy", "label_values(" + every + "{scenario=~\"$scenario\"}, strategy)", {}},
                        {"router",
                         "Router",
                         "label_values(" + every + "{scenario=~\"$scenario\",strategy=~\"$strategy\"}, router)",
                         {}}},
          .annotations = {},
          .rows = {ThreeFigures(), Requests(), Decisions(), Workers(), KvEvents(), Offers(), Rounds(), Streams(),
                   Peers(), Strangers()}};
}

}  // namespace prefixmesh::dashboards
