// Goal: a file is as it was or as it is meant to be, whatever fails, and nothing is left beside it. Method: /dev/full
// and a file size limit stand in for a full disk.
#include "impl/base/whole_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/temp_dir.h"

namespace prefixmesh {
namespace {

namespace fs = std::filesystem;

struct Scratch : prefixmesh::test::TempDir {
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path()), fs::directory_iterator()));
  }
};

std::string TextOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("WriteWholeFile: the text is there under its name, and nothing else") {
  const Scratch folder;
  const std::string path = folder / "a b ü.json", text = std::string("{\0}", 3) + std::string(1 << 20, 'x');
  for (const std::string& each : {text, std::string("short"), std::string()}) {
    REQUIRE(WriteWholeFile(path, each).ok());
    REQUIRE(TextOf(path) == each);
    REQUIRE(folder.files() == 1);
  }
}

void StaysAsItWas(const Scratch& folder, const std::string& text, rlim_t bytes_max) {
  const std::string path = folder / "result.json";
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{bytes_max, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  const Status written = WriteWholeFile(path, text);
  setrlimit(RLIMIT_FSIZE, &before);
  REQUIRE_FALSE(written.ok());
  REQUIRE(written.error().code == ErrorCode::kExhausted);
  REQUIRE(written.error().message.starts_with("cannot write " + path + ": "));
  REQUIRE(TextOf(path) == "before");
  REQUIRE(folder.files() == 1);
}

TEST_CASE("WriteWholeFile: a full disk leaves what was there, and one line that names the file") {
  const Scratch folder;
  std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(WriteWholeFile(folder / "result.json", "before").ok());
  StaysAsItWas(folder, std::string(10000, 'x'), 4096);  // room for a part of it
  REQUIRE(symlink("/dev/full", PartialName(folder / "result.json").c_str()) == 0);
  StaysAsItWas(folder, "after", RLIM_INFINITY);  // room for nothing
}

TEST_CASE("WriteWholeFile: a folder that is missing, and a folder in the file's place, are said") {
  const Scratch folder;
  for (const std::string& path : {folder / "none/result.json", folder / ""}) {
    const Status written = WriteWholeFile(path, "text");
    REQUIRE_FALSE(written.ok());
    REQUIRE(written.error().code == ErrorCode::kUnavailable);
  }
  REQUIRE(folder.files() == 0);
}

TEST_CASE("WriteWholeFile: a link stays a link, and the file it leads to is replaced") {
  const Scratch folder;
  REQUIRE(WriteWholeFile(folder / "real", "before").ok());
  REQUIRE(symlink("real", (folder / "link").c_str()) == 0);
  REQUIRE(WriteWholeFile(folder / "link", "after").ok());
  REQUIRE(fs::is_symlink(folder / "link"));
  REQUIRE(TextOf(folder / "real") == "after");
}

TEST_CASE("WriteWholeFile: what is no regular file is written to, not replaced") {
  const Scratch folder;
  REQUIRE(symlink("/dev/null", (folder / "null").c_str()) == 0);
  REQUIRE(WriteWholeFile(folder / "null", "text").ok());
  REQUIRE(fs::is_character_file(folder / "null"));
  const Status full = WriteWholeFile("/dev/full", "text");
  REQUIRE_FALSE(full.ok());
  REQUIRE(full.error().message == "cannot write /dev/full: No space left on device");
}

TEST_CASE("ReadWholeFile: a regular file up to the bound, and nothing that would not end") {
  const Scratch folder;
  const std::string path = folder / "file", text = std::string("{\0}", 3) + std::string(200'000, 'x');
  REQUIRE(WriteWholeFile(path, text).ok());
  REQUIRE(*ReadWholeFile(path, text.size()) == text);
  REQUIRE(ReadWholeFile(path, text.size() - 1).error().code == ErrorCode::kTooBig);
  REQUIRE(ReadWholeFile("/dev/zero", 1 << 20).error().message == "/dev/zero: is not a regular file");
  REQUIRE(ReadWholeFile(folder / ".", 10).error().message.find("is not a regular file") != std::string::npos);
  REQUIRE(ReadWholeFile(folder / "none", 10).error().message.find("No such file") != std::string::npos);
  const std::string pipe = folder / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  REQUIRE_FALSE(ReadWholeFile(pipe, 10).ok());  // nobody writes to it, and nobody waits for that
}

}  // namespace
}  // namespace prefixmesh
