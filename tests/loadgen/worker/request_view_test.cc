// Goal: the in-place reader sees what protobuf's own writer wrote, however the body is cut, and refuses what it cannot
// read.
#include "loadgen/worker/request_view.h"

#include "impl/wire/prefixmesh.pb.h"
#include "loadgen/drive/wire.h"
#include "tests/support/properties.h"

namespace prefixmesh::load {
namespace {

Slices Cut(std::string_view bytes, const std::vector<std::uint8_t>& cuts) {
  Slices slices;
  for (const std::uint8_t cut : cuts) {
    const std::size_t take = std::min<std::size_t>(cut, bytes.size());
    slices.Append(AsBytes(bytes.substr(0, take)));
    bytes.remove_prefix(take);
  }
  slices.Append(AsBytes(bytes));
  return slices;
}

TEST_CASE("ViewRequest: reads what protobuf writes, in any cutting") {
  test::ForAll("round trip", [](std::string model, bool tokens, std::uint64_t id, const std::string& prompt,
                                const std::vector<std::uint8_t>& cuts) {
    model.resize(std::min<std::size_t>(model.size(), 200));
    for (char& c : model) c = static_cast<char>(c & 0x7f);  // protobuf strings are UTF-8
    v1::GenerateRequest request;
    request.set_model(model);
    request.set_kind(tokens ? v1::KIND_TOKENS : v1::KIND_TEXT);
    request.set_request_id(id);
    request.set_prompt(prompt);
    const std::string bytes = request.SerializeAsString();
    const Result<RequestView> view = ViewRequest(Cut(bytes, cuts));
    RC_ASSERT(view.ok());
    RC_ASSERT(view->model == model);
    RC_ASSERT((view->kind == Kind::kTokens) == tokens);
    RC_ASSERT(view->request_id == id);
    std::string seen;
    view->prompt.CopyTo(seen);
    RC_ASSERT(seen == prompt);
  });
}

TEST_CASE("ViewRequest: any bytes are read or refused, never read beyond") {
  test::ForAll("any bytes", [](const std::string& bytes, const std::vector<std::uint8_t>& cuts) {
    const Result<RequestView> view = ViewRequest(Cut(bytes, cuts));
    if (view.ok()) RC_ASSERT(view->prompt.size() <= bytes.size());
  });
  for (const std::string& bad : {std::string("\x7a\xff\xff\xff\xff\x0f", 6), std::string("\x0a\x05x"),
                                 std::string("\x10\x02"), std::string("\x0b"), std::string("\x00\x01", 2)}) {
    REQUIRE_FALSE(ViewRequest(Slices(AsBytes(bad))).ok());
  }
}

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
