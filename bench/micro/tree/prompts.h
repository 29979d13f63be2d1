// prompts.h — the working set of the decision benchmarks: more bytes of prompts than the last-level cache holds.
//
//   shared set   prompt = first 80 % of one of 50 templates + a tail of its own
//   unique set   prompt = bytes of its own, first to last
//
// Every prompt has its own copy of its bytes, as a body that just came from the network has, and prompts are visited in
// a shuffled order, so a visit finds nothing of the prompt in a cache. Token prompts are the same number of bytes: ids
// below 128,000, 4 little-endian bytes each. Same options, same bytes, on every machine.
// Threads: const after construction. Ownership: owns the bytes. Bounds: count x prompt_bytes, rounded up to lines.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/prng.h"
#include "impl/base/slices.h"

namespace prefixmesh::bench {

struct PromptOptions {
  std::size_t count = 3500;
  std::size_t prompt_bytes = 80'000;
  std::size_t templates = 50;
  double shared = 0.8;  // share of a prompt that is its template's; 0 makes unique prompts
  Kind kind = Kind::kText;
};

class PromptSet {
 public:
  explicit PromptSet(const PromptOptions& options)
      : options_(options),
        // Bodies start at odd places on purpose: 16 bytes past a line, as malloc gives them.
        stride_((options.prompt_bytes + 63) / 64 * 64 + 16),
        bytes_(std::make_unique_for_overwrite<std::uint8_t[]>((options.count + options.templates) * stride_)) {
    Prng prng = Prng::ForPurpose(1, options.kind == Kind::kText ? "text prompts" : "token prompts");
    const auto total = options.count + options.templates;
    for (std::size_t i = 0; i < total; ++i) Fill(prng, bytes_.get() + i * stride_);
    const auto shared_bytes = static_cast<std::size_t>(static_cast<double>(options.prompt_bytes) * options.shared) /
                              kBytesPerToken * kBytesPerToken;
    for (std::size_t i = 0; i < options.count; ++i) {
      const std::size_t source = options.count + prng.Below(options.templates);
      std::memcpy(bytes_.get() + i * stride_, bytes_.get() + source * stride_, shared_bytes);
    }
    slices_.reserve(total);
    for (std::size_t i = 0; i < total; ++i)
      slices_.emplace_back(Bytes(bytes_.get() + i * stride_, options.prompt_bytes));
    order_.resize(options.count);
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[prng.Below(i)]);
  }

  std::size_t count() const { return options_.count; }
  std::size_t templates() const { return options_.templates; }
  const PromptOptions& options() const { return options_; }
  const Slices& prompt(std::size_t i) const { return slices_[i]; }
  // The templates themselves, whole: what a tree is warmed with.
  const Slices& template_prompt(std::size_t i) const { return slices_[options_.count + i]; }
  // The prompt to visit as number `step`; wraps around.
  std::size_t visit(std::size_t step) const { return order_[step % order_.size()]; }

 private:
  void Fill(Prng& prng, std::uint8_t* out) const {
    if (options_.kind == Kind::kTokens) {
      for (std::size_t at = 0; at + kBytesPerToken <= options_.prompt_bytes; at += kBytesPerToken) {
        const auto token = static_cast<std::uint32_t>(prng.Below(128'000));
        std::memcpy(out + at, &token, sizeof(token));
      }
      return;
    }
    for (std::size_t at = 0; at < options_.prompt_bytes; ++at) {
      // Letters and spaces; eight draws of five bits from each number.
      if (at % 8 == 0) letters_ = prng.Next();
      out[at] = static_cast<std::uint8_t>("etaoin shrdlucmfwypvbgkjqxzETAOI"[letters_ & 31]);
      letters_ >>= 5;
    }
  }

  const PromptOptions options_;
  const std::size_t stride_;
  const std::unique_ptr<std::uint8_t[]> bytes_;
  std::vector<Slices> slices_;
  std::vector<std::size_t> order_;
  mutable std::uint64_t letters_ = 0;  // scratch of Fill
};

}  // namespace prefixmesh::bench
