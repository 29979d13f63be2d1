#include "impl/wire/tree_snapshot.h"

#include <set>
#include <string_view>

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

Result<TreeSnapshot> DecodeTreeSnapshot(Bytes bytes) {
  const Error corrupt{ErrorCode::kCorrupt, "tree_snapshot does not decode"};
  ByteReader reader(bytes);
  TreeSnapshot snapshot;
  std::size_t nodes = 0, tenants = 0;
  if (!ReadCount(reader, kNodeBytes, nodes)) return corrupt;
  snapshot.nodes.reserve(nodes);
  for (std::size_t i = 0; i < nodes; ++i) {
    SnapshotNode& node = snapshot.nodes.emplace_back();
    node.edge = ReadString(reader);
    if (!ReadCount(reader, kTenantBytes, tenants)) return corrupt;
    node.tenants.reserve(tenants);
    for (std::size_t t = 0; t < tenants && reader.ok(); ++t) {
      std::string url(ReadString(reader));
      node.tenants.emplace_back(std::move(url), reader.Fixed64());
    }
    node.child_count = reader.Fixed32();
  }
  if (!reader.Finished()) return corrupt;
  return snapshot;
}

bool IsTree(const TreeSnapshot& snapshot) {
  struct Open {
    std::set<std::string_view> holders;
    std::uint32_t children_to_come;
  };
  std::vector<Open> open;
  for (std::size_t i = 0; i < snapshot.nodes.size(); ++i) {
    const SnapshotNode& node = snapshot.nodes[i];
    while (!open.empty() && open.back().children_to_come == 0) open.pop_back();
    if (open.empty() != (i == 0)) return false;
    const bool below_root = open.size() <= 1;
    Open next{.holders = {}, .children_to_come = node.child_count};
    for (const auto& [url, epoch] : node.tenants) {
      if (!below_root && !open.back().holders.contains(url)) return false;
      if (node.child_count > 0) next.holders.insert(url);
    }
    if (!open.empty()) --open.back().children_to_come;
    open.push_back(std::move(next));
  }
  while (!open.empty() && open.back().children_to_come == 0) open.pop_back();
  return open.empty() && !snapshot.nodes.empty();
}

Result<TreeState> StateFromSnapshot(const TreeSnapshot& snapshot, std::string model_id, std::uint64_t version,
                                    std::size_t operations_max) {
  TreeState state;
  state.model_id = std::move(model_id);
  std::string path;
  struct Open {
    std::size_t path_bytes;  // of the parent
    std::uint32_t children_to_come;
  };
  std::vector<Open> open;
  std::size_t expanded = 0;
  for (std::size_t i = 0; i < snapshot.nodes.size(); ++i) {
    const SnapshotNode& node = snapshot.nodes[i];
    while (!open.empty() && open.back().children_to_come == 0) open.pop_back();
    if (open.empty() != (i == 0)) return Error{ErrorCode::kCorrupt, "tree_snapshot: the nodes are no tree"};
    if (!open.empty()) {
      --open.back().children_to_come;
      path.resize(open.back().path_bytes);
    }
    path += node.edge;
    if (!path.empty()) {
      for (const auto& [url, epoch] : node.tenants) {
        expanded += path.size() + url.size() + sizeof(TreeOperation);
        if (expanded > kExpandedBytesMax)
          return Error{ErrorCode::kExhausted, "tree_snapshot expands to more than 256 MiB of operations"};
        state.Append({.prompt = path, .tenant = url}, operations_max);
      }
    }
    open.push_back({path.size(), node.child_count});
  }
  for (const Open& node : open)
    if (node.children_to_come != 0) return Error{ErrorCode::kCorrupt, "tree_snapshot: the nodes are no tree"};
  state.version = version;
  return state;
}

}  // namespace prefixmesh::generations
