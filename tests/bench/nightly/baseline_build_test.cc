// The baseline's build from a commit. Method: a small repository whose `run` leaves a prefixmesh that tells its commit.
#include "bench/nightly/baseline_build.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"

namespace prefixmesh::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRun =
    "#!/bin/sh\n"
    "cd \"$(dirname \"$0\")\" || exit 1\n"
    "echo built >> ../../../builds\n"
    "mkdir -p build/release/bin\n"
    "commit=$(git rev-parse HEAD)\n"
    "printf '#!/bin/sh\\necho prefixmesh 0.1.0, commit %s\\n' \"$commit\" > build/release/bin/prefixmesh\n"
    "chmod +x build/release/bin/prefixmesh\n";

// The working folder is the repository as long as this lives.
class Repository {
 public:
  Repository() : before_(fs::current_path()) {
    fs::current_path(dir_.path());
    Shell("git init -q . && git config user.email a@b && git config user.name a");
    Commit(kRun);
  }
  ~Repository() { fs::current_path(before_); }
  void Shell(const std::string& command) {
    INFO(command);
    REQUIRE(std::system((command + " >/dev/null 2>&1").c_str()) == 0);
  }
  void Commit(const std::string& run) {
    std::ofstream("run") << run;
    Shell("chmod +x run && git add run && git commit -qm change --allow-empty");
  }
  std::string Head() {
    Shell("sh -c 'git rev-parse HEAD > .git/head-commit'");
    std::string commit;
    std::ifstream(".git/head-commit") >> commit;
    return commit;
  }
  std::size_t Builds() const {
    std::ifstream in("builds");
    std::string line;
    std::size_t count = 0;
    while (std::getline(in, line)) ++count;
    return count;
  }
  ab::Build own;  // what runs
  Result<ab::Build> Build(const std::string& revision) {
    return BuildBaseline(revision, own, [](const std::string&) {});
  }

 private:
  const fs::path before_;
  test::TempDir dir_;
};

TEST_CASE("the commit that runs is not built again, unless what runs has changes of its own") {
  Repository repository;
  const Result<ab::Build> head = repository.Build("HEAD");
  REQUIRE(head.ok());
  REQUIRE(repository.Builds() == 1);
  repository.Commit(std::string(kRun) + "# changed\n");
  repository.Commit(kRun);
  repository.own = {"/own/bin", repository.Head(), false};
  const Result<ab::Build> own = repository.Build("HEAD");
  REQUIRE(own.ok());
  CHECK(own->bin_dir == "/own/bin");
  CHECK(repository.Builds() == 1);
  repository.own.dirty = true;
  CHECK(repository.Build("HEAD")->bin_dir != "/own/bin");
  CHECK(repository.Builds() == 2);
}

TEST_CASE("a baseline is built once from its commit, and another one takes its place") {
  Repository repository;
  const Result<ab::Build> first = repository.Build("HEAD");
  REQUIRE(first.ok());
  CHECK(first->bin_dir.find("/build/baselines/" + first->commit.substr(0, 12)) != std::string::npos);
  CHECK(repository.Build("HEAD")->bin_dir == first->bin_dir);
  CHECK(repository.Builds() == 1);
  repository.Commit(std::string(kRun) + "# another\n");
  const Result<ab::Build> second = repository.Build("HEAD");
  REQUIRE(second.ok());
  CHECK(second->commit != first->commit);
  CHECK(!fs::exists(first->bin_dir));
  CHECK(repository.Build("HEAD~1")->commit == first->commit);
  CHECK(repository.Builds() == 3);
}

TEST_CASE("what cannot be a baseline is one line that says why") {
  Repository repository;
  CHECK(repository.Build("no-such-tag").error().code == ErrorCode::kNotFound);
  CHECK(repository.Build("--help").error().code == ErrorCode::kNotFound);
  repository.Commit("#!/bin/sh\necho no compiler here >&2\nexit 2\n");
  const Result<ab::Build> broken = repository.Build("HEAD");
  REQUIRE(!broken.ok());
  CHECK(broken.error().code == ErrorCode::kUnavailable);
  CHECK(broken.error().message.find("no compiler here") != std::string::npos);
  CHECK(!repository.Build("HEAD").ok());  // what it left is no build
}

TEST_CASE("the last night that passed is kept by its commit") {
  const test::TempDir store;
  CHECK(!LastPassed(store.path())->has_value());
  REQUIRE(KeepLastPassed(store.path(), "0123456789abcdef", "20261129T031700Z").ok());
  CHECK(*LastPassed(store.path()) == "0123456789abcdef");
  std::ofstream(store / "last-passed.json") << "{";
  CHECK(!LastPassed(store.path()).ok());  // not as if none had passed: then a build would be its own baseline
}

}  // namespace
}  // namespace prefixmesh::bench
