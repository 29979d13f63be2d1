// Goal: the oracle counts the requests that the run counts, so that failures make no ratio better. Method: a small plan
// of shared prompts, and records in which some of its requests failed.
#include "bench/oracle/oracle.h"

#include <catch2/catch.hpp>
#include <set>

namespace prefixmesh::bench {
namespace {

load::Settings SmallLoad() {
  Result<load::Settings> settings = load::LoadScenario("templates");
  PREFIXMESH_CHECK(settings.ok());
  settings->prompt.templates = 40;
  settings->prompt.chars = 8000;
  settings->load.rps = 50;
  settings->phases.warmup_s = 0;
  settings->phases.load_s = 4;
  return *settings;
}

TEST_CASE("Oracle: requests that failed are served and not counted, so the survivors compare with themselves") {
  const load::Settings settings = SmallLoad();
  const Result<load::Plan> plan = load::BuildPlan(settings, 1);
  REQUIRE(plan.ok());
  std::vector<load::RequestRecord> records(plan->requests().size());
  for (load::RequestRecord& record : records) record.outcome = load::Outcome::kOk;
  const OracleResult all = RunOracle(*plan, settings, records);
  REQUIRE(all.cached_share() > 0.3);
  REQUIRE(all.cached_share() < 0.95);

  // Every first request of a template fails: what is left finds its template cached.
  std::set<std::uint32_t> seen;
  for (std::size_t i = 0; i < records.size(); ++i)
    if (seen.insert(plan->requests()[i].family).second) records[i].outcome = load::Outcome::kTimeout;
  const OracleResult survivors = RunOracle(*plan, settings, records);
  REQUIRE(survivors.cached_share() > *all.cached_share() + 0.05);
  // With the first ones not served at all the second ones would find nothing.
  REQUIRE(survivors.cached_share() > 0.7);

  for (load::RequestRecord& record : records) record.outcome = load::Outcome::kFailed;
  const OracleResult none = RunOracle(*plan, settings, records);
  REQUIRE_FALSE(none.cached_share().has_value());
  REQUIRE_FALSE(none.load_cov.has_value());
}

TEST_CASE("Oracle: with the bounded policy it decides by the cache as well, with one router and with several") {
  load::Settings settings = SmallLoad();
  settings.route.policy = "bounded";
  settings.load.rps = 100;
  settings.phases.load_s = 30;  // what was chosen lately grows old
  const Result<load::Plan> plan = load::BuildPlan(settings, 1);
  REQUIRE(plan.ok());
  std::vector<load::RequestRecord> records(plan->requests().size());
  for (load::RequestRecord& record : records) record.outcome = load::Outcome::kOk;
  const OracleResult one = RunOracle(*plan, settings, records);
  REQUIRE(one.cached_share() > 0.7);  // of 0.8 that are shared
  load::Histogram soon;
  soon.Record(25'000);
  const OracleResult two = RunOracle(*plan, settings, records, {settings.routers.count, Visibility(soon, 0)});
  REQUIRE(two.cached_share() > 0.95 * *one.cached_share());
}

}  // namespace
}  // namespace prefixmesh::bench
