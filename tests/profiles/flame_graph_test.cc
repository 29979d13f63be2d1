// Flame graphs: widths are shares of the cost, names are escaped, what is drawn has a bound.
#include "profiles/flame_graph.h"

#include <catch2/catch.hpp>

namespace prefixmesh::profiles {
namespace {

std::size_t Count(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++count;
  return count;
}

TEST_CASE("a call is as wide as it and its callees cost") {
  const std::string svg =
      FlameGraphSvg("main;a;b 600\nmain;a 200\nmain;c<int> 200\nno cost\n", bench::Quantity::kCount, "t");
  CHECK(svg.find("<title>all: 1,000 (100.0 %)") != std::string::npos);
  CHECK(svg.find("<title>a: 800 (80.0 %)") != std::string::npos);
  CHECK(svg.find("<title>b: 600 (60.0 %)") != std::string::npos);
  CHECK(svg.find("<title>c: 200 (20.0 %)") != std::string::npos);
  CHECK(Count(svg, "<rect") == 5);
  CHECK(svg.find("x=\"928.0\" y=\"34\" width=\"231.5\"") != std::string::npos);  // c, right of a, in the third row
}

TEST_CASE("what a stack says cannot leave its text") {
  const std::string svg = FlameGraphSvg("\"><script>x(\"a\") 5\n", bench::Quantity::kBytes, "<&>");
  CHECK(svg.find("<script") == std::string::npos);
  CHECK(svg.find("aria-label=\"&lt;&amp;&gt;\"") != std::string::npos);
}

TEST_CASE("deep and many stacks are drawn up to the bounds, nothing at all as an empty picture") {
  std::string deep, many;
  for (int i = 0; i < 500; ++i) deep += "f" + std::to_string(i) + ";";
  CHECK(Count(FlameGraphSvg(deep + " 1\n", bench::Quantity::kCount, "t"), "<rect") == kDepthMax + 1);
  for (int i = 0; i < 900; ++i) {
    std::string stack;
    for (int level = 0; level < 20; ++level) stack += "g" + std::to_string(i) + "_" + std::to_string(level) + ";";
    many += stack + " 1\n";
  }
  CHECK(Count(FlameGraphSvg(many, bench::Quantity::kCount, "t"), "<rect") == kFramesMax);
  CHECK(Count(FlameGraphSvg("", bench::Quantity::kCount, "t"), "<rect") == 0);
}

}  // namespace
}  // namespace prefixmesh::profiles
