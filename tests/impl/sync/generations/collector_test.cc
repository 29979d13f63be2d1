// Goal: the sending end that all generations share: what is marked when, and what the size test sees.
#include "impl/sync/generations/collector.h"

#include "tests/support/properties.h"

namespace prefixmesh::generations {
namespace {

Batch Of(std::size_t value_bytes, std::uint64_t version, std::uint64_t generation) {
  Batch batch;
  batch.Add({.key = "tree:m", .value = std::string(value_bytes, 'v'), .version = version, .actor = "a"}, 5, false);
  batch.generation = generation;
  return batch;
}

TEST_CASE("Collector: the size test sees value bytes only (H11)") {
  Collector collector({0}, StreamRole::kDialer);
  Actions actions;
  REQUIRE(collector.Offer(Of(1000, 1, 1), 1000, 1, actions) == Collector::Verdict::kOffered);
  REQUIRE(std::get<SendFrame>(actions[0]).frame.size() > 1000);
  REQUIRE(collector.Offer(Of(1001, 1, 1), 1000, 2, actions) == Collector::Verdict::kRefusedKept);
  REQUIRE(std::get<RefuseFrame>(actions[1]).bytes == 1001);
}

TEST_CASE("Collector: marked on queued, with the generation of the collection") {
  Collector collector({0}, StreamRole::kDialer);
  Actions actions;
  REQUIRE(collector.Idle(0));
  REQUIRE_FALSE(collector.Idle(3));
  collector.Offer(Of(10, 7, 3), 1000, 1, actions);
  REQUIRE_FALSE(collector.Result(1, SendOutcome::kFull).has_value());
  REQUIRE(collector.LastSent("tree:m") == 0);
  collector.BeginBeat();
  collector.Offer(Of(10, 7, 3), 1000, 2, actions);
  REQUIRE_FALSE(collector.Result(1, SendOutcome::kQueued).has_value());  // another token's
  const auto marked = collector.Result(2, SendOutcome::kQueued);
  REQUIRE(marked->keys == std::vector<std::string>{"tree:m"});
  REQUIRE(marked->operations == 5);
  REQUIRE(collector.LastSent("tree:m") == 7);
  REQUIRE(collector.Idle(3));
  REQUIRE_FALSE(collector.Idle(4));  // what came after the collection is not skipped
  REQUIRE_FALSE(collector.Result(2, SendOutcome::kQueued).has_value());
}

TEST_CASE("Collector: too big is kept at the dialer and marked at the server (H2)") {
  for (const StreamRole role : {StreamRole::kDialer, StreamRole::kServer}) {
    Collector collector({0}, role);
    Actions actions;
    const auto verdict = collector.Offer(Of(11, 7, 3), 10, 1, actions);
    const bool server = role == StreamRole::kServer;
    REQUIRE(verdict == (server ? Collector::Verdict::kRefusedMarked : Collector::Verdict::kRefusedKept));
    REQUIRE(collector.LastSent("tree:m") == (server ? 7 : 0));
    REQUIRE(collector.Idle(3) == server);
  }
}

TEST_CASE("Collector: of several batches in a beat each is marked for itself, the gate moves with the last") {
  Collector collector({0}, StreamRole::kDialer);
  Actions actions;
  const auto batch = [](const char* key) {
    Batch one = Of(10, 7, 3);
    one.entries[0].key = key;
    return one;
  };
  collector.BeginBeat();
  collector.Offer(batch("tree:m"), 1000, 1, actions);
  collector.Offer(batch("tree:n"), 1000, 2, actions);
  REQUIRE(collector.Result(1, SendOutcome::kQueued).has_value());
  REQUIRE_FALSE(collector.Result(2, SendOutcome::kFull).has_value());
  REQUIRE(collector.LastSent("tree:m") == 7);
  REQUIRE(collector.LastSent("tree:n") == 0);
  REQUIRE_FALSE(collector.Idle(3));
  collector.BeginBeat();
  collector.Offer(batch("tree:n"), 1000, 3, actions);
  REQUIRE(collector.Result(3, SendOutcome::kQueued).has_value());
  REQUIRE(collector.Idle(3));
  collector.Skip("tree:o", 9);
  REQUIRE(collector.LastSent("tree:o") == 9);
}

}  // namespace
}  // namespace prefixmesh::generations
