// plan_blocks.h — the prompts of a plan as ids of whole blocks, and which of its requests count.
//
// Threads: one each. Ownership: borrows the plan. Units: bytes of a block. Errors: none. Bounds: one prompt's ids.
#pragma once

#include <cstdint>
#include <vector>

#include "impl/tree/block_hash.h"
#include "loadgen/plan/plan.h"
#include "loadgen/record/request_log.h"

namespace prefixmesh::bench {

class PlanBlocks {
 public:
  PlanBlocks(const load::Plan& plan, std::uint64_t block_bytes) : plan_(plan) {
    BlockHashOptions options;
    const auto bytes = static_cast<std::uint32_t>(block_bytes);
    if (plan.kind() == Kind::kText) options.text_block_bytes = bytes;
    if (plan.kind() == Kind::kTokens) options.tokens_block_tokens = bytes / static_cast<std::uint32_t>(kBytesPerToken);
    for (const std::string& model : plan.models()) hashers_.emplace_back(options, model, plan.kind());
  }

  // Replaces `blocks` with those of the request's prompt, which prompt() then is.
  void Of(const load::PlannedRequest& request, std::vector<NodeId>& blocks) {
    plan_.Prompt(request, prompt_);
    hashers_[request.model].Hash(prompt_, blocks);
  }
  const Slices& prompt() const { return prompt_; }

 private:
  const load::Plan& plan_;
  std::vector<BlockHasher> hashers_;  // by model
  Slices prompt_;
};

// What the run counts: of the load phase, and answered.
inline bool Counts(const load::PlannedRequest& request, const load::RequestRecord& record) {
  return request.phase == load::Phase::kLoad && record.outcome == load::Outcome::kOk;
}

}  // namespace prefixmesh::bench
