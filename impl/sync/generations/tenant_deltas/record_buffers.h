// record_buffers.h — the records of tenant-deltas that no stream took yet, by model; and with H1 fixed copies of what
// is under way, by stream and key, until the peer acknowledges it.
//
//   Add ─► buffers ─TakeAll─► a batch, whatever becomes of it (W5)
//             ▲                  └ KeepUnderWay (H1 fixed) ─► Forget: it came, or is gone for good
//             └──────────────────────── PutBack: the queue was full, or the stream ended
//
// Threads: mesh loop. Ownership: owns the records. Time and errors: none. Bounds: none while no peer is connected
// (historical). Sizes are running totals, those under way included, as malloc cuts them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "impl/base/ids.h"
#include "impl/wire/tenant_delta.h"

namespace prefixmesh::generations {

class RecordBuffers {
 public:
  struct Records {  // oldest first
    std::vector<TenantInsert> inserts;
    std::vector<TenantEviction> evictions;
    std::size_t size() const { return inserts.size() + evictions.size(); }
  };

  void Add(const std::string& model, TenantInsert record);
  void Add(const std::string& model, TenantEviction record);
  // All that is buffered, by model.
  std::map<std::string, Records> TakeAll();

  void KeepUnderWay(PeerIndex peer, const std::string& key, Records records);
  void Forget(PeerIndex peer, const std::string& key);
  // What the stream has under way goes back, before what came since.
  void PutBack(PeerIndex peer);

  std::uint64_t records() const { return records_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  template <typename Record>
  void AddTo(std::vector<Record>& list, Record record);
  static std::uint64_t BytesOf(const Records& records);
  // Into the running totals, and out of them.
  void Count(const Records& records);
  void Discount(const Records& records);

  std::map<std::string, Records> buffers_;
  std::map<PeerIndex, std::map<std::string, Records>> under_way_;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace prefixmesh::generations
