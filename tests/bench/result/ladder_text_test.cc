// Goal: the words for a hit rate say what the ladder of a result says. Oracle: ladders written by hand.
#include "bench/result/ladder_text.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

Json Ladder(const std::vector<int>& cached, const Json& gained) {
  const char* worlds[] = {"unlimited", "fleet_lru", "one_router", "routers"};
  const char* steps[] = {"capacity", "workers", "routers", "run"};
  Json result = {{"routing", {{"prompt_bytes", 1000}, {"cached_share", cached[4] / 1000.0}}},
                 {"ladder", {{"gained_by_sync", gained}}}};
  for (std::size_t i = 0; i < 4; ++i) {
    result["ladder"]["cached_bytes"][worlds[i]] = cached[i];
    result["ladder"]["step"][steps[i]] = (cached[i] - cached[i + 1]) / 1000.0;
  }
  return result;
}

TEST_CASE("Ladder text: a loss is lost, a gain is gained, and below a point both are within model error") {
  CHECK(StepText(0.123) == "12.3 points lost");
  CHECK(StepText(-0.123) == "+12.3 points gained");
  CHECK(StepText(-0.004) == "+0.4 points gained, within model error");
  CHECK(StepText(0.0099) == "1.0 points lost, within model error");
  CHECK(StepText(0.01) == "1.0 points lost");
  CHECK(StepText(0.0) == "0.0 points lost, within model error");
  CHECK(StepText(std::nullopt) == "–");
  CHECK(GainText(0.25) == "+25.0 points");
  CHECK(GainText(-0.002) == "-0.2 points, within model error");
}

TEST_CASE("Ladder text: the sentences name the largest step and its cause, and what sync brought") {
  CHECK(LadderSentences(Ladder({800, 790, 785, 600, 605}, 0.055)) ==
        "60.50 % of the prompt bytes were cached; one cache without limit would have had 80.00 %. Most is lost at "
        "routers, 18.5 points: each router serves a part of the requests, and learns of the others' late or never. "
        "Sync brought +5.5 points.");
  CHECK(LadderSentences(Ladder({800, 300, 350, 345, 345}, nullptr)) ==
        "34.50 % of the prompt bytes were cached; one cache without limit would have had 80.00 %. Most is lost at "
        "capacity, 50.0 points: there was no room for all that came.");
  CHECK(LadderSentences(Ladder({800, 800, 795, 796, 791}, 0.3)) ==
        "79.10 % of the prompt bytes were cached; one cache without limit would have had 80.00 %. What is lost of that "
        "is within the model's error. Sync brought +30.0 points.");
  Json off = Ladder({800, 790, 785, 600, 605}, 0.002);
  off["strategy"] = "off";
  CHECK(LadderSentences(off).find("Sync brought") == std::string::npos);
}

TEST_CASE("Ladder text: rows go from the top to the run, a step between two worlds") {
  const std::vector<LadderRow> rows = LadderRows(Ladder({800, 700, 750, 500, 510}, 0.1));
  std::vector<double> shares;
  for (const LadderRow& row : rows) shares.push_back(row.share.value());
  const double expected[] = {0.8, 0.1, 0.7, -0.05, 0.75, 0.25, 0.5, -0.01, 0.51};
  REQUIRE(shares.size() == std::size(expected));
  for (std::size_t i = 0; i < shares.size(); ++i) {
    CHECK(shares[i] == Approx(expected[i]));
    CHECK(rows[i].step == (i % 2 == 1));
  }
}

TEST_CASE("Ladder text: a run without a ladder has no words") {
  Json older = Ladder({800, 700, 750, 500, 510}, 0.1);
  older.erase("ladder");
  CHECK(LadderSentences(older).empty());
  Json killed = Ladder({800, 700, 750, 500, 510}, 0.1);
  for (Json& bytes : killed["ladder"]["cached_bytes"]) bytes = nullptr;
  CHECK(LadderSentences(killed).empty());
}

}  // namespace
}  // namespace prefixmesh::bench
