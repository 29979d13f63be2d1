// engine_scripts.h — what tests of engines' KV events share: a script to talk to, and token prompts.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/process/child.h"
#include "impl/base/mutex.h"
#include "tests/real/running_router.h"

namespace prefixmesh::test {

inline constexpr std::uint32_t kBlockTokens = 16;

// A script that answers a line with a line.
class Script {
 public:
  Script(const std::string& name, std::vector<std::string> arguments) {
    std::vector<std::string> argv{"/usr/bin/python3", "tests/real/" + name + ".py"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    auto started = bench::Child::Start(
        {.name = name, .argv = std::move(argv), .stderr_path = "/dev/null", .on_line = [this](const std::string& line) {
           MutexLock lock(mutex_);
           lines_.push_back(line);
         }});
    REQUIRE(started.ok());
    child_ = std::move(*started);
    REQUIRE(Next() == "ready");
  }
  std::string Do(const std::string& command) {
    REQUIRE(child_->WriteLine(command));
    return Next();
  }

 private:
  std::string Next() {
    std::string line;
    REQUIRE(Eventually([&] {
      MutexLock lock(mutex_);
      if (lines_.empty()) return false;
      line = lines_.front();
      lines_.erase(lines_.begin());
      return true;
    }));
    return line;
  }
  Mutex mutex_;
  std::vector<std::string> lines_ PREFIXMESH_GUARDED_BY(mutex_);
  std::unique_ptr<bench::Child> child_;
};

// Tokens of a prompt, as engines and as requests write them.
inline std::vector<std::uint32_t> Tokens(std::size_t count, std::uint32_t seed) {
  std::vector<std::uint32_t> tokens;
  for (std::size_t i = 0; i < count; ++i) tokens.push_back(seed * 1000 + static_cast<std::uint32_t>(i));
  return tokens;
}
inline std::string TokenPrompt(const std::vector<std::uint32_t>& tokens) {
  std::string prompt;
  for (const std::uint32_t token : tokens)
    for (int i = 0; i < 4; ++i) prompt.push_back(static_cast<char>(token >> (8 * i)));
  return prompt;
}

}  // namespace prefixmesh::test
