// window.h — one router's placement log as kept here: the records of [floor, head) of one (origin, incarnation).
//
// The origin appends and moves the floor; everyone else holds a verbatim copy. A record exists iff its window holds it:
// no tombstones, no clocks. Seqs start at 1 and have no gaps. Kept packed: 12 bytes a record and 8 an id.
//
// Threads: mesh loop. Ownership: values; Record::ids is good until the next change. Errors: none.
// Bounds: bytes(); the owner calls DropOldest to stay under its budget. A window ends at seq 2^32 - 2.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "impl/base/ids.h"

namespace prefixmesh::two_layer {

// Which (model, kind) and which (worker, incarnation) a record speaks of: slots in a Names table (names.h).
using ScopeSlot = std::uint16_t;
using WorkerSlot = std::uint16_t;

struct Record {
  std::uint32_t seq = 0;
  ScopeSlot scope = 0;
  WorkerSlot worker = 0;
  bool has_branch = false;
  std::vector<NodeId> ids;  // branch (if any), anchors shallowest first, leaf last; never empty

  NodeId leaf() const { return ids.back(); }
};

class Window {
 public:
  std::uint32_t floor() const { return floor_; }                                               // lowest seq kept
  std::uint32_t head() const { return floor_ + static_cast<std::uint32_t>(headers_.size()); }  // next seq
  bool empty() const { return headers_.empty(); }
  // Seqs below it lie in the older half.
  std::uint32_t middle() const { return floor_ + static_cast<std::uint32_t>(headers_.size()) / 2; }

  // Appends with seq = head(). The record's own seq is ignored.
  void Append(const Record& record);
  // Reads the record `seq` in [floor, head) into `record`, reusing its memory.
  void Read(std::uint32_t seq, Record& record) const;
  void DropOldest();
  // Starts an empty window at `floor`, for a copy that begins in the middle of a log.
  void Restart(std::uint32_t floor);

  std::uint64_t bytes() const { return headers_.size() * sizeof(Header) + ids_.size() * sizeof(NodeId); }
  std::uint64_t count() const { return headers_.size(); }

 private:
  struct Header {
    std::uint32_t first_id;  // low 32 bits of the id's running number
    ScopeSlot scope;
    WorkerSlot worker;
    std::uint16_t id_count;
    bool has_branch;
  };
  std::deque<Header> headers_;
  std::deque<NodeId> ids_;
  std::uint64_t ids_dropped_ = 0;
  std::uint32_t floor_ = 1;
};

}  // namespace prefixmesh::two_layer
