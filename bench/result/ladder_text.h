// ladder_text.h — why a run's hit rate is what it is, in words, from the ladder of its result (bench/oracle/ladder.h).
//
// Threads: any, pure. Units: points, of the prompt bytes. Ownership: values. Errors: none; a run may lack all of it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace prefixmesh::bench {

// What the model may be wrong by: a test holds the oracle against real runs within it.
inline constexpr double kLadderModelError = 0.01;

// One world or, between two, what is lost from the one above to the one below.
struct LadderRow {
  std::string_view name, meaning;
  bool step = false;
  std::optional<double> share;  // of the prompt bytes
};
// From the top to the run.
std::vector<LadderRow> LadderRows(const nlohmann::json& result);
// Beside them: the run's routers without sync, and what sync brought.
std::vector<LadderRow> RowsBesideLadder(const nlohmann::json& result);

// "12.3 points lost", "+0.4 points gained, within model error".
std::string StepText(const std::optional<double>& lost);
// "+12.3 points", "-0.2 points, within model error".
std::string GainText(const std::optional<double>& gained);

// Two or three sentences; empty where the run has no ladder.
std::string LadderSentences(const nlohmann::json& result);

}  // namespace prefixmesh::bench
