// sample.h — a made-up experiment for the tests of analysis, JSON and report: values are what `value` says, runs are ok
// unless a test changes them. Threads: one. Units: none. Errors: CHECK.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/ab/analysis.h"
#include "bench/ab/experiment.h"

namespace prefixmesh::bench::ab {

// Of a run: pair (from 1), arm (from 0), metric.
using ValueFunction = std::function<std::optional<double>(std::size_t, std::size_t, std::size_t)>;

Experiment SampleExperiment(const std::vector<std::string>& arms, std::size_t pairs, const ValueFunction& value,
                            bool mixed_index = false);

// 100 and the pair, of every arm and metric; with metric 0 of arm B 20 % up.
std::optional<double> Same(std::size_t pair, std::size_t arm, std::size_t metric);
std::optional<double> Worse(std::size_t pair, std::size_t arm, std::size_t metric);

bool Noted(const Analysis& analysis, const std::string& words);

// The run of a pair and arm, to be changed.
RunFacts& RunOf(Experiment& experiment, std::size_t pair, std::size_t arm);

// An experiment with something of everything: a change, noise, zeros, a killed run, an untrusted one, hostile names.
Experiment RichExperiment();

}  // namespace prefixmesh::bench::ab
