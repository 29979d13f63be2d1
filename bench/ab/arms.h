// arms.h — the arms of an A/B as they are written, and everything that is known of them before anything runs.
//
//   two-layer                                             a strategy
//   two-layer:two_layer.round_ms=200:two_layer.anchors=0  with settings of its own, as in --set, after each ':'
//   off:index.kind=text                                   on an index kind of its own
//
// Arms are called A, B, C, … in the order in which they are named; A is what the others are compared with.
//
// Threads: any, pure. Ownership: values. Units: those of the settings. Bounds: kArmsMax. Errors: kInvalid, one line
// that names the arm: an unknown strategy, key or value, an index kind it cannot run on, kinds that differ.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "impl/base/result.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench::ab {

inline constexpr std::size_t kArmsMax = 16;

struct Arm {
  std::string name;  // "A"
  std::string text;  // as it was written
  std::string strategy;
  std::string index_kind;  // block or text
  load::Settings settings;
  std::string bin_dir, build;  // of another build whose prefixmesh makes its runs, and its name; empty: this one
  bool beside = false;         // only shown: `off` on either kind, under --mixed-index
};

struct ArmsRequest {
  std::vector<std::string> texts;
  load::Settings settings;    // what all share
  bool mixed_index = false;   // allows different kinds, and adds `off` on both of them when they differ
  bool mixed_policy = false;  // allows different policies: [route] is not the strategy
  bool compared = true;       // else one arm is enough, and any stand beside each other
};
Result<std::vector<Arm>> ResolveArms(const ArmsRequest& request);

// "two-layer,off:index.kind=text" → its arms.
std::vector<std::string> SplitArms(const std::string& list);

// Two arms, each made by a build of its own (builds.h); `text` gets the build's name: two-layer@c3976b22.
void SetBuild(Arm& arm, const std::string& bin_dir, const std::string& build_name);
bool DifferentBuilds(const std::vector<Arm>& arms);

bool MixedIndex(const std::vector<Arm>& arms);
bool MixedPolicy(const std::vector<Arm>& arms);

}  // namespace prefixmesh::bench::ab
