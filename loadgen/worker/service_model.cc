#include "loadgen/worker/service_model.h"

#include <algorithm>

#include "impl/base/check.h"

namespace prefixmesh::load {

ServiceModel::ServiceModel(const ServiceOptions& options)
    : options_(options), cache_(options.cache_blocks, options.held) {
  PREFIXMESH_CHECK(options.concurrency > 0);
}

void ServiceModel::Arrive(Time now, std::uint64_t ticket, std::vector<NodeId> chain) {
  Request request{.order = next_order_++, .ticket = ticket, .chain = std::move(chain)};
  if (running_.size() < options_.concurrency && waiting_.empty()) {
    Start(now, std::move(request));
  } else {
    waiting_.push_back(std::move(request));
  }
}

void ServiceModel::Start(Time now, Request request) {
  request.cached_blocks = static_cast<std::uint32_t>(cache_.Match(request.chain));
  if (options_.held != nullptr)
    request.held_blocks = static_cast<std::uint32_t>(options_.held->Depth(request.chain, request.cached_blocks));
  const auto missing = static_cast<std::int64_t>(request.chain.size() - request.cached_blocks);
  request.due = now + missing * options_.prefill_per_block;
  due_.emplace(request.due, request.order, request.ticket);
  const std::uint64_t ticket = request.ticket;
  const bool added = running_.emplace(ticket, std::move(request)).second;
  PREFIXMESH_CHECK(added);
}

void ServiceModel::StartWaiting(Time now) {
  while (!waiting_.empty() && running_.size() < options_.concurrency) {
    Request request = std::move(waiting_.front());
    waiting_.pop_front();
    Start(now, std::move(request));
  }
}

void ServiceModel::Cancel(Time now, std::uint64_t ticket) {
  if (const auto found = running_.find(ticket); found != running_.end()) {
    due_.erase({found->second.due, found->second.order, ticket});
    running_.erase(found);
    StartWaiting(now);
    return;
  }
  std::erase_if(waiting_, [&](const Request& request) { return request.ticket == ticket; });
}

void ServiceModel::InsertChain(const Request& request) {
  if (request.cached_blocks < request.chain.size()) ++changes_;
  if (options_.events == nullptr) return cache_.Insert(request.chain);
  change_.removed.clear();
  change_.stored.clear();
  cache_.Insert(request.chain, &change_);
  options_.events->OnChange(change_);
}

void ServiceModel::ClearCache() {
  cache_.Clear();
  ++changes_;
  if (options_.events != nullptr) options_.events->OnCleared();
}

std::optional<Time> ServiceModel::NextEvent() const {
  if (due_.empty()) return std::nullopt;
  return std::get<Time>(*due_.begin());
}

void ServiceModel::Advance(Time now, std::vector<ServiceEvent>& out) {
  while (!due_.empty() && std::get<Time>(*due_.begin()) <= now) {
    const auto [at, order, ticket] = *due_.begin();
    due_.erase(due_.begin());
    Request& request = running_.at(ticket);
    ServiceEvent event{.ticket = ticket,
                       .at = at,
                       .prompt_blocks = static_cast<std::uint32_t>(request.chain.size()),
                       .cached_blocks = request.cached_blocks,
                       .held_blocks = request.held_blocks};
    if (!request.decoding) {
      InsertChain(request);
      request.decoding = true;
      request.chain.clear();
      request.chain.shrink_to_fit();
      request.due = at + options_.decode;
      due_.emplace(request.due, order, ticket);
      out.push_back(event);
      continue;
    }
    event.type = ServiceEvent::Type::kFinished;
    event.prompt_blocks = 0;
    out.push_back(event);
    running_.erase(ticket);
    StartWaiting(at);
  }
}

}  // namespace prefixmesh::load
