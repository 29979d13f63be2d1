// holm.h — p-values of several metrics, adjusted so that the whole family keeps one error rate.
//
// Step-down: the smallest of m is multiplied by m, the next by m − 1, …, each at least as large as the one before, none
// above 1. Rejecting what is below 5 % then calls anything wrongly in at most 5 % of all families, however the metrics
// depend on each other. Source: S. Holm, Scandinavian Journal of Statistics 6(2), 1979.
//
// Threads: any, pure. Ownership: values. Errors: none.
#pragma once

#include <span>
#include <vector>

namespace prefixmesh::bench::ab {

// In the order given.
std::vector<double> HolmAdjusted(std::span<const double> p_values);

}  // namespace prefixmesh::bench::ab
