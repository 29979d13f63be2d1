// request_log.h — what became of every request, one fixed-size record each, on disk: the ledger of a run.
//
// Record i of the file belongs to request i of the plan, so completions may come in any order and the drain phase reads
// back only what it needs. On disk, because it must not show up as memory of the generator.
//
//   | header, 64 bytes | record 0 | record 1 | …      little endian, in the machine's layout of RequestRecord
//
// Threads: Write from any (pwrite, no lock); Finish and Read when nobody writes. Errors: the first failed write (a full
// disk) is kept, later ones do nothing, Finish returns it: the run is then incomplete and says so. The file has its
// name from Finish on; until then it is NAME.partial, which goes with a log that never was finished. Ownership: closes
// its file. Bounds: 72 bytes x requests.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "impl/base/result.h"

namespace prefixmesh::load {

enum class Outcome : std::uint8_t {
  kNeverSent = 0,  // dropped, or the run ended before
  kOk = 1,
  kFailed = 2,   // a status other than OK, or an incomplete reply
  kTimeout = 3,  // not finished within load.timeout_s
};

// The worker of a request that was never routed.
inline constexpr std::uint16_t kNoWorkerNumber = 0xffff;

struct RequestRecord {
  std::int64_t intended_ns = 0;  // from the start of the warm-up, as all times here
  std::int64_t sent_ns = 0;
  std::int64_t routed_ns = 0;
  std::int64_t first_token_ns = 0;
  std::int64_t done_ns = 0;
  std::uint64_t worker_incarnation = 0;
  std::uint32_t prompt_bytes = 0;  // as the worker counted it
  std::uint32_t cached_bytes = 0;
  std::uint32_t matched_bytes = 0;  // as the router believed it
  std::uint16_t worker = kNoWorkerNumber;
  std::uint16_t router = 0;
  Outcome outcome = Outcome::kNeverSent;
  std::uint8_t phase = 0;
  std::uint8_t reason = 0;    // prefixmesh.v1.DecisionReason
  std::uint8_t inserted = 0;  // the router's index learned this placement
  std::uint32_t status = 0;   // grpc::StatusCode
};
static_assert(sizeof(RequestRecord) == 72);

// Of RequestRecord::status, as gRPC's documents spell it.
const char* StatusName(std::uint32_t status);

class RequestLog {
 public:
  static Result<std::unique_ptr<RequestLog>> Create(const std::string& path, std::uint64_t fingerprint,
                                                    std::size_t requests);
  ~RequestLog();
  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;

  void Write(std::size_t index, const RequestRecord& record);
  // Writes what is still missing as never sent, gives the file its name, and reports the first error of all.
  Status Finish();
  // All records, in plan order.
  Result<std::vector<RequestRecord>> Read() const;
  // The first write that failed, if any has by now.
  Status state() const;

 private:
  RequestLog(int file, std::string path, std::size_t requests);
  bool failed() const { return first_error_.load(std::memory_order_relaxed) != 0; }

  const int file_;
  const std::string path_;
  const std::size_t requests_;
  bool finished_ = false;
  std::atomic<int> first_error_{0};  // an errno
};

// All records of a finished log, in plan order. kInvalid, one line, for what is no log of the plan with this
// fingerprint.
Result<std::vector<RequestRecord>> ReadRequestLog(const std::string& path, std::uint64_t fingerprint);

}  // namespace prefixmesh::load
