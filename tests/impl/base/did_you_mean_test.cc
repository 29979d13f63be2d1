// Goal: a misspelt name is answered with the one that was meant, and a foreign one with none.
#include "impl/base/did_you_mean.h"

#include <catch2/catch.hpp>

namespace prefixmesh {
namespace {

const std::vector<std::string> kNames = {"off", "raw-ops", "two-layer", "templates"};

TEST_CASE("DidYouMean: a letter left out, added, mistaken or swapped is forgiven") {
  for (const char* wrong : {"two-layr", "two-layerr", "two_layer", "tow-layer"})
    CHECK(MostLike(wrong, kNames) == "two-layer");
  CHECK(MostLike("of", kNames) == "off");
  CHECK(MostLike("tmplate", kNames) == "templates");
}

TEST_CASE("DidYouMean: what is like none is not guessed") {
  for (const char* wrong : {"", "x", "gossip", "ops", "two"}) CHECK(MostLike(wrong, kNames).empty());
  CHECK(MostLike(std::string(1 << 20, 'o'), kNames).empty());
  CHECK(MostLike("off", {}).empty());
}

TEST_CASE("DidYouMean: a refusal has the guess, if there is one, and all names") {
  CHECK(UnknownName("strategy", "two-layr", kNames) ==
        "unknown strategy 'two-layr' (did you mean 'two-layer'?); there are: off, raw-ops, two-layer, templates");
  CHECK(UnknownName("strategy", "gossip", {"off"}) == "unknown strategy 'gossip'; there are: off");
}

}  // namespace
}  // namespace prefixmesh
