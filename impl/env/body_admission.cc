#include "impl/env/body_admission.h"

namespace prefixmesh {

BodyAdmission::Admitted BodyAdmission::Arrived(Id id, std::string_view name, Time now) {
  auto connection = connections_.try_emplace(std::string(name)).first;
  Admitted admitted;
  if (MayRead(connection->second)) {
    admitted.verdict = Verdict::kRead;
  } else if (connection->second.reading.size() < options_.bodies_per_connection &&
             (admitted.evicted = Evictable(connection->second, now)).has_value()) {
    Remove(*admitted.evicted);
    connection = connections_.try_emplace(std::string(name)).first;  // it may have been the last of its connection
    admitted.verdict = Verdict::kRead;
  } else if (connection->second.waiting.size() < options_.waiting_per_connection &&
             (waiting_.size() < options_.waiting ||
              (admitted.evicted = EvictableWaiting(connection->second)).has_value())) {
    if (admitted.evicted.has_value()) Remove(*admitted.evicted);
    admitted.verdict = Verdict::kWait;
  } else {
    if (connection->second.reading.empty() && connection->second.waiting.empty()) connections_.erase(connection);
    return admitted;
  }
  calls_[id] = {connection, now};
  const bool reads = admitted.verdict == Verdict::kRead;
  (reads ? connection->second.reading : connection->second.waiting).insert(id);
  (reads ? reading_ : waiting_).insert(id);
  return admitted;
}

std::optional<BodyAdmission::Id> BodyAdmission::Evictable(const Connection& connection, Time now) const {
  if (reading_.empty()) return std::nullopt;
  const Connection* heaviest = nullptr;
  for (const auto& [name, other] : connections_)
    if (heaviest == nullptr || other.reading.size() > heaviest->reading.size()) heaviest = &other;
  if (heaviest->reading.size() > connection.reading.size() + 1) return *heaviest->reading.begin();
  const Id oldest = *reading_.begin();
  if (now - calls_.at(oldest).arrived_at >= options_.slow_after) return oldest;
  return std::nullopt;
}

std::optional<BodyAdmission::Id> BodyAdmission::EvictableWaiting(const Connection& connection) const {
  const Connection* longest = nullptr;
  for (const auto& [name, other] : connections_)
    if (longest == nullptr || other.waiting.size() > longest->waiting.size()) longest = &other;
  if (longest == nullptr || longest->waiting.size() <= connection.waiting.size() + 1) return std::nullopt;
  return *longest->waiting.rbegin();
}

void BodyAdmission::Remove(Id id) {
  const auto at = calls_.find(id);
  Connection& connection = at->second.connection->second;
  connection.reading.erase(id);
  connection.waiting.erase(id);
  if (connection.reading.empty() && connection.waiting.empty()) connections_.erase(at->second.connection);
  reading_.erase(id);
  waiting_.erase(id);
  calls_.erase(at);
}

std::vector<BodyAdmission::Id> BodyAdmission::Promote() {
  std::vector<Id> promoted;
  while (!waiting_.empty() && reading_.size() < options_.bodies) {
    Connection* next = nullptr;
    for (auto& [name, connection] : connections_) {
      if (connection.waiting.empty() || !MayRead(connection)) continue;
      const auto before = [](const Connection& c) { return std::pair(c.reading.size(), *c.waiting.begin()); };
      if (next == nullptr || before(connection) < before(*next)) next = &connection;
    }
    if (next == nullptr) break;
    const Id id = *next->waiting.begin();
    promoted.push_back(id);
    next->waiting.erase(id);
    next->reading.insert(id);
    waiting_.erase(id);
    reading_.insert(id);
  }
  return promoted;
}

std::vector<BodyAdmission::Id> BodyAdmission::Ended(Id id) {
  if (calls_.count(id) == 0) return {};
  Remove(id);
  return Promote();
}

std::map<std::string, std::size_t> BodyAdmission::Reading() const {
  std::map<std::string, std::size_t> reading;
  for (const auto& [name, connection] : connections_)
    if (!connection.reading.empty()) reading[name] = connection.reading.size();
  return reading;
}

std::vector<BodyAdmission::Id> BodyAdmission::Evict(std::string_view name, std::vector<Id>& read) {
  const auto at = connections_.find(name);
  if (at == connections_.end()) return {};
  std::vector<Id> evicted(at->second.reading.begin(), at->second.reading.end());
  evicted.insert(evicted.end(), at->second.waiting.begin(), at->second.waiting.end());
  for (const Id id : evicted) Remove(id);
  read = Promote();
  return evicted;
}

std::vector<BodyAdmission::Id> BodyAdmission::Expired(Time now, std::vector<Id>& read) {
  std::vector<Id> expired;
  for (const auto& [id, call] : calls_) {
    if (now - call.arrived_at < options_.timeout) break;  // later calls have higher ids
    expired.push_back(id);
  }
  for (const Id id : expired) Remove(id);
  // A place that is kept for long is taken away as soon as somebody waits for one.
  while (!waiting_.empty() && reading_.size() >= options_.bodies &&
         now - calls_.at(*reading_.begin()).arrived_at >= options_.slow_after) {
    expired.push_back(*reading_.begin());
    Remove(*reading_.begin());
  }
  read = Promote();
  return expired;
}

}  // namespace prefixmesh
