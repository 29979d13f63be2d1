// window.h — one router's placement log as kept here: the records of [floor, head) of one (origin, incarnation).
//
// The origin appends and moves the floor; everyone else holds a verbatim copy. A record exists iff its window holds it:
// no tombstones, no clocks. Seqs start at 1 and have no gaps. Kept packed: 12 bytes a record and 8 an id. The sum of
// the records' hashes is kept beside them: equal windows have equal sums, whatever order they came in.
//
// Threads: mesh loop. Ownership: values; Record::ids is good until the next change. Errors: none.
// Bounds: bytes(); the owner calls DropOldest to stay under its budget. A window ends at kSeqMax.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "impl/base/ids.h"
#include "impl/sync/two_layer/names.h"

namespace prefixmesh::two_layer {

// The last seq a log can have; its writer takes a new incarnation before.
inline constexpr std::uint32_t kSeqMax = 0xfffffff0;
// Ids one record names at most.
inline constexpr std::size_t kRecordIdsMax = 512;

struct Record {
  std::uint32_t seq = 0;
  Slot scope = 0;   // in a Names<ScopeName>
  Slot worker = 0;  // in a Names<WorkerName>
  bool has_branch = false;
  std::vector<NodeId> ids;  // branch (if any), anchors shallowest first, leaf last; never empty

  NodeId leaf() const { return ids.back(); }
  std::uint64_t bytes() const { return 12 + ids.size() * sizeof(NodeId); }  // as kept
};

// Over everything a record says, names by their hashes: the same on every router.
std::uint64_t EntryHash(const Record& record, std::uint64_t scope_hash, std::uint64_t worker_hash);

class Window {
 public:
  std::uint32_t floor() const { return floor_; }                                               // lowest seq kept
  std::uint32_t head() const { return floor_ + static_cast<std::uint32_t>(headers_.size()); }  // next seq
  bool empty() const { return headers_.empty(); }
  // Seqs below it lie in the older half. A window that never dropped a record is not full and has none.
  std::uint32_t middle() const {
    return floor_ == 1 ? floor_ : floor_ + static_cast<std::uint32_t>(headers_.size()) / 2;
  }

  // Appends with seq = head(). The record's own seq is ignored.
  void Append(const Record& record);
  // Reads the record `seq` in [floor, head) into `record`, reusing its memory.
  void Read(std::uint32_t seq, Record& record) const;
  // What the record `seq` takes, as kept.
  std::uint64_t BytesOf(std::uint32_t seq) const {
    return sizeof(Header) + headers_[seq - floor_].id_count * sizeof(NodeId);
  }
  // The worker slot of the record `seq`.
  Slot WorkerOf(std::uint32_t seq) const { return headers_[seq - floor_].worker; }
  void DropOldest();
  // Moves an empty window to `floor`, for a copy that begins in the middle of a log.
  void Restart(std::uint32_t floor);

  // Sum of the entry hashes; the code that appends and drops keeps it.
  std::uint64_t sum = 0;

  std::uint64_t bytes() const { return headers_.size() * sizeof(Header) + ids_.size() * sizeof(NodeId); }
  std::uint64_t count() const { return headers_.size(); }

 private:
  struct Header {
    std::uint32_t first_id;  // low 32 bits of the id's running number
    Slot scope;
    Slot worker;
    std::uint16_t id_count;
    bool has_branch;
  };
  std::deque<Header> headers_;
  std::deque<NodeId> ids_;
  std::uint64_t ids_dropped_ = 0;
  std::uint32_t floor_ = 1;
};

}  // namespace prefixmesh::two_layer
