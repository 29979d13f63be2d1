// figure_json.h — readings as JSON objects and back: how they pass through load.json and stand in result.json.
//
// Each figure stands at its path, null where there is no number; why not is told apart, by the same path with the
// group in front ("load.ttft_us.p99"). A label of a closed set always stands with all its values, one of an open set
// with those that were read.
//
// Threads: pure. Units: the figure's. Ownership: values. Errors: reading takes what is there and is of the table, and
// nothing else; a value of the wrong kind counts as not there. Bounds: a reading per figure and label of the object.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "impl/figures/readings.h"

namespace prefixmesh {

using Reasons = std::map<std::string, std::string, std::less<>>;

// The group's object. Figures of the moment (Figure::in_result) are left out.
nlohmann::ordered_json FiguresJson(const FigureGroup& group, const Readings& readings);

// Adds why each figure of FiguresJson that is null is so.
void AddReasons(const FigureGroup& group, const Readings& readings, Reasons& reasons);

// From an object that FiguresJson made and the reasons beside it. What is null without a reason has the figure's own.
Readings ReadFigures(const FigureGroup& group, const nlohmann::json& object, const Reasons& reasons);

}  // namespace prefixmesh
