// Goal: every pair gets exactly one fate, by the rules of docs/results.md; baselines come from the run's own records.
#include "loadgen/drive/ledger.h"

#include "loadgen/drive/summary.h"
#include "loadgen/drive/visibility.h"
#include "tests/support/properties.h"

namespace prefixmesh::load {
namespace {

TEST_CASE("Judge: the fates in their order") {
  const ProbeAnswer full{10, 10, false}, deep{10, 6, true}, shallow{10, 3, true}, gone{10, 3, false};
  REQUIRE(Judge(full, 3, true) == PlacementFate::kApplied);
  REQUIRE(Judge(deep, 3, true) == PlacementFate::kSuperseded);
  REQUIRE(Judge(deep, 3, false) == PlacementFate::kPartial);
  REQUIRE(Judge(shallow, 3, false) == PlacementFate::kForgotten);
  REQUIRE(Judge(gone, 3, false) == PlacementFate::kLost);
}

TEST_CASE("LedgerCounts: the fates sum to the pairs") {
  test::ForAll("any answers", [](const std::vector<std::tuple<std::uint8_t, bool, std::uint8_t, bool>>& answers) {
    LedgerCounts counts;
    for (const auto& [depth, held, baseline, superseded] : answers) {
      counts.Add(Judge({10, depth % 12u, held}, baseline % 12u, superseded));
    }
    RC_ASSERT(counts.pairs == answers.size());
    RC_ASSERT(counts.applied + counts.superseded + counts.partial + counts.forgotten + counts.lost == counts.pairs);
  });
}

Plan SmallPlan() {
  Settings settings;
  settings.load.rps = 20;
  settings.phases.warmup_s = 1;
  settings.phases.load_s = 4;
  settings.prompt.chars = 4096;
  settings.prompt.shared = 0.5;
  settings.prompt.templates = 2;
  Result<Plan> plan = BuildPlan(settings, 5);
  return std::move(*plan);
}

std::vector<RequestRecord> AllOk(const Plan& plan, std::uint16_t worker) {
  std::vector<RequestRecord> records(plan.requests().size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].outcome = Outcome::kOk;
    records[i].inserted = 1;
    records[i].worker = worker;
    records[i].router = plan.requests()[i].router;
    records[i].phase = static_cast<std::uint8_t>(plan.requests()[i].phase);
    records[i].worker_incarnation = 1;
    records[i].prompt_bytes = plan.requests()[i].prompt_bytes;
  }
  return records;
}

TEST_CASE("PlacementIndex: the baseline is the longest prefix that this router sent to that worker") {
  const Plan plan = SmallPlan();
  std::vector<RequestRecord> records = AllOk(plan, 3);
  const PlacementIndex index(plan, records);
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    const auto other = static_cast<std::uint16_t>(1 - plan.requests()[i].router);
    std::size_t expected = 0;
    for (std::uint32_t j = 0; j < records.size(); ++j) {
      if (plan.requests()[j].router == other) {
        expected = std::max(expected, plan.CommonPrefix(plan.requests()[i], plan.requests()[j]));
      }
    }
    REQUIRE(index.LongestSent(i, other, 3) == expected);
    REQUIRE(expected >= 2048);  // the template
    REQUIRE(index.LongestSent(i, plan.requests()[i].router, 3) == 4096);
    REQUIRE(index.LongestSent(i, other, 4) == 0);
  }
  REQUIRE_FALSE(index.Superseded(0, 0));
  REQUIRE_FALSE(index.Superseded(0, records[0].worker_incarnation));
  REQUIRE(index.Superseded(0, records[0].worker_incarnation + 1));  // no request was there, but a peer knows
  records.back().worker_incarnation = 2;
  const PlacementIndex later(plan, records);
  REQUIRE(later.Superseded(0, 0));
  REQUIRE_FALSE(later.Superseded(static_cast<std::uint32_t>(records.size() - 1), 0));
}

TEST_CASE("SamplePlacements: by seed, without repetition, at most what there is") {
  const Plan plan = SmallPlan();
  std::vector<RequestRecord> records = AllOk(plan, 0);
  records[4].inserted = 0;
  records[5].outcome = Outcome::kFailed;
  const std::vector<std::uint32_t> learned = LearnedPlacements(records, 256);
  REQUIRE(learned.size() == records.size() - 2);
  const auto sampled = SamplePlacements(learned, 20, 1);
  REQUIRE(sampled.size() == 20);
  REQUIRE(std::adjacent_find(sampled.begin(), sampled.end(), std::greater_equal<>()) == sampled.end());
  REQUIRE(sampled == SamplePlacements(learned, 20, 1));
  REQUIRE(sampled != SamplePlacements(learned, 20, 2));
  REQUIRE(SamplePlacements(learned, 1000, 1) == learned);
}

TEST_CASE("LearnedPlacements: ok, inserted, and with a whole block to learn") {
  test::ForAll("any records", [](std::uint32_t block_bytes) {
    using Row = std::tuple<bool, bool, std::int8_t>;  // ok, inserted, bytes beside a block
    const auto rows = *rc::gen::arbitrary<std::vector<Row>>();
    block_bytes = 128 + block_bytes % 4096;
    std::vector<RequestRecord> records;
    std::vector<std::uint32_t> expected;
    for (const auto& [ok, inserted, beside] : rows) {
      if (ok && inserted && beside >= 0) expected.push_back(static_cast<std::uint32_t>(records.size()));
      RequestRecord& record = records.emplace_back();
      record.outcome = ok ? Outcome::kOk : Outcome::kTimeout;
      record.inserted = inserted;
      record.prompt_bytes = block_bytes + static_cast<std::uint32_t>(beside);
    }
    RC_ASSERT(LearnedPlacements(records, block_bytes) == expected);
  });
}

TEST_CASE("SameWorkerFollowups: follow-ups are counted against the latest request of their family") {
  const Plan plan = SmallPlan();
  std::vector<RequestRecord> records = AllOk(plan, 0);
  REQUIRE(*SameWorkerFollowups(plan, records) == 1);
  for (std::size_t i = 0; i < records.size(); ++i) records[i].worker = static_cast<std::uint16_t>(i);
  REQUIRE(*SameWorkerFollowups(plan, records) == 0);
  for (RequestRecord& record : records) record.outcome = Outcome::kFailed;
  REQUIRE_FALSE(SameWorkerFollowups(plan, records).has_value());
}

TEST_CASE("GoodputShare: of all that were planned, those within both limits, counted from their intended times") {
  const Plan plan = SmallPlan();
  constexpr std::int64_t kMs = 1'000'000;
  std::vector<RequestRecord> records = AllOk(plan, 0);
  std::vector<std::size_t> load;
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].intended_ns = static_cast<std::int64_t>(i) * 50 * kMs;
    records[i].sent_ns = records[i].intended_ns + 30 * kMs;
    records[i].first_token_ns = records[i].intended_ns + 100 * kMs;
    records[i].done_ns = records[i].intended_ns + 200 * kMs;
    if (plan.requests()[i].phase == Phase::kLoad) load.push_back(i);
  }
  const Settings::Goodput goodput{100, 200};
  REQUIRE(*GoodputShare(plan, records, goodput) == 1);
  records[load[0]].first_token_ns += 1;
  records[load[1]].done_ns += 1;
  records[load[2]].outcome = Outcome::kFailed;
  records[load[3]].outcome = Outcome::kNeverSent;
  records[0].outcome = Outcome::kFailed;  // of the warm-up
  REQUIRE(plan.requests()[0].phase == Phase::kWarmup);
  const auto planned = static_cast<double>(load.size());
  REQUIRE(*GoodputShare(plan, records, goodput) == Approx((planned - 4) / planned));
  REQUIRE(*GoodputShare(plan, records, {99.9, 200}) == Approx(0));
}

TEST_CASE("LoadCov: counts workers that got nothing") {
  ReplyRecorder replies;
  RequestRecord record;
  record.outcome = Outcome::kOk;
  record.phase = static_cast<std::uint8_t>(Phase::kLoad);
  REQUIRE_FALSE(LoadCov(replies, 4).has_value());
  for (int i = 0; i < 100; ++i) {
    record.worker = static_cast<std::uint16_t>(i % 2);
    replies.OnDone(record);
  }
  REQUIRE(*LoadCov(replies, 2) == Approx(0));
  REQUIRE(*LoadCov(replies, 4) == Approx(1));
}

TEST_CASE("VisibilityCounts: what never became visible is infinite, and a percentile that falls there is null") {
  VisibilityCounts counts;
  REQUIRE_FALSE(counts.VisibleShare().has_value());
  for (std::int64_t i = 1; i <= 98; ++i) counts.visible_ns.push_back(i * 1000000);
  counts.visible = 98;
  counts.never = 2;
  REQUIRE(*counts.VisibleShare() == Approx(0.98));
  REQUIRE(*counts.PercentileMs(50) == Approx(50));
  REQUIRE(*counts.PercentileMs(98) == Approx(98));
  REQUIRE_FALSE(counts.PercentileMs(99).has_value());
  REQUIRE_FALSE(counts.PercentileMs(100).has_value());
}

TEST_CASE("JudgeTrust: each limit has its own reason") {
  Settings settings;
  SendRecorder good(5'000'000);
  for (int i = 0; i < 1000; ++i) good.OnSent(Phase::kLoad, i, -1, i + 100'000);
  REQUIRE(JudgeTrust(good, 0.1, settings).ok);
  REQUIRE(JudgeTrust(good, 0.6, settings).reasons ==
          std::vector<std::string>{"the generator used 0.6 cores, above 0.5"});
  SendRecorder dropping = good;
  dropping.OnDropped(Phase::kLoad, 3);
  REQUIRE(JudgeTrust(dropping, 0.1, settings).reasons == std::vector<std::string>{"dropped requests: 3"});
  SendRecorder late = good;
  for (int i = 0; i < 100; ++i) late.OnSent(Phase::kLoad, 0, -1, 300'000'000);
  REQUIRE(JudgeTrust(late, 0.1, settings).reasons.size() == 2);
  REQUIRE(late.late() == 100);
}

}  // namespace
}  // namespace prefixmesh::load
