// Goal: a gateway that sends requests itself uses the router's choice: it counts as in flight until it is said to be
// over, is learnt as a placement, and says what a failed worker is. And what a LoRA or a salt keeps apart is kept apart
// by router and worker.
#include <catch2/catch.hpp>
#include <string>

#include "tests/real/running_router.h"

namespace prefixmesh {
namespace {

using test::Eventually;
using test::Mesh2;
using test::RunningRouter;
using test::Text;

v1::GenerateRequest RequestOf(const std::string& prompt) {
  v1::GenerateRequest request;
  request.set_model("m");
  request.set_prompt(prompt);
  return request;
}

grpc::Status Pick(RunningRouter& router, const v1::GenerateRequest& request, v1::PickReply& reply) {
  grpc::ClientContext context;
  return router.stub->Pick(&context, request, &reply);
}
grpc::StatusCode Report(RunningRouter& router, std::uint64_t lease, int state) {
  grpc::ClientContext context;
  v1::PickReport report;
  report.set_lease(lease);
  report.set_state(static_cast<v1::PickState>(state));
  v1::Empty reply;
  return router.stub->Report(&context, report, &reply).error_code();
}
std::uint64_t InFlight(RunningRouter& router) { return router.Count(RouterFigure("requests.in_flight")); }

TEST_CASE("a pick is in flight until it is over, and the next one goes where it went") {
  Mesh2 mesh;
  RunningRouter& router = *mesh.router_a;
  const std::string prompt = Text(20000, 1);
  v1::PickReply first, second;
  REQUIRE(Pick(router, RequestOf(prompt), first).ok());
  for (const load::WorkerAddress& worker : mesh.workers->addresses())
    if (worker.name == first.routed().worker()) CHECK(first.address() == worker.address);
  CHECK(!first.address().empty());
  CHECK(first.routed().matched_bytes() == 0);
  CHECK(InFlight(router) == 1);
  CHECK(router.Count(RouterFigure("requests.picks")) == 1);
  CHECK(Report(router, first.lease(), v1::PICK_STARTED) == grpc::StatusCode::OK);
  CHECK(Report(router, first.lease(), v1::PICK_FIRST_TOKEN) == grpc::StatusCode::OK);
  REQUIRE(Pick(router, RequestOf(prompt), second).ok());
  CHECK(second.routed().worker() == first.routed().worker());
  CHECK(second.routed().matched_bytes() == 20000 / 256 * 256);
  CHECK(second.lease() != first.lease());
  CHECK(InFlight(router) == 2);
  CHECK(Report(router, first.lease(), v1::PICK_FINISHED) == grpc::StatusCode::OK);
  CHECK(Report(router, second.lease(), v1::PICK_FAILED) == grpc::StatusCode::OK);
  CHECK(InFlight(router) == 0);
  CHECK(router.Count(RouterFigure("requests.picks")) == 0);
  // Peers hear of it as of any placement.
  CHECK(Eventually([&] { return mesh.router_b->Probe(prompt, first.routed().worker()).workers_size() == 1; }));
}

TEST_CASE("reports of no lease, of one that is over and of no state are refused by type") {
  Mesh2 mesh;
  RunningRouter& router = *mesh.router_a;
  v1::PickReply pick;
  REQUIRE(Pick(router, RequestOf(Text(1000, 1)), pick).ok());
  CHECK(Report(router, pick.lease() + 1, v1::PICK_STARTED) == grpc::StatusCode::NOT_FOUND);
  CHECK(Report(router, pick.lease(), 77) == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(Report(router, pick.lease(), v1::PICK_UNKNOWN) == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(Report(router, pick.lease(), v1::PICK_FINISHED) == grpc::StatusCode::OK);
  CHECK(Report(router, pick.lease(), v1::PICK_FINISHED) == grpc::StatusCode::NOT_FOUND);
  v1::GenerateRequest unknown = RequestOf("x");
  unknown.set_model("other");
  CHECK(Pick(router, unknown, pick).error_code() == grpc::StatusCode::NOT_FOUND);
  CHECK(InFlight(router) == 0);
}

TEST_CASE("a worker that a pick did not reach is unhealthy until it answers, one that failed is not") {
  Mesh2 mesh;
  RouterOptions options = test::UsualOptions("c", test::FreePort(), {}, mesh.workers->addresses());
  options.health.period = std::chrono::seconds(1);
  RunningRouter router(options);
  const auto healthy = [&] { return router.Count(RouterFigure("workers.healthy")); };
  v1::PickReply pick;
  REQUIRE(Pick(router, RequestOf(Text(1000, 1)), pick).ok());
  CHECK(Report(router, pick.lease(), v1::PICK_FAILED) == grpc::StatusCode::OK);
  CHECK(healthy() == 2);
  REQUIRE(Pick(router, RequestOf(Text(1000, 1)), pick).ok());
  const std::string gone = pick.routed().worker();
  CHECK(Report(router, pick.lease(), v1::PICK_UNREACHED) == grpc::StatusCode::OK);
  CHECK(healthy() == 1);
  REQUIRE(Pick(router, RequestOf(Text(1000, 1)), pick).ok());
  CHECK(pick.routed().worker() != gone);
  CHECK(Eventually([&] { return healthy() == 2; }));
}

TEST_CASE("a LoRA and a salt keep equal prompts apart, at the router and at the worker") {
  Mesh2 mesh;
  RunningRouter& router = *mesh.router_a;
  const std::string prompt = Text(10000, 1);
  const std::uint64_t whole = 10000 / 256 * 256;
  const auto generate = [&](const std::string& lora, const std::string& salt) {
    grpc::ClientContext context;
    v1::GenerateRequest request = RequestOf(prompt);
    request.set_lora(lora);
    request.set_salt(salt);
    auto reader = router.stub->Generate(&context, request);
    v1::GenerateReply message;
    std::pair<std::uint64_t, std::uint64_t> matched_and_cached;
    while (reader->Read(&message)) {
      if (message.has_routed()) matched_and_cached.first = message.routed().matched_bytes();
      if (message.has_first_token()) matched_and_cached.second = message.first_token().cached_bytes();
    }
    REQUIRE(reader->Finish().ok());
    return matched_and_cached;
  };
  using Pair = std::pair<std::uint64_t, std::uint64_t>;
  const std::pair<const char*, const char*> scopes[] = {{"", ""}, {"fr", ""}, {"", "fr"}, {"fr", "fr"}, {"fr", "s"}};
  for (const auto& [lora, salt] : scopes) CHECK(generate(lora, salt) == Pair(0, 0));
  for (const auto& [lora, salt] : scopes) CHECK(generate(lora, salt) == Pair(whole, whole));
  v1::GenerateRequest long_salt = RequestOf(prompt);
  long_salt.set_salt(std::string(300, 's'));
  v1::PickReply pick;
  CHECK(Pick(router, long_salt, pick).error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace prefixmesh
