// temp_dir.h — a folder of a test's own; gone with it. Threads: any. Errors: the test fails.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace prefixmesh::test {

class TempDir {
 public:
  TempDir() : path_(std::filesystem::temp_directory_path() / "prefixmesh-test-XXXXXX") {
    REQUIRE(mkdtemp(path_.data()) != nullptr);
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace prefixmesh::test
