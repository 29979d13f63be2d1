#include "bench/run/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "bench/build_info.h"
#include "bench/result/read_json.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {

namespace fs = std::filesystem;

Result<FolderLock> FolderLock::Take(const std::string& folder, const std::string& option) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error == std::errc::no_space_on_device)
    return Error{ErrorCode::kExhausted, option + " " + folder + ": " + error.message()};
  if (error) return Error{ErrorCode::kInvalid, option + " " + folder + ": " + error.message()};
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Error{ErrorCode::kInvalid, option + " " + folder + ": " + std::strerror(errno)};
  FolderLock lock(fd);
  if (access(folder.c_str(), R_OK | W_OK | X_OK) != 0)
    return Error{ErrorCode::kInvalid, option + " " + folder + ": " + std::strerror(errno)};
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return lock;  // a file system without locks
  return Error{ErrorCode::kInvalid, option + " " + folder + ": another prefixmesh is at work in it"};
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) close(fd_);
}

bool Exists(const std::string& path) {
  std::error_code unknown;
  return fs::exists(path, unknown);
}

bool HoldsRun(const RunRequest& request) {
  const Result<nlohmann::json> read = ReadJson(request.out + "/result.json");
  if (BuildDirty() || !read.ok() || !read->is_object()) return false;
  const nlohmann::json& result = *read;
  try {
    return result.at("strategy") == request.strategy && result.at("seed") == request.seed &&
           result.at("build").at("commit") == BuildCommit() && result.at("build").at("dirty") == false &&
           result.at("verdict") != VerdictName(Verdict::kFailed) &&
           result.at("scenario").at("settings") == nlohmann::json::parse(load::SettingsValuesJson(request.settings));
  } catch (const nlohmann::json::exception&) {
    return false;  // not a result of ours
  }
}

Status MoveAside(const std::string& folder, const std::string& why) {
  std::string aside;
  for (int i = 1; aside.empty() || Exists(aside); ++i) aside = folder + "." + why + "-" + std::to_string(i);
  std::error_code error;
  fs::rename(folder, aside, error);
  if (error) return Error{ErrorCode::kInvalid, folder + ": cannot be moved aside: " + error.message()};
  return {};
}

}  // namespace prefixmesh::bench
