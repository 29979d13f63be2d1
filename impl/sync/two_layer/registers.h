// registers.h — worker → incarnation: which incarnation of each worker counts at this router.
//
// Of this router's own workers only the worker's word counts (RaiseOwn); what a peer says of one is a reason to ask the
// worker (TakeDoubts), and is neither stored nor relayed. Of the others the maximum of what is received counts.
//
// Threads: mesh loop. Ownership: values; an entry holds a reference to its name. Time, errors: none.
// Bounds: the own workers' registers and kRegistersMax others, of which one peer may introduce its share only; what is
// beyond is refused and counted.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "impl/sync/actions.h"
#include "impl/sync/two_layer/names.h"

namespace prefixmesh::two_layer {

class Registers {
 public:
  static constexpr std::size_t kRegistersMax = 1024;  // of workers that are not this router's own
  static constexpr std::size_t kRegistersShareMin = 64;

  // What a record about an incarnation of a worker is to this router.
  enum class Standing : std::uint8_t {
    kOlder,    // of an incarnation that is over, or of a worker that there was no room for
    kPresent,  // applied
    kAhead,    // of one that an own worker has not confirmed
  };

  // `names` is borrowed and must outlive the registers.
  Registers(Names<WorkerName>& names, std::size_t peers);

  // An own worker, and its own word (0: none yet). True: its register rose.
  bool RaiseOwn(std::string_view worker, Incarnation incarnation);
  // What a peer says: of an own worker noted for TakeDoubts, of another the maximum wins. `complete`: it is the peer's
  // register and not only an incarnation that one of its records names, so that a lower value is a doubt, too.
  void Receive(const WorkerName& worker, Introducer by, bool complete, Actions& actions);
  Standing StandingOf(const WorkerName& worker) const;

  bool has_doubts() const { return !doubts_.empty(); }
  // Own workers of which something else was received than their register says, with what was received. Clears the list.
  std::vector<WorkerName> TakeDoubts();

  // Those that moved after `version`, by name.
  std::vector<WorkerName> Since(std::uint64_t version) const;
  std::uint64_t version() const { return version_; }
  // Equal registers have equal hashes.
  std::uint64_t hash() const { return hash_; }
  // The slot of the worker's present incarnation, for loads. Null: the worker is not known.
  const Slot* SlotOf(std::string_view worker) const;
  std::size_t size() const { return entries_.size(); }
  std::uint64_t refused() const { return refused_; }

 private:
  struct Entry {
    Incarnation incarnation;  // 0: an own worker that has not answered yet
    Slot slot = 0;            // of (name, incarnation), referenced unless that is 0
    std::uint64_t changed_at = 0;
    bool own = false;
    Introducer by = kSelf;
    Incarnation doubt;  // the highest that a peer claimed; 0: none
  };

  void Set(std::string_view worker, Entry& entry, Incarnation incarnation, Slot slot);
  void Doubt(Entry& entry, const WorkerName& worker);
  bool HasRoom(Introducer by) const;

  Names<WorkerName>& names_;
  const std::size_t share_;      // of one peer
  std::vector<std::size_t> by_;  // entries that are not own, by introducer
  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<std::string> doubts_;  // workers whose entries have a doubt
  std::uint64_t version_ = 0;
  std::uint64_t hash_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace prefixmesh::two_layer
