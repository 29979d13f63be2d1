// Goal: the ledger keeps what was written in any order, and a full disk is told once and never crashes.
#include "loadgen/record/request_log.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "impl/base/whole_file.h"

namespace prefixmesh::load {
namespace {

std::string TemporaryPath() {
  char path[] = "/tmp/prefixmesh-log-XXXXXX";
  close(mkstemp(path));
  return path;
}

TEST_CASE("RequestLog: records come back in plan order, missing ones as never sent") {
  const std::string path = TemporaryPath();
  unlink(path.c_str());
  const auto log = RequestLog::Create(path, 42, 10);
  REQUIRE(log.ok());
  RequestRecord record;
  record.outcome = Outcome::kOk;
  for (const std::size_t index : {7u, 2u}) {
    record.worker = static_cast<std::uint16_t>(index);
    (*log)->Write(index, record);
  }
  REQUIRE(access(path.c_str(), F_OK) != 0);  // it has its name when it is whole
  REQUIRE((*log)->Finish().ok());
  REQUIRE(access(path.c_str(), F_OK) == 0);
  const auto records = (*log)->Read();
  REQUIRE(records.ok());
  REQUIRE(records->size() == 10);
  REQUIRE((*records)[7].worker == 7);
  REQUIRE((*records)[2].worker == 2);
  REQUIRE((*records)[3].outcome == Outcome::kNeverSent);
  REQUIRE((*records)[9].worker == kNoWorkerNumber);

  const auto later = ReadRequestLog(path, 42);
  REQUIRE(later.ok());
  REQUIRE(later->size() == 10);
  REQUIRE((*later)[7].worker == 7);
  REQUIRE((*later)[9].worker == kNoWorkerNumber);
  REQUIRE(ReadRequestLog(path, 43).error().message == path + ": is of another plan");
  REQUIRE(truncate(path.c_str(), 700) == 0);
  REQUIRE(ReadRequestLog(path, 42).error().message == path + ": is cut short");
  REQUIRE(truncate(path.c_str(), 10) == 0);
  REQUIRE(ReadRequestLog(path, 42).error().message == path + ": is not a request log");
  unlink(path.c_str());
  REQUIRE_FALSE(ReadRequestLog(path, 42).ok());
}

TEST_CASE("RequestLog: a folder that is not there is named") {
  const auto log = RequestLog::Create("/nonexistent/requests.log", 0, 1);
  REQUIRE_FALSE(log.ok());
  REQUIRE(log.error().message == "cannot write /nonexistent/requests.log: No such file or directory");
}

TEST_CASE("RequestLog: a disk that is full is reported by Finish and stops the writing") {
  const std::string path = TemporaryPath(), partial = PartialName(path);
  unlink(path.c_str());
  REQUIRE(symlink("/dev/full", partial.c_str()) == 0);
  const auto log = RequestLog::Create(path, 0, 4);
  REQUIRE_FALSE(log.ok());
  REQUIRE(log.error().code == ErrorCode::kExhausted);
  REQUIRE(access(partial.c_str(), F_OK) != 0);

  // Full in the middle of the run: a file size limit stands in for the disk.
  auto filling = RequestLog::Create(path, 0, 1000);
  REQUIRE(filling.ok());
  REQUIRE((*filling)->state().ok());
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{4096, before.rlim_max};
  std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &tight);
  for (std::size_t i = 0; i < 1000; ++i) (*filling)->Write(i, {});
  const Status finished = (*filling)->Finish();
  setrlimit(RLIMIT_FSIZE, &before);
  REQUIRE_FALSE((*filling)->state().ok());
  REQUIRE_FALSE(finished.ok());
  REQUIRE(finished.error().code == ErrorCode::kExhausted);
  REQUIRE(finished.error().message == "cannot write " + path + ": File too large");
  *filling = nullptr;
  REQUIRE(access(path.c_str(), F_OK) != 0);
  REQUIRE(access(partial.c_str(), F_OK) != 0);
}

}  // namespace
}  // namespace prefixmesh::load
