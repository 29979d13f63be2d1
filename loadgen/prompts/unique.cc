#include "loadgen/prompts/prompts.h"

namespace prefixmesh::load {
namespace {

class Unique final : public PromptGenerator {
 public:
  Unique(std::uint64_t bytes, Corpus& corpus, Prng prng) : bytes_(bytes), corpus_(corpus), prng_(prng) {}

  std::uint32_t Next(std::vector<Slice>& out) override {
    corpus_.AppendUnique(bytes_, prng_, out);
    return kNoFamily;
  }

 private:
  std::uint64_t bytes_;
  Corpus& corpus_;
  Prng prng_;
};

}  // namespace

std::unique_ptr<PromptGenerator> MakeUnique(const Settings& settings, Corpus& corpus, Prng prng) {
  return std::make_unique<Unique>(settings.prompt_bytes(), corpus, prng);
}

}  // namespace prefixmesh::load
