#include "impl/router/model_table.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace prefixmesh {

void ModelTable::Offer(Time now, WorkerIndex worker, std::span<const std::string> names) {
  MutexLock lock(mutex_);
  std::vector<std::string>& before = offered_[worker];
  // What it offered before goes first, so that names that come and go do not drive out those that stay.
  std::vector<std::string> wanted, fresh;
  std::uint64_t left_out = 0;
  for (const std::string& name : names) {
    if (std::binary_search(before.begin(), before.end(), name)) {
      wanted.push_back(name);
    } else if (name.empty() || name.size() > kModelNameBytesMax || fresh.size() >= kModelsMax) {
      ++left_out;
    } else {
      fresh.push_back(name);
    }
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  for (const std::string& name : before)
    if (!std::binary_search(wanted.begin(), wanted.end(), name)) Remove(worker, name);
  for (std::string& name : fresh) {
    const auto at = std::lower_bound(wanted.begin(), wanted.end(), name);
    if (at != wanted.end() && *at == name) continue;
    if (wanted.size() >= kModelsMax || !Add(worker, name)) {
      ++left_out;
    } else {
      wanted.insert(at, std::move(name));
    }
  }
  before = std::move(wanted);
  if (left_out == 0) return;
  refused_.fetch_add(left_out, std::memory_order_relaxed);
  if (logged_at_ >= Time{0} && now - logged_at_ < kLogPeriod) return;
  logged_at_ = now;
  spdlog::warn("worker {} offers models that are left out: {} in this answer, {} ever; a worker may offer {}, all {}",
               fleet_.name(worker), left_out, refused(), kModelsMax, trees_.options().models_max);
}

bool ModelTable::Add(WorkerIndex worker, const std::string& name) {
  auto at = models_.find(name);
  if (at == models_.end()) {
    if (models_.size() >= trees_.options().models_max && !MakeRoom()) return false;
    if (trees_.Add(name, Kind::kText) == nullptr || trees_.Add(name, Kind::kTokens) == nullptr) return false;
    at = models_.try_emplace(name, std::make_shared<const Model>()).first;
  }
  Model next = *at->second;
  next.workers.insert(std::lower_bound(next.workers.begin(), next.workers.end(), worker), worker);
  at->second = std::make_shared<const Model>(std::move(next));
  return true;
}

void ModelTable::Remove(WorkerIndex worker, const std::string& name) {
  const auto at = models_.find(name);
  if (at == models_.end()) return;  // it made room
  Model next = *at->second;
  std::erase(next.workers, worker);
  if (!next.workers.empty()) {
    at->second = std::make_shared<const Model>(std::move(next));
    return;
  }
  trees_.Remove(name);
  models_.erase(at);
}

bool ModelTable::MakeRoom() {
  const auto idle = std::find_if(models_.begin(), models_.end(), [&](const auto& model) {
    return std::none_of(model.second->workers.begin(), model.second->workers.end(),
                        [&](WorkerIndex worker) { return fleet_.healthy(worker); });
  });
  if (idle == models_.end()) return false;
  for (const WorkerIndex worker : idle->second->workers) std::erase(offered_[worker], idle->first);
  trees_.Remove(idle->first);
  models_.erase(idle);
  return true;
}

std::shared_ptr<const ModelTable::Model> ModelTable::Find(std::string_view model) const {
  MutexLock lock(mutex_);
  const auto at = models_.find(model);
  return at != models_.end() ? at->second : nullptr;
}

std::vector<std::string> ModelTable::OfferedBy(WorkerIndex worker) const {
  MutexLock lock(mutex_);
  const auto at = offered_.find(worker);
  return at != offered_.end() ? at->second : std::vector<std::string>();
}

std::size_t ModelTable::size() const {
  MutexLock lock(mutex_);
  return models_.size();
}

}  // namespace prefixmesh
