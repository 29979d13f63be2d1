// Goal: what a stranger says is one line of a log and looks like nothing else. Oracle: every byte there is.
#include "impl/base/printable.h"

#include <catch2/catch.hpp>

namespace prefixmesh {
namespace {

TEST_CASE("Printable: one line of printable ASCII, whatever came, and not longer than said") {
  REQUIRE(Printable("deadline exceeded") == "deadline exceeded");
  REQUIRE(Printable("x\n[2026-01-01] [error] forged\x1b[31m\r") == "x?[2026-01-01] [error] forged?[31m?");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const char c : Printable(all, 256)) REQUIRE((c >= 0x20 && c < 0x7f));
  REQUIRE(Printable(std::string(7000, 'x'), 100) == std::string(100, 'x') + "...");
}

}  // namespace
}  // namespace prefixmesh
