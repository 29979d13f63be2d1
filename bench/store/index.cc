#include "bench/store/index.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "bench/process/file_lock.h"
#include "bench/result/read_json.h"
#include "bench/result/utc.h"
#include "impl/base/whole_file.h"

namespace prefixmesh::bench {
namespace {

namespace fs = std::filesystem;

Error Failed(const std::string& path, const char* what) {
  return Error{ErrorCode::kUnavailable, path + ": " + what + ": " + std::strerror(errno)};
}

class OpenFile {
 public:
  OpenFile(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// Where the last whole line ends: what is behind it is of an append that never returned.
Result<off_t> EndOfLines(int fd, const std::string& path) {
  off_t end = lseek(fd, 0, SEEK_END);
  if (end < 0) return Failed(path, "cannot seek");
  char buffer[kAppendedBytesMax + 1];
  while (end > 0) {
    const off_t begin = std::max<off_t>(0, end - static_cast<off_t>(sizeof buffer));
    const ssize_t got = pread(fd, buffer, static_cast<std::size_t>(end - begin), begin);
    if (got <= 0) return Failed(path, "cannot read");
    const std::string_view part(buffer, static_cast<std::size_t>(got));
    if (const std::size_t at = part.rfind('\n'); at != std::string_view::npos)
      return begin + static_cast<off_t>(at) + 1;
    end = begin;
  }
  return end;
}

bool IsRecordedResult(const nlohmann::json& json) {
  return json.is_object() && json.contains("schema_version") && json.contains("run_id") && json.contains("routers");
}

Status AddResult(const std::string& file, RunList& list) {
  const Result<nlohmann::json> result = ReadResult(file);
  if (!result.ok()) return result.error();
  Result<RunLine> line = RunLineOf(*result);
  if (!line.ok()) return Error{line.error().code, file + ": " + line.error().message};
  list.lines.push_back(std::move(*line));
  return {};
}

// All *.json below `folder`, in order of their paths.
Result<std::vector<std::string>> JsonFilesBelow(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::recursive_directory_iterator each(folder, error), end; !error && each != end; each.increment(error))
    if (each->path().filename() == "warm-up" && each->is_directory(error)) {
      each.disable_recursion_pending();  // of an A/B: made and thrown away
    } else if (each->path().extension() == ".json" && each->is_regular_file(error))
      files.push_back(each->path().string());
  if (error) return Error{ErrorCode::kUnavailable, folder + ": " + error.message()};
  std::sort(files.begin(), files.end());
  return files;
}

// What cannot be read is an error, or a note if `lenient`.
Status AddFolder(const std::string& folder, bool lenient, RunList& list) {
  const Result<std::vector<std::string>> files = JsonFilesBelow(folder);
  if (!files.ok()) return files.error();
  for (const std::string& file : *files) {
    const Result<nlohmann::json> json = ReadJson(file);
    if (json.ok() && !IsRecordedResult(*json)) continue;
    const Status added = json.ok() ? AddResult(file, list) : Status(json.error());
    if (!added.ok() && !lenient) return added;
    if (!added.ok()) list.notes.push_back("left out: " + added.error().message);
  }
  return {};
}

void SortAndKeepOnce(RunList& list) {
  SortByStart(list.lines);
  std::unordered_set<std::string> seen;
  std::erase_if(list.lines, [&](const RunLine& line) { return !seen.insert(line.run_id).second; });
}

}  // namespace

Result<std::vector<std::string>> ResultFilesOf(const std::string& path) {
  if (!HoldsNoResult(path)) return std::vector<std::string>{path};
  const Result<std::vector<std::string>> files = JsonFilesBelow(path);
  if (!files.ok()) return files.error();
  std::vector<std::string> results;
  for (const std::string& file : *files) {
    const Result<nlohmann::json> json = ReadJson(file);
    if (!json.ok()) return json.error();
    if (IsRecordedResult(*json)) results.push_back(file);
  }
  if (results.empty()) return Error{ErrorCode::kNotFound, HoldsNoResultText(path)};
  return results;
}

Result<std::vector<std::string>> ReadWholeLines(const std::string& file) {
  const Result<std::string> text = ReadWholeFile(file, kIndexBytesMax);
  if (!text.ok()) return text.error();
  std::vector<std::string> lines;
  for (std::string_view rest = *text;;) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return lines;
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
}

Status AppendLine(const std::string& file, const std::string& line) {
  const std::string text = line + "\n";
  if (line.size() > kAppendedBytesMax || line.find('\n') != std::string::npos)
    return Error{ErrorCode::kTooBig, file + ": a line of " + std::to_string(line.size()) + " bytes is too long"};
  const OpenFile open_file(file, O_RDWR | O_CREAT);
  const int fd = open_file.fd();
  if (fd < 0) return Failed(file, "cannot open");
  if (Status locked = LockWithin(fd, file, kLockWait); !locked.ok()) return locked;
  const Result<off_t> end = EndOfLines(fd, file);
  if (!end.ok()) return end.error();
  if (ftruncate(fd, *end) != 0) return Failed(file, "cannot cut an unfinished line");
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t put = pwrite(fd, text.data() + done, text.size() - done, *end + static_cast<off_t>(done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return WriteError(file, errno);
    done += static_cast<std::size_t>(put);
  }
  if (fsync(fd) != 0) return WriteError(file, errno);
  return {};
}

Result<RunList> ReadIndex(const std::string& file) {
  const Result<std::vector<std::string>> texts = ReadWholeLines(file);
  if (!texts.ok()) return texts.error();
  RunList list;
  std::uintmax_t bytes = 0;
  for (std::size_t i = 0; i < texts->size(); ++i) {
    bytes += (*texts)[i].size() + 1;
    Result<RunLine> line = ParseRunLine((*texts)[i]);
    if (!line.ok()) return Error{line.error().code, file + ":" + std::to_string(i + 1) + ": " + line.error().message};
    list.lines.push_back(std::move(*line));
  }
  std::error_code error;
  if (fs::file_size(file, error) > bytes && !error)
    list.notes.push_back(file + ":" + std::to_string(texts->size() + 1) + ": left out: its end was never written");
  SortAndKeepOnce(list);
  return list;
}

Status AppendToIndex(const std::string& file, const RunLine& line) {
  const std::string text = ToJsonLine(line);
  if (text.size() > kRunLineBytesMax)
    return Error{ErrorCode::kTooBig, line.run_id + ": its line is " + std::to_string(text.size()) + " bytes"};
  return AppendLine(file, text);
}

Result<RunList> ReadRuns(const std::vector<std::string>& paths) {
  RunList all;
  for (const std::string& path : paths) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
      const std::string index = path + "/" + kIndexName;
      if (fs::exists(path + "/result.json", error)) {
        if (Status added = AddResult(path, all); !added.ok()) return added.error();
      } else if (fs::exists(index, error)) {
        Result<RunList> some = ReadIndex(index);
        if (!some.ok()) return some.error();
        all.lines.insert(all.lines.end(), some->lines.begin(), some->lines.end());
        all.notes.insert(all.notes.end(), some->notes.begin(), some->notes.end());
      } else {
        const std::size_t before = all.lines.size();
        if (Status added = AddFolder(path, false, all); !added.ok()) return added.error();
        if (all.lines.size() == before) all.notes.push_back("left out: " + HoldsNoResultText(path));
      }
    } else if (fs::path(path).extension() == ".jsonl") {
      Result<RunList> some = ReadIndex(path);
      if (!some.ok()) return some.error();
      all.lines.insert(all.lines.end(), some->lines.begin(), some->lines.end());
      all.notes.insert(all.notes.end(), some->notes.begin(), some->notes.end());
    } else if (Status added = AddResult(path, all); !added.ok()) {
      return added.error();
    }
  }
  SortAndKeepOnce(all);
  return all;
}

Result<RunList> ReadRecorded(const std::string& results) {
  std::error_code error;
  if (!fs::exists(results, error) && !error)
    return Error{ErrorCode::kNotFound, results + ": no folder of recorded runs is here; --results DIR names one"};
  RunList list;
  if (Status added = AddFolder(results, true, list); !added.ok()) return added.error();
  SortAndKeepOnce(list);
  return list;
}

Result<std::vector<std::string>> RebuildIndex(const std::string& results) {
  const OpenFile folder(results, O_RDONLY | O_DIRECTORY);
  if (folder.fd() >= 0) {
    if (Status locked = LockWithin(folder.fd(), results, kLockWait); !locked.ok()) return locked.error();
  }
  const Result<RunList> recorded = ReadRecorded(results);
  if (!recorded.ok()) return recorded.error();
  std::string text;
  for (const RunLine& line : recorded->lines) text += ToJsonLine(line) + "\n";
  if (Status written = WriteWholeFile(results + "/" + kIndexName, text); !written.ok()) return written.error();
  return recorded->notes;
}

Status AddToStore(const std::string& store, const RunLine& line, const nlohmann::json& result) {
  const std::string runs = store + "/runs";
  std::error_code error;
  fs::create_directories(runs, error);
  if (error) return Error{ErrorCode::kUnavailable, runs + ": " + error.message()};
  // The result first: a line says that there was a run, so it comes when nothing of the run can be lost any more.
  if (Status kept = WriteWholeFile(runs + "/" + line.run_id + ".json", result.dump() + "\n"); !kept.ok()) return kept;
  if (Status added = AppendToIndex(store + "/" + kIndexName, line); !added.ok()) return added;
  return {};
}

void ForgetOldRuns(const std::string& store, std::int64_t now_unix_s, std::uint32_t keep_days) {
  const std::string oldest = UtcCompactText(now_unix_s - static_cast<std::int64_t>(keep_days) * 86400);
  std::error_code error;
  std::vector<fs::path> old;
  for (fs::directory_iterator each(store + "/runs", error), end; !error && each != end; each.increment(error))
    if (const std::string name = each->path().filename().string(); name.size() > oldest.size() && name < oldest)
      old.push_back(each->path());
  for (const fs::path& file : old) fs::remove(file, error);
}

}  // namespace prefixmesh::bench
