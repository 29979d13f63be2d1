// sight.h — what the second gate can see on this machine: the smallest change that it would call, and how often it
// calls one where there is none. Estimated from stored pairs, never from an assumed noise.
//
//   STORE/pairs.jsonl   a line per pair of a cell: the logarithm of B / A in every figure
//
// Pairs of one build with itself show the noise as it is. Of others the median is taken out first, which takes a change
// out and leaves the noise. Nights are drawn from them with replacement, each pair with a drawn sign, the change is
// multiplied in, and the verdict is the gate's own (bench/ab/statistics/verdict.h), with Holm's correction at its
// worst.
//
// Threads: pure but for the file. Time: 2 ms a trial. Units: percent for changes, shares for rates. Ownership: values.
// Errors: as of an index. Bounds: kPairLineBytesMax a line; the newest kPairsKeptMax pairs of a cell are used.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/ab/experiment.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

inline constexpr std::size_t kPairLineBytesMax = 4096;
inline constexpr std::size_t kPairsKeptMax = 200;
inline constexpr std::size_t kPairsForSight = 20;  // fewer say nothing of a tail

struct PairLine {
  std::string night, cell, machine;
  bool same_build = false;
  std::map<std::string, double> log_ratios;  // by the figure's name; without what has no ratio
};
std::string ToJsonLine(const PairLine& line);
Result<PairLine> ParsePairLine(std::string_view text);

// Of every pair of an experiment with two arms that can be compared.
std::vector<PairLine> PairLinesOf(const ab::Experiment& experiment, const std::string& night, const std::string& cell);

struct SightOptions {
  std::size_t pairs = 9;    // of a comparison
  std::size_t family = 12;  // figures compared at once
  double threshold_percent = 5;
  std::size_t trials = 200;
  std::uint64_t seed = 1;
};
// How often the gate would call a change of `effect` (0.1: 10 % more) worse, lower being better.
double CallRate(std::span<const double> log_ratios, double effect, const SightOptions& options);

struct Sight {
  std::string cell, figure;
  std::size_t pairs = 0;                        // it is estimated from
  std::optional<double> false_calls;            // share of nights; nothing with fewer than kPairsForSight pairs
  std::optional<double> smallest_seen_percent;  // called in 95 % of nights; nothing when not even +100 % is
};
// Of one cell's lines on `machine`.
std::vector<Sight> SightsOf(const std::vector<PairLine>& lines, const std::string& cell, const std::string& machine,
                            const std::vector<ab::ReadableMetric>& metrics, std::size_t pairs);

std::string PairsFileOf(const std::string& store);
Result<std::vector<PairLine>> ReadPairLines(const std::string& file);

}  // namespace prefixmesh::bench
