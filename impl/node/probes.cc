#include "impl/node/probes.h"

#include <algorithm>

#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh {

std::uint32_t Probes::BlockBytes(Kind kind) const {
  const BlockHashOptions& hash = core_.options().trees.hash;
  return kind == Kind::kText ? hash.text_block_bytes
                             : hash.tokens_block_tokens * static_cast<std::uint32_t>(kBytesPerToken);
}

std::uint32_t Probes::DepthOf(const TreeScope& scope, const Prompt& prompt, WorkerIndex worker) const {
  std::vector<WorkerPrefix> depths;
  scope.tree->Depths(prompt, depths);
  for (const WorkerPrefix& depth : depths)
    if (depth.worker == worker) return static_cast<std::uint32_t>(depth.bytes / BlockBytes(scope.kind));
  return 0;
}

void Probes::Ask(const RouteRequest& request, std::string worker, std::function<void(const v1::ProbeReply&)> done) {
  v1::ProbeReply reply;
  const std::shared_ptr<const TreeScope> scope = core_.trees().Find(request.model, request.kind);
  if (scope == nullptr) return done(reply);
  std::vector<NodeId> blocks;
  scope->hasher.Hash(*request.prompt, blocks, scope->hasher.Root(request.lora, request.salt));
  reply.set_prompt_blocks(static_cast<std::uint32_t>(blocks.size()));
  if (const auto named = core_.fleet().Find(worker)) reply.set_incarnation(core_.fleet().incarnation(*named).value);
  std::vector<WorkerPrefix> depths;
  scope->tree->Depths({request.kind, request.prompt, blocks}, depths);
  bool full = false;
  for (const WorkerPrefix& depth : depths) {
    const std::string& name = core_.fleet().name(depth.worker);
    if (!worker.empty() && name != worker) continue;
    v1::WorkerDepth* entry = reply.add_workers();
    entry->set_worker(name);
    entry->set_depth_blocks(static_cast<std::uint32_t>(depth.bytes / BlockBytes(request.kind)));
    full = full || (name == worker && entry->depth_blocks() >= blocks.size());
  }
  // Whether the record is kept is only a question when the index does not answer in full for one named worker.
  if (worker.empty() || full || blocks.empty() || !core_.has_sync() || !core_.strategy()->traits().keeps_records)
    return done(reply);
  loop_.Post([this, reply, worker = std::move(worker), model = std::string(request.model), kind = request.kind,
              leaf = blocks.back(), done = std::move(done)]() mutable {
    const bool held = core_.strategy()->Holds(model, kind, leaf, worker);
    if (held && reply.workers().empty()) reply.add_workers()->set_worker(worker);
    if (!reply.workers().empty()) reply.mutable_workers(0)->set_held(held);
    done(reply);
  });
}

std::uint64_t Probes::Open(const RouteRequest& request) {
  Handle handle;
  handle.scope = core_.trees().Find(request.model, request.kind);
  if (handle.scope != nullptr)
    handle.scope->hasher.Hash(*request.prompt, handle.blocks, handle.scope->hasher.Root(request.lora, request.salt));
  if (core_.options().trees.kind == IndexKind::kText) request.prompt->CopyTo(handle.text);
  MutexLock lock(mutex_);
  handle.id = next_id_++;
  bytes_ += handle.bytes();
  handles_.push_back(std::move(handle));
  while (handles_.size() > kHandlesMax || (bytes_ > kHandleBytesMax && handles_.size() > 1)) {
    bytes_ -= handles_.front().bytes();
    handles_.pop_front();
  }
  return handles_.back().id;
}

Probes::Handles::iterator Probes::Find(std::uint64_t id) {
  const auto at = std::lower_bound(handles_.begin(), handles_.end(), id,
                                   [](const Handle& handle, std::uint64_t want) { return handle.id < want; });
  return at != handles_.end() && at->id == id ? at : handles_.end();
}

Result<std::pair<std::uint32_t, std::uint32_t>> Probes::Poll(std::uint64_t handle, std::string_view worker) {
  MutexLock lock(mutex_);
  const auto at = Find(handle);
  if (at == handles_.end()) return Error{ErrorCode::kNotFound, "no such probe handle"};
  const auto blocks = static_cast<std::uint32_t>(at->blocks.size());
  const auto slot = core_.fleet().Find(worker);
  if (at->scope == nullptr || !slot) return std::pair(blocks, 0u);
  const Slices text(AsBytes(at->text));
  return std::pair(blocks, DepthOf(*at->scope, {at->scope->kind, &text, at->blocks}, *slot));
}

void Probes::Close(std::uint64_t handle) {
  MutexLock lock(mutex_);
  const auto at = Find(handle);
  if (at == handles_.end()) return;
  bytes_ -= at->bytes();
  handles_.erase(at);
}

}  // namespace prefixmesh
