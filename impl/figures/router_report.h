// router_report.h — what a router says of itself when it is asked: who it is, and its figures of this moment.
// Threads, ownership: a value. Units, bounds: readings.h.
#pragma once

#include <string>

#include "impl/figures/readings.h"

namespace prefixmesh {

struct RouterReport {
  std::string name, strategy, index_kind;
  Readings readings;  // of router_figures.h
};

}  // namespace prefixmesh
