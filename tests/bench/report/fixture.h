// fixture.h — the synthetic results that the report's tests read (make_fixtures.py makes them).
#pragma once

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace prefixmesh::bench {

inline nlohmann::json Fixture(const std::string& name) {
  std::ifstream file("tests/bench/report/fixture_" + name + ".json");
  REQUIRE(file);
  return nlohmann::json::parse(file);
}

}  // namespace prefixmesh::bench
