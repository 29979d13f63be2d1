#include "impl/node/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <vector>

#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class StatusCollector {
 public:
  explicit StatusCollector(RouterHandler& handler) : handler_(handler) {}

  std::vector<MetricFamily> Collect() const {
    v1::RouterStatus status;
    handler_.FillStatus(status);
    Families out(status.name());
    const v1::SyncStatus& sync = status.sync();
    const v1::IndexStatus& index = status.index();
    out.Gauge("prefixmesh_requests_in_flight", "Requests at workers now", static_cast<double>(status.in_flight()));
    out.Gauge("prefixmesh_requests_in_flight_bytes", "Their prompts, and 64 KiB each",
              static_cast<double>(status.in_flight_bytes()));
    out.Counter("prefixmesh_requests_refused_total", "Requests refused because too much was in flight",
                static_cast<double>(status.requests_refused()));
    out.Counter("prefixmesh_requests_retried_total", "Requests placed again because their worker was gone",
                static_cast<double>(status.requests_retried()));
    out.Gauge("prefixmesh_workers_healthy", "Workers that answer", status.workers_healthy());
    out.Gauge("prefixmesh_workers_configured", "Workers this router was given", status.workers_count());
    for (const auto& [reason, count] : status.worker_words_refused())
      out.Counter("prefixmesh_worker_words_refused_total", "What workers said and was not taken",
                  static_cast<double>(count), {{"reason", reason}});
    out.Gauge("prefixmesh_index_bytes", "Accounted bytes of the prefix index", static_cast<double>(index.bytes()));
    out.Gauge("prefixmesh_index_nodes", "Nodes of the prefix index", static_cast<double>(index.nodes()));
    out.Gauge("prefixmesh_index_budget_bytes", "Budget of the prefix index", static_cast<double>(index.budget_bytes()));
    out.Counter("prefixmesh_index_forgotten_total", "Prefixes dropped to stay in budget",
                static_cast<double>(index.forgotten()));
    for (const auto& [reason, count] : status.decisions())
      out.Gauge("prefixmesh_decisions_in_phase", "Routing decisions of the current phase", static_cast<double>(count),
                {{"reason", reason}});
    for (const auto& [quantile, value] :
         {std::pair("0.5", status.decision_us().p50()), std::pair("0.99", status.decision_us().p99())})
      out.Gauge("prefixmesh_decision_seconds", "Request in to worker chosen, current phase", value * 1e-6,
                {{"quantile", quantile}});
    out.Gauge("prefixmesh_allocator_live_bytes", "Bytes live in the allocator",
              static_cast<double>(status.allocator_live_bytes()));
    out.Gauge("prefixmesh_sync_peers_up", "Peers whose preface came on a sync stream that is open", sync.peers_up());
    out.Counter("prefixmesh_sync_rounds_total", "Beats that built something", static_cast<double>(sync.rounds()));
    out.Counter("prefixmesh_sync_built_bytes_total", "Payload encoded", static_cast<double>(sync.built_bytes()));
    out.Counter("prefixmesh_sync_refused_bytes_total", "Payload a limit or a queue refused",
                static_cast<double>(sync.refused_bytes()));
    out.Counter("prefixmesh_sync_queued_bytes_total", "Payload handed to the transport",
                static_cast<double>(sync.queued_bytes()));
    out.Counter("prefixmesh_sync_messages_total", "Frames handed to the transport",
                static_cast<double>(sync.messages()));
    out.Counter("prefixmesh_sync_oversize_total", "Messages a size limit refused",
                static_cast<double>(sync.oversize_warnings()));
    out.Counter("prefixmesh_sync_offers_dropped_total", "Placements the offer queue refused",
                static_cast<double>(sync.offers_dropped()));
    out.Counter("prefixmesh_sync_wire_sent_bytes_total", "Bytes sent at the sync sockets",
                static_cast<double>(sync.wire_sent_bytes()));
    out.Counter("prefixmesh_sync_wire_received_bytes_total", "Bytes received at the sync sockets",
                static_cast<double>(sync.wire_received_bytes()));
    out.Counter("prefixmesh_sync_cpu_seconds_total", "CPU of the mesh loop", sync.cpu_seconds());
    for (const auto& [peer, bytes] : sync.received_bytes_by_peer())
      out.Counter("prefixmesh_sync_received_bytes_total", "Payload that arrived", static_cast<double>(bytes),
                  {{"peer", peer}});
    for (const auto& [layer, totals] : sync.by_layer()) {
      out.Counter("prefixmesh_sync_layer_bytes_total", "Payload built, by layer", static_cast<double>(totals.bytes()),
                  {{"layer", layer}});
    }
    for (const auto& [outcome, count] :
         {std::pair("local", sync.records_local()), std::pair("sent", sync.records_sent()),
          std::pair("received", sync.records_received()), std::pair("applied", sync.records_applied()),
          std::pair("stale", sync.records_stale()), std::pair("unresolved", sync.records_unresolved())})
      out.Counter("prefixmesh_sync_records_total", "Placement records, by what became of them",
                  static_cast<double>(count), {{"reason", outcome}});
    for (const auto& [reason, count] : sync.decode_errors())
      out.Counter("prefixmesh_sync_decode_errors_total", "Frames that were not taken", static_cast<double>(count),
                  {{"reason", reason}});
    for (const auto& [reason, count] : sync.streams_refused())
      out.Counter("prefixmesh_sync_streams_refused_total", "Sync streams that were refused before they counted as up",
                  static_cast<double>(count), {{"reason", reason}});
    return out.Take();
  }

 private:
  class Families {
   public:
    explicit Families(std::string router) : router_(std::move(router)) {}
    using Labels = std::vector<ClientMetric::Label>;
    void Gauge(const char* name, const char* help, double value, Labels labels = {}) {
      ClientMetric& metric = Add(name, help, MetricType::Gauge, std::move(labels));
      metric.gauge.value = value;
    }
    void Counter(const char* name, const char* help, double value, Labels labels = {}) {
      ClientMetric& metric = Add(name, help, MetricType::Counter, std::move(labels));
      metric.counter.value = value;
    }
    std::vector<MetricFamily> Take() { return std::move(families_); }

   private:
    ClientMetric& Add(const char* name, const char* help, MetricType type, Labels labels) {
      if (families_.empty() || families_.back().name != name) families_.push_back({name, help, type, {}});
      ClientMetric& metric = families_.back().metric.emplace_back();
      metric.label.push_back({"router", router_});
      for (ClientMetric::Label& label : labels) metric.label.push_back(std::move(label));
      return metric;
    }
    const std::string router_;
    std::vector<MetricFamily> families_;
  };

  RouterHandler& handler_;
};

}  // namespace

std::string RouterMetricsPage(RouterHandler& handler) {
  return prometheus::TextSerializer().Serialize(StatusCollector(handler).Collect());
}

}  // namespace prefixmesh
