// Goal: the in-place reader sees what protobuf's own writer wrote, however the body is cut, and refuses what it cannot
// read.
#include "impl/wire/request_view.h"

#include "impl/wire/prefixmesh.pb.h"
#include "tests/support/properties.h"

namespace prefixmesh {
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
    request.set_lora(model.substr(0, model.size() / 2));
    request.set_salt(model.substr(model.size() / 3));
    request.set_prompt(prompt);
    const std::string bytes = request.SerializeAsString();
    const Result<RequestView> view = ViewRequest(Cut(bytes, cuts));
    RC_ASSERT(view.ok());
    RC_ASSERT(view->model == model);
    RC_ASSERT((view->kind == Kind::kTokens) == tokens);
    RC_ASSERT(view->request_id == id);
    RC_ASSERT(view->lora == request.lora());
    RC_ASSERT(view->salt == request.salt());
    std::string seen;
    view->prompt.CopyTo(seen);
    RC_ASSERT(seen == prompt);
  });
}

TEST_CASE("ViewRequest: a probe's worker stands where a request's id does, and each is read as what it is") {
  v1::ProbeRequest probe;
  probe.set_model("m");
  probe.set_worker("w7");
  probe.set_prompt("text");
  const std::string bytes = probe.SerializeAsString();
  const Result<RequestView> view = ViewRequest(Slices(AsBytes(bytes)));
  REQUIRE(view.ok());
  REQUIRE(view->worker == "w7");
  REQUIRE(view->request_id == 0);
}

TEST_CASE("ViewRequest: what is read but may not be is refused by its own type") {
  v1::GenerateRequest request;
  request.set_model(std::string(kRequestNameBytesMax, 'm'));
  std::string bytes = request.SerializeAsString();
  REQUIRE(ViewRequest(Slices(AsBytes(bytes))).ok());
  request.mutable_model()->push_back('m');
  bytes = request.SerializeAsString();
  REQUIRE(ViewRequest(Slices(AsBytes(bytes))).error().code == ErrorCode::kTooBig);
  REQUIRE(ViewRequest(Slices(AsBytes("\x10\x02"))).error().code == ErrorCode::kInvalid);
  REQUIRE(ViewRequest(Slices(AsBytes("\x0b"))).error().code == ErrorCode::kCorrupt);
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

}  // namespace
}  // namespace prefixmesh
