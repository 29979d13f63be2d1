// sections.h — the report's HTML, section by section: banner, figures, hit rate, objectives, plots' frames, routers,
// environment.
// Threads: any, pure. Ownership: values. Errors: none; a result may lack anything. Every text is escaped here.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace prefixmesh::bench {

using Results = std::vector<nlohmann::json>;

// How a run is called in the report: its strategy; with its scenario or a number where that is not enough.
std::vector<std::string> RunLabels(const Results& results);
// "reference", "reference, chat": the scenarios, each once.
std::string ScenarioNames(const Results& results);

// An objective's value in the unit of the field that its expression is about.
std::string ObjectiveValue(const nlohmann::json& slo);

std::string BannerHtml(const Results& results, const std::vector<std::string>& labels);
std::string FiguresHtml(const Results& results, const std::vector<std::string>& labels);
std::string ObjectivesHtml(const Results& results, const std::vector<std::string>& labels);
std::string PlotsHtml(const Results& results, const std::vector<std::string>& labels);
// Empty where no run has a ladder.
std::string LadderHtml(const Results& results, const std::vector<std::string>& labels);
std::string LayersHtml(const Results& results, const std::vector<std::string>& labels);
std::string RoutersHtml(const Results& results, const std::vector<std::string>& labels);
std::string EnvironmentHtml(const Results& results, const std::vector<std::string>& labels);
std::string NotesHtml(const Results& results, const std::vector<std::string>& labels);

}  // namespace prefixmesh::bench
