// Goal: bodies that are written without protobuf are what protobuf reads.
#include "loadgen/drive/wire.h"

#include <catch2/catch.hpp>

#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::load {
namespace {

TEST_CASE("GenerateBody and ProbeBody: protobuf reads them back") {
  const std::string first = "some bytes", second(100, 'x');
  Slices prompt(AsBytes(first));
  prompt.Append(AsBytes(second));
  v1::GenerateRequest request;
  REQUIRE(ParseMessage(GenerateBody("model-1", Kind::kTokens, 77, prompt), request));
  REQUIRE(request.model() == "model-1");
  REQUIRE(request.kind() == v1::KIND_TOKENS);
  REQUIRE(request.request_id() == 77);
  REQUIRE(request.prompt() == first + second);
  v1::ProbeRequest probe;
  REQUIRE(ParseMessage(ProbeBody("m", Kind::kText, "w3", prompt), probe));
  REQUIRE(probe.worker() == "w3");
  REQUIRE(probe.prompt() == first + second);
  REQUIRE(ParseMessage(GenerateBody("", Kind::kText, 1, Slices()), request));
  REQUIRE(request.prompt().empty());
}

}  // namespace
}  // namespace prefixmesh::load
