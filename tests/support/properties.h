// properties.h — RapidCheck inside a Catch2 test: a property that fails prints its shrunk counterexample and the seed
// to repeat it (RC_PARAMS="seed=…"), and fails the test.
#pragma once

#include <rapidcheck.h>

#include <catch2/catch.hpp>
#include <string>

namespace prefixmesh::test {

template <typename Property>
void ForAll(const std::string& description, Property&& property) {
  const bool held = rc::check(description, std::forward<Property>(property));
  REQUIRE(held);
}

}  // namespace prefixmesh::test
