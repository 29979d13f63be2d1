// Goal: the driver asks a generation what its contract says, when it says so. Method: a generation that keeps nothing
// and writes down what it is asked. What the driver makes of it on streams is held with real ones: raw_ops_test.cc.
#include "impl/sync/generations/driver.h"

#include <catch2/catch.hpp>

namespace prefixmesh::generations {
namespace {

constexpr PeerIndex kPeer{0};

// Takes every entry but those whose key is "bad".
class Noting final : public Driven {
 public:
  std::uint64_t Version(std::string_view) const override { return 0; }
  std::uint64_t StoreGeneration() const override { return 1; }
  std::vector<Batch> Collect(Time, Collector&, Actions&) override { return std::move(batches); }
  void Marked(PeerIndex, const std::string& key, std::uint64_t) override { marked.push_back(key); }
  void Refused(PeerIndex, const std::string& key) override { refused.push_back(key); }
  void StreamEnded(PeerIndex) override { ++ended; }
  bool AsksForSnapshot() const override { return empty; }
  std::vector<StoreEntry> Snapshot(Time) override { return {}; }
  Result<Checked> CheckEntry(const StoreEntryView& entry, StreamRole) override {
    if (entry.key == "bad") return Error{ErrorCode::kCorrupt, "bad"};
    return Checked{1, [this](Actions&) -> Status {
                     ++applied;
                     return {};
                   }};
  }
  void AddBuffers(StrategyReport&) const override {}

  std::vector<Batch> batches;
  bool empty = false;
  int ended = 0, applied = 0;
  std::vector<std::string> marked, refused;
};

struct Driving {
  Context context{.self_name = "a", .constants = {}, .fixed = {}};
  Noting generation;
  Driver driver{context, generation, MakeTraits("noting", context.constants)};
  Actions actions;
};

StoreEntry Entry(std::string key, std::size_t bytes = 1) {
  return {.key = std::move(key), .value = std::string(bytes, 'x'), .version = 1, .actor = "b"};
}
Batch BatchOf(StoreEntry entry) {
  Batch batch;
  batch.Add(std::move(entry), 1, false);
  return batch;
}

TEST_CASE("Driver: a checkpoint is due every 10 rounds, a garbage collection every 60") {
  Driving it;
  for (int round = 1; round <= 120; ++round) {
    const Driver::Due due = it.driver.Round();
    CHECK(due.checkpoint == (round % 10 == 0));
    CHECK(due.garbage == (round % 60 == 0));
  }
}

TEST_CASE("Driver: of a frame in which one entry does not check none is applied, and one is counted") {
  Driving it;
  const std::vector<StoreEntry> entries = {Entry("good"), Entry("bad"), Entry("good")};
  it.driver.Frame(Time{1}, kPeer, AsBytes(EncodeBatch(Store::kPolicy, entries)), it.actions);
  CHECK(it.generation.applied == 0);
  CHECK(it.driver.Report().decode_errors == 1);
  CHECK(it.driver.Report().records.received == 0);
  it.driver.Frame(Time{2}, kPeer, AsBytes(EncodeBatch(Store::kPolicy, {entries.data(), 1})), it.actions);
  CHECK(it.generation.applied == 1);
  CHECK(it.driver.Report().records.received == 1);
}

TEST_CASE("Driver: a stream that comes up again ends the one before it, and asks where the store is empty") {
  Driving it;
  it.driver.StreamUp(kPeer, StreamRole::kServer, it.actions);
  CHECK(it.actions.empty());
  it.generation.empty = true;
  const int ended = it.generation.ended;
  it.driver.StreamUp(kPeer, StreamRole::kServer, it.actions);
  CHECK(it.generation.ended == ended + 1);
  REQUIRE(it.actions.size() == 1);
  CHECK(std::get<SendFrame>(it.actions[0]).frame == EncodeSnapshotRequest(Store::kPolicy));
}

TEST_CASE("Driver: a batch without entries is none; what is queued is marked, what a dialer cannot send is refused") {
  Driving it;
  it.driver.StreamUp(kPeer, StreamRole::kDialer, it.actions);
  it.generation.batches.emplace_back();
  it.generation.batches.push_back(BatchOf(Entry("small")));
  it.generation.batches.push_back(BatchOf(Entry("large", (10u << 20) + 1)));
  it.driver.Tick(Time{1}, kPeer, it.actions);
  CHECK(it.generation.marked.empty());
  CHECK(it.generation.refused == std::vector<std::string>{"large"});
  REQUIRE(it.actions.size() == 2);
  it.driver.SendResult(kPeer, std::get<SendFrame>(it.actions[0]).token, SendOutcome::kQueued, it.actions);
  CHECK(it.generation.marked == std::vector<std::string>{"small"});
  CHECK(it.driver.Report().records.sent == 1);
}

}  // namespace
}  // namespace prefixmesh::generations
