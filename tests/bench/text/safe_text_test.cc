// Goal: text of anybody stays text in HTML and on a terminal.
#include "bench/text/safe_text.h"

#include <catch2/catch.hpp>

namespace prefixmesh::bench {
namespace {

TEST_CASE("Safe text: nothing of it can run, move the cursor or take more columns than it may") {
  CHECK(EscapeHtml("<a href=\"x\">'&'</a>") == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  CHECK(EscapeHtml("µ\xff\x1b") == "µ\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(TerminalText("a\x1b[31m\nb\xff", 20) == "a?[31m?b?");
  CHECK(TerminalText("abcdefgh", 5) == "abc..");
  CHECK(Shortened("µµµµ", 3) == "µµ…");
}

}  // namespace
}  // namespace prefixmesh::bench
