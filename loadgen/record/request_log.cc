#include "loadgen/record/request_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "impl/base/check.h"
#include "impl/base/whole_file.h"

namespace prefixmesh::load {
namespace {

struct Header {
  char magic[8] = {'P', 'M', 'R', 'E', 'Q', 'L', 'O', 'G'};
  std::uint32_t version = 1;
  std::uint32_t record_bytes = sizeof(RequestRecord);
  std::uint64_t fingerprint = 0;
  std::uint64_t requests = 0;
  std::uint64_t reserved[4] = {};
};
static_assert(sizeof(Header) == 64);

off_t PlaceOf(std::size_t index) { return static_cast<off_t>(sizeof(Header) + index * sizeof(RequestRecord)); }

// 0, or the errno of what went wrong.
int WriteAll(int file, const void* data, std::size_t bytes, off_t place) {
  const char* from = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t wrote = pwrite(file, from, bytes, place);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno;
    if (wrote == 0) return ENOSPC;
    from += wrote;
    place += wrote;
    bytes -= static_cast<std::size_t>(wrote);
  }
  return 0;
}

Result<std::vector<RequestRecord>> ReadRecords(int file, const std::string& path, std::size_t requests) {
  std::vector<RequestRecord> records(requests);
  char* into = reinterpret_cast<char*>(records.data());
  std::size_t left = requests * sizeof(RequestRecord);
  off_t place = PlaceOf(0);
  while (left > 0) {
    const ssize_t got = pread(file, into, left, place);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{ErrorCode::kUnavailable, path + ": " + std::strerror(errno)};
    if (got == 0) break;  // holes at the end that Finish has not filled
    into += got;
    place += got;
    left -= static_cast<std::size_t>(got);
  }
  for (RequestRecord& record : records) {
    if (record.outcome == Outcome::kNeverSent) record.worker = kNoWorkerNumber;
  }
  return records;
}

}  // namespace

const char* StatusName(std::uint32_t status) {
  static constexpr const char* kNames[] = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  return status < std::size(kNames) ? kNames[status] : "UNKNOWN";
}

RequestLog::RequestLog(int file, std::string path, std::size_t requests)
    : file_(file), path_(std::move(path)), requests_(requests) {}

RequestLog::~RequestLog() {
  close(file_);
  if (!finished_) unlink(PartialName(path_).c_str());
}

Result<std::unique_ptr<RequestLog>> RequestLog::Create(const std::string& path, std::uint64_t fingerprint,
                                                       std::size_t requests) {
  const int file = open(PartialName(path).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return WriteError(path, errno);
  std::unique_ptr<RequestLog> log(new RequestLog(file, path, requests));
  Header header;
  header.fingerprint = fingerprint;
  header.requests = requests;
  if (const int error = WriteAll(file, &header, sizeof header, 0); error != 0) return WriteError(path, error);
  return log;
}

void RequestLog::Write(std::size_t index, const RequestRecord& record) {
  PREFIXMESH_CHECK(index < requests_);
  if (failed()) return;
  if (const int error = WriteAll(file_, &record, sizeof record, PlaceOf(index)); error != 0) first_error_ = error;
}

Status RequestLog::Finish() {
  // A hole reads as zeros, which is kNeverSent but for the worker; only the length has to be right.
  if (!failed() && ftruncate(file_, PlaceOf(requests_)) != 0) first_error_ = errno;
  if (!failed() && fsync(file_) != 0) first_error_ = errno;
  if (!failed() && std::rename(PartialName(path_).c_str(), path_.c_str()) != 0) first_error_ = errno;
  finished_ = !failed();
  return state();
}

Status RequestLog::state() const {
  if (failed()) return WriteError(path_, first_error_);
  return {};
}

Result<std::vector<RequestRecord>> RequestLog::Read() const { return ReadRecords(file_, path_, requests_); }

Result<std::vector<RequestRecord>> ReadRequestLog(const std::string& path, std::uint64_t fingerprint) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Error{ErrorCode::kUnavailable, path + ": " + std::strerror(errno)};
  const auto refuse = [&](const char* why) -> Error {
    close(file);
    return Error{ErrorCode::kInvalid, path + ": " + why};
  };
  Header header;
  const Header expected;
  if (pread(file, &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header) ||
      std::memcmp(header.magic, expected.magic, sizeof header.magic) != 0 || header.version != expected.version ||
      header.record_bytes != expected.record_bytes)
    return refuse("is not a request log");
  if (header.fingerprint != fingerprint) return refuse("is of another plan");
  if (lseek(file, 0, SEEK_END) != PlaceOf(header.requests)) return refuse("is cut short");
  Result<std::vector<RequestRecord>> records = ReadRecords(file, path, header.requests);
  close(file);
  return records;
}

}  // namespace prefixmesh::load
