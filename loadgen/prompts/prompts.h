// prompts.h — start here for what requests ask: one generator per file, all behind one interface.
//
// A generator gives the slice list of the next request, in the order of the send times. Equal template, session turn or
// hash id means equal bytes; different ones differ from the first block on (markers, corpus.h).
//
// Threads: one, while the plan is built. Ownership: appends to the caller's list; the corpus outlives the generator.
// Time: none. Errors: only the trace's file can be wrong, and it is read before (mooncake.h). Bounds: sizes come from
// settings, which have ranges.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "impl/base/prng.h"
#include "loadgen/prompts/corpus.h"
#include "loadgen/prompts/mooncake.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::load {

// Requests of one family share a prefix by intent: a template, a conversation, a first hash id. A request without
// relatives has kNoFamily.
inline constexpr std::uint32_t kNoFamily = UINT32_MAX;

class PromptGenerator {
 public:
  virtual ~PromptGenerator() = default;
  // Appends the slices of the next prompt to `out` and returns its family.
  virtual std::uint32_t Next(std::vector<Slice>& out) = 0;
};

// Part of the prompt from one of `templates`, uniformly drawn, the rest unique.
std::unique_ptr<PromptGenerator> MakeTemplates(const Settings& settings, Corpus& corpus, Prng prng);

// Nothing shared.
std::unique_ptr<PromptGenerator> MakeUnique(const Settings& settings, Corpus& corpus, Prng prng);

// Conversations: system prompt, then turn by turn more text; a random live one speaks next.
std::unique_ptr<PromptGenerator> MakeChat(const Settings& settings, Corpus& corpus, Prng prng);

// The prompts of a trace, in its order. `trace` must outlive the generator.
std::unique_ptr<PromptGenerator> MakeTrace(const MooncakeTrace& trace, const Corpus& corpus);

}  // namespace prefixmesh::load
