// peer_names.h — what the slots mean that a peer uses on its stream.
//
// A peer defines a slot before it uses it. A name becomes one of this router's when a record that names it is taken,
// and stays referenced until the slot is defined again or the stream ends, which is when this object goes.
//
// Threads: mesh loop. Ownership: borrows this router's names, which must outlive it; holds references to them.
// Errors: false, see each. Time: none. Bounds: kNamesMax slots of each kind, kStreamNameBytesMax of names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "impl/sync/two_layer/frame_format.h"
#include "impl/sync/two_layer/record_names.h"

namespace prefixmesh::two_layer {

class PeerNames {
 public:
  explicit PeerNames(RecordNames& names) : names_(names) {}
  ~PeerNames();
  PeerNames(const PeerNames&) = delete;
  PeerNames& operator=(const PeerNames&) = delete;

  // Takes the definitions of a round. False: more bytes of names than a stream may have.
  bool Define(const Round& round);
  // Null: the slot was not defined.
  const std::string* WorkerOf(Slot slot) const;
  // Marks in `slots` what the range's records name. False: a slot was not defined, or one of them means another name
  // here, which the checksum tells. `record` is memory to read into.
  bool Mark(const RangeView& range, Record& record, SlotMap& slots) const;
  // Gives this router's slots to the names that `slots` marks. False: they do not fit.
  bool Resolve(Introducer by, bool relayed, SlotMap& slots);

 private:
  template <typename Name>
  struct Defined {
    Name name;
    std::uint64_t hash = 0;
    std::optional<Slot> slot;  // this router's, referenced
  };
  template <typename Name>
  using Table = std::vector<std::optional<Defined<Name>>>;

  template <typename Name>
  void DefineOne(Names<Name>& names, Table<Name>& table, const Definition<Name>& definition);

  RecordNames& names_;
  Table<ScopeName> scopes_;
  Table<WorkerName> workers_;
  std::size_t bytes_ = 0;
};

}  // namespace prefixmesh::two_layer
