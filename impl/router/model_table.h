// model_table.h — which workers serve which models, as they last said, and the trees that come and go with
// them.
//
// A reply to a health check replaces what that worker said before. A model that no worker names any more leaves, and
// its trees with it. When there are as many models as there may be, one that no healthy worker offers makes room.
//
// Threads:   any; one mutex, held while trees are made and dropped (the tree set's own lock is taken under it).
// Bounds:    kModelsMax models of one worker, the tree set's models_max in all, kModelNameBytesMax a name. What is
//            beyond is left out and counted, with one log line a minute at most.
// Ownership: borrows trees and fleet; Find gives a snapshot. Errors: null for an unknown model. Time: as an argument.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/mutex.h"
#include "impl/env/env.h"
#include "impl/route/fleet.h"
#include "impl/router/tree_set.h"

namespace prefixmesh {

class ModelTable {
 public:
  static constexpr std::size_t kModelNameBytesMax = 256;
  static constexpr Time kLogPeriod = std::chrono::minutes(1);

  struct Model {
    std::vector<WorkerIndex> workers;  // ascending
  };

  ModelTable(TreeSet& trees, const Fleet& fleet) : trees_(trees), fleet_(fleet) {}

  // The worker serves these models, and no others.
  void Offer(Time now, WorkerIndex worker, std::span<const std::string> names);
  std::shared_ptr<const Model> Find(std::string_view model) const;
  // What the worker serves, sorted.
  std::vector<std::string> OfferedBy(WorkerIndex worker) const;
  std::size_t size() const;
  // Names that were left out, ever.
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  bool Add(WorkerIndex worker, const std::string& name) PREFIXMESH_REQUIRES(mutex_);
  void Remove(WorkerIndex worker, const std::string& name) PREFIXMESH_REQUIRES(mutex_);
  bool MakeRoom() PREFIXMESH_REQUIRES(mutex_);

  TreeSet& trees_;
  const Fleet& fleet_;
  std::atomic<std::uint64_t> refused_{0};
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<const Model>, std::less<>> models_ PREFIXMESH_GUARDED_BY(mutex_);
  std::map<WorkerIndex, std::vector<std::string>> offered_ PREFIXMESH_GUARDED_BY(mutex_);  // what was taken, sorted
  Time logged_at_ PREFIXMESH_GUARDED_BY(mutex_){-1};
};

}  // namespace prefixmesh
