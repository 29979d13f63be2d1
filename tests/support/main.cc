// Start here for what tests share: this is Catch2's main, the headers are worlds that a test moves by hand, and
// oracles.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
