#include "impl/wire/tree_snapshot.h"

#include <deque>
#include <string_view>
#include <unordered_map>

namespace prefixmesh::generations {
namespace {

constexpr std::size_t kNodeBytes = 20, kTenantBytes = 16;  // besides edge and urls

}  // namespace

std::string Encode(const TreeSnapshot& snapshot) {
  std::size_t bytes = 8;
  for (const SnapshotNode& node : snapshot.nodes) {
    bytes += kNodeBytes + node.edge.size();
    for (const auto& [url, epoch] : node.tenants) bytes += kTenantBytes + url.size();
  }
  BincodeWriter writer(bytes);
  writer.U64(snapshot.nodes.size());
  for (const SnapshotNode& node : snapshot.nodes) {
    writer.String(node.edge);
    writer.U64(node.tenants.size());
    for (const auto& [url, epoch] : node.tenants) {
      writer.String(url);
      writer.U64(epoch);
    }
    writer.Tag(node.child_count);
  }
  return writer.Take();
}

bool ReadNode(ByteReader& reader, SnapshotNodeView& node) {
  std::size_t count = 0;
  node.edge = ReadString(reader);
  if (!ReadCount(reader, kTenantBytes, count)) return false;
  ByteReader start = reader;
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    ReadString(reader);
    reader.Fixed64();
  }
  if (!reader.ok()) return false;
  node.holders = {count, start.Raw(start.remaining() - reader.remaining())};
  node.child_count = reader.Fixed32();
  return reader.ok();
}

namespace {

Error CorruptSnapshot(const char* what) { return {ErrorCode::kCorrupt, std::string("tree_snapshot") + what}; }

// A node whose children are not all there yet. It is left as soon as its last child begins, so that a chain, however
// long, keeps none of them open.
struct Open {
  std::uint32_t node = 0;  // its number
  std::uint32_t children_to_come = 0;
};

// Whoever holds a node holds its parent, the root aside. What was visited since a node that is still open lies below
// it; so a worker holds that node just if the last node that it was seen on is no earlier one.
bool HoldersNest(const SnapshotView& view) {
  std::unordered_map<std::string_view, std::uint32_t> last;  // looked up only, never iterated
  std::deque<Open> open;                                     // never copied as it grows
  std::uint32_t number = 0;
  bool nest = true;
  view.ForEach([&](const SnapshotNodeView& node) {
    if (!nest) return;
    std::uint32_t parent = 0;
    if (!open.empty()) {
      parent = open.back().node;
      if (--open.back().children_to_come == 0) open.pop_back();
    }
    node.holders.ForEach([&](std::string_view url, std::uint64_t) {
      const auto found = last.find(url);
      if (parent != 0 && (found == last.end() || found->second < parent)) nest = false;
      if (!nest) return;
      if (found != last.end()) {
        found->second = number;
      } else if (last.size() < kHoldersMax) {
        last.emplace(url, number);
      } else {
        nest = false;
      }
    });
    if (node.child_count > 0) open.push_back({number, node.child_count});
    ++number;
  });
  return nest;
}

}  // namespace

Result<SnapshotView> ViewTreeSnapshot(Bytes bytes) {
  ByteReader reader(bytes);
  std::size_t nodes = 0;
  if (bytes.size() > UINT32_MAX || !ReadCount(reader, kNodeBytes, nodes)) return CorruptSnapshot(" does not decode");
  SnapshotView view;
  view.nodes = nodes;
  view.bytes = bytes.last(reader.remaining());
  std::uint64_t to_come = 1;
  bool fits = true;
  SnapshotNodeView node;
  for (std::size_t i = 0; i < nodes; ++i) {
    if (!ReadNode(reader, node)) return CorruptSnapshot(" does not decode");
    view.holders += node.holders.count;
    if (i > 0) view.holders_below_root += node.holders.count;
    fits = fits && to_come > 0;
    if (fits) to_come += std::uint64_t{node.child_count} - 1;
  }
  if (!reader.Finished()) return CorruptSnapshot(" does not decode");
  view.has_tree_shape = nodes == 0 || (fits && to_come == 0);
  return view;
}

Result<SnapshotView> ViewTree(Bytes bytes) {
  Result<SnapshotView> view = ViewTreeSnapshot(bytes);
  if (view.ok() && (view->nodes == 0 || !view->has_tree_shape || !HoldersNest(*view)))
    return CorruptSnapshot(": the nodes are no tree");
  return view;
}

Result<TreeSnapshot> DecodeTreeSnapshot(Bytes bytes) {
  const Result<SnapshotView> view = ViewTreeSnapshot(bytes);
  if (!view.ok()) return view.error();
  TreeSnapshot snapshot;
  snapshot.nodes.reserve(view->nodes);
  view->ForEach([&](const SnapshotNodeView& from) {
    SnapshotNode& node = snapshot.nodes.emplace_back();
    node.edge = from.edge;
    node.child_count = from.child_count;
    node.tenants.reserve(from.holders.count);
    from.holders.ForEach([&](std::string_view url, std::uint64_t epoch) { node.tenants.emplace_back(url, epoch); });
  });
  return snapshot;
}

// ---- flat operations ------------------------------------------------------------------------------------------------

namespace {

// Where a walk in pre-order is: the bytes above it lie in the snapshot, and are put together for one node at a time.
class Path {
 public:
  explicit Path(const SnapshotView& snapshot) : bytes_(snapshot.bytes) {}

  // Goes to the next node, which begins at `at`.
  void Enter(std::size_t at, const SnapshotNodeView& node) {
    std::size_t above = 0;
    size_ = 0;
    if (!open_.empty()) {
      Above& parent = open_.back();
      above = parent.edges;
      size_ = parent.path_bytes;
      if (--parent.children_to_come == 0) open_.pop_back();
    }
    edges_.resize(above);
    if (!node.edge.empty()) edges_.push_back(static_cast<std::uint32_t>(at));
    size_ += node.edge.size();
    if (node.child_count > 0)
      open_.push_back({static_cast<std::uint32_t>(edges_.size()), static_cast<std::uint32_t>(size_), node.child_count});
  }
  std::size_t size() const { return size_; }
  // Calls f(text) for each piece of it.
  template <typename F>
  void ForEachPiece(F&& f) const {
    for (const std::uint32_t at : edges_) {
      ByteReader reader(bytes_.subspan(at));
      f(ReadString(reader));
    }
  }

 private:
  struct Above {
    std::uint32_t edges = 0;  // how many of them end with this node's
    std::uint32_t path_bytes = 0;
    std::uint32_t children_to_come = 0;
  };
  Bytes bytes_;
  std::size_t size_ = 0;
  std::deque<Above> open_;
  std::deque<std::uint32_t> edges_;  // where the nodes of the path begin that have text
};

// Calls f(path, url) for each operation.
template <typename F>
void ForEachOperation(const SnapshotView& snapshot, F&& f) {
  Path path(snapshot);
  ByteReader reader(snapshot.bytes);
  SnapshotNodeView node;
  while (reader.remaining() > 0) {
    const std::size_t at = snapshot.bytes.size() - reader.remaining();
    if (!ReadNode(reader, node)) return;
    path.Enter(at, node);
    if (path.size() > 0) node.holders.ForEach([&](std::string_view url, std::uint64_t) { f(path, url); });
  }
}

}  // namespace

Result<std::uint64_t> CountFlat(const SnapshotView& snapshot) {
  if (!snapshot.has_tree_shape) return CorruptSnapshot(": the nodes are no tree");
  std::uint64_t count = 0, expanded = 0;
  ForEachOperation(snapshot, [&](const Path& path, std::string_view url) {
    ++count;
    expanded += path.size() + url.size() + sizeof(TreeOperation);
  });
  if (expanded > kExpandedBytesMax)
    return Error{ErrorCode::kExhausted, "tree_snapshot expands to more than 256 MiB of operations"};
  return count;
}

void ForEachFlat(const SnapshotView& snapshot, std::uint64_t skip,
                 FunctionRef<void(std::string prompt, std::string_view tenant)> sink) {
  std::uint64_t number = 0;
  ForEachOperation(snapshot, [&](const Path& path, std::string_view url) {
    if (number++ < skip) return;
    std::string prompt;
    prompt.reserve(path.size());
    path.ForEachPiece([&](std::string_view piece) { prompt += piece; });
    sink(std::move(prompt), url);
  });
}

Result<std::string> EncodeFlat(const SnapshotView& snapshot, std::string_view model_id, std::uint64_t version,
                               std::size_t operations_max) {
  const Result<std::uint64_t> count = CountFlat(snapshot);
  if (!count.ok()) return count.error();
  const std::uint64_t kept = KeptOf(0, *count, operations_max);
  const std::uint64_t skip = *count - kept;
  std::size_t bytes = 24 + model_id.size();
  std::uint64_t number = 0;
  ForEachOperation(snapshot, [&](const Path& path, std::string_view url) {
    if (number++ >= skip) bytes += kInsertBytes + path.size() + url.size();
  });
  BincodeWriter writer(bytes);
  writer.String(model_id);
  writer.U64(kept);
  number = 0;
  ForEachOperation(snapshot, [&](const Path& path, std::string_view url) {
    if (number++ < skip) return;
    writer.Tag(0);  // an insert
    writer.Tag(0);  // of text
    writer.U64(path.size());
    path.ForEachPiece([&](std::string_view piece) { writer.Raw(piece); });
    writer.String(url);
  });
  writer.U64(version);
  return writer.Take();
}

}  // namespace prefixmesh::generations
