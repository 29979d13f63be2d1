#include <cmath>

#include "loadgen/prompts/prompts.h"
#include "loadgen/prompts/zipf.h"

namespace prefixmesh::load {
namespace {

class Templates final : public PromptGenerator {
 public:
  Templates(const Settings& settings, Corpus& corpus, Prng prng)
      : corpus_(corpus),
        prng_(prng),
        hot_share_(settings.prompt.hot_share),
        which_(settings.prompt.templates, settings.prompt.zipf),
        unit_(settings.prompt_kind() == Kind::kTokens ? kBytesPerToken : 1) {
    const std::uint64_t units = settings.prompt_bytes() / unit_;
    shared_bytes_ =
        static_cast<std::uint64_t>(std::llround(settings.prompt.shared * static_cast<double>(units))) * unit_;
    tail_bytes_ = units * unit_ - shared_bytes_;
    templates_.resize(settings.prompt.templates);
    for (auto& slices : templates_) corpus_.AppendUnique(shared_bytes_, prng_, slices);
  }

  std::uint32_t Next(std::vector<Slice>& out) override {
    std::uint64_t chosen = which_.Draw(prng_);
    if (hot_share_ > 0 && prng_.Unit() < hot_share_) chosen = 0;
    out.insert(out.end(), templates_[chosen].begin(), templates_[chosen].end());
    corpus_.AppendUnique(tail_bytes_, prng_, out);
    return static_cast<std::uint32_t>(chosen);
  }

 private:
  Corpus& corpus_;
  Prng prng_;
  double hot_share_;
  Zipf which_;
  std::uint64_t unit_;
  std::uint64_t shared_bytes_ = 0;
  std::uint64_t tail_bytes_ = 0;
  std::vector<std::vector<Slice>> templates_;
};

}  // namespace

std::unique_ptr<PromptGenerator> MakeTemplates(const Settings& settings, Corpus& corpus, Prng prng) {
  return std::make_unique<Templates>(settings, corpus, prng);
}

}  // namespace prefixmesh::load
