// Goal: text that would overflow a parser's stack is found before it is parsed, and no other text is refused. Method:
// texts whose depth is known by how they are made, at the bound and one above.
#include "impl/base/nesting.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace prefixmesh;  // NOLINT

namespace {

std::string Times(std::size_t count, const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

bool Fits(const std::string& text) { return CheckNesting(text).ok(); }

}  // namespace

TEST_CASE("Nesting: brackets, tables and the parts of a key are levels, up to the bound") {
  for (const std::string level : {"[", "{", "{\"a\": ", "[\n", "{a=", "[1, '2', "}) {
    CHECK(Fits(Times(kNestingMax, level)));
    const Status deep = CheckNesting(Times(kNestingMax + 1, level));
    REQUIRE_FALSE(deep.ok());
    CHECK(deep.error().code == ErrorCode::kTooBig);
    CHECK(deep.error().message == "nested deeper than 64 levels");
  }
  CHECK(Fits(Times(kNestingMax, "a.") + "a = 1"));
  CHECK_FALSE(Fits(Times(kNestingMax + 1, "a.") + "a = 1"));
  CHECK_FALSE(Fits("[" + Times(kNestingMax, "a.") + "a]"));
  CHECK_FALSE(Fits(Times(kNestingMax + 1, "\"a\" . ") + "a = 1"));
  CHECK(Fits(Times(kNestingMax / 2, "{a.b=") + "1"));
  CHECK_FALSE(Fits(Times(kNestingMax / 2, "{a.b.c=") + "1"));
  CHECK_FALSE(Fits(Times(200'000, "[")));
  CHECK_FALSE(Fits(Times(30'800, "a.") + "a = 1"));
}

TEST_CASE("Nesting: what is closed, or stands side by side, does not add up") {
  CHECK(Fits("[" + Times(10'000, "{\"a\": [1.5, 2.5]},\n") + "{}]"));
  CHECK(Fits("x = [" + Times(10'000, "1.5, ") + "]"));
  CHECK(Fits(Times(10'000, "a.b.c = 1.5\n")));
  CHECK(Fits(Times(10'000, "[a.b.c]\n")));
  CHECK(Fits(Times(10'000, "]}")));
}

TEST_CASE("Nesting: strings and comments hide what they hold, and nothing behind them") {
  const std::string deep = Times(kNestingMax + 1, "[");
  for (const std::string& hidden : std::vector<std::string>{
           "\"" + deep + "\"", "\"\\\"" + deep + "\"", "'\\" + deep + "'", "\"\"\"\n\"" + deep + "\"\\\"\"\"\"",
           "'''" + deep + "''\n'''", "# \" ' " + deep + "\n", "\"\\\\\"", "'\\'", "\"\"", "''", "\"\"\"a\"\"\"\"\"",
           "'''a''''", "\"\"\"\"\"\"", "\"'\"", "'\"'"}) {
    INFO(hidden);
    CHECK(Fits("a = " + hidden));
    CHECK_FALSE(Fits("a = " + hidden + deep));
    CHECK_FALSE(Fits("a = " + hidden + "\n" + deep));
  }
  CHECK(Fits("\"" + deep));
  CHECK(Fits("\"\\"));
}
