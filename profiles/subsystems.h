// subsystems.h — the rules by which an allocation belongs to a part of the router. The first row of which any call in
// the stack has any mark takes it.
//
// Rows and not the innermost call: where calls are inlined, heaptrack names them in an order of its own. What the trees
// allocate is theirs, no matter who calls them, so callees stand above callers.
// Threads, ownership: constants. Errors: none. Bounds: none; a stack that no row takes is `other`.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace prefixmesh::profiles {

struct Subsystem {
  std::string_view name, meaning;
  bool own = false;  // of this project: gated at night
  std::span<const std::string_view> marks;
  // By so much the peak of one run differs from that of the next: bodies in flight, blocks of a table that grew or not.
  std::uint64_t peak_slack_bytes = 64 << 10;
};

inline constexpr std::string_view kLoggingMarks[] = {"spdlog::", "fmt::", "(log_limiter."};
inline constexpr std::string_view kTreeMarks[] = {"(block_index.",     "(block_edges.", "(block_chains.",
                                                  "(segmented_table.", "(radix_tree.",  "(token_tree.",
                                                  "(slice_cursor."};
inline constexpr std::string_view kWireMarks[] = {"(lz4_body.",   "(tenant_delta.", "(policy_state.", "(tree_snapshot.",
                                                  "(path_delta.", "(bincode.",      "(json_ops.",     "(gzip_frame."};
inline constexpr std::string_view kSyncMarks[] = {"(two_layer.",
                                                  "(replica.",
                                                  "(window.",
                                                  "(log.",
                                                  "(log_table.",
                                                  "(applier.",
                                                  "(registers.",
                                                  "(deferred.",
                                                  "(record_names.",
                                                  "(frame_format.",
                                                  "(frame_reader.",
                                                  "(frame_writer.",
                                                  "(stream.",
                                                  "(stream_compare.",
                                                  "(stream_receive.",
                                                  "(stream_send.",
                                                  "(send_window.",
                                                  "(pulls.",
                                                  "(repair.",
                                                  "(peer_names.",
                                                  "(range_cache.",
                                                  "(capture.",
                                                  "(host.",
                                                  "(load_table.",
                                                  "(driver.",
                                                  "(offers.",
                                                  "(context.",
                                                  "(value_codec.",
                                                  "(compressed_bodies.",
                                                  "(record_buffers.",
                                                  "(snapshot_store.",
                                                  "(crdt_log.",
                                                  "(crdt_ops.",
                                                  "(full_snapshot.",
                                                  "(store_frame.",
                                                  "(raw_ops.",
                                                  "(op_store.",
                                                  "(rebuilt_tree.",
                                                  "(pending_ops.",
                                                  "(collector.",
                                                  "(snapshot_pieces.",
                                                  "(tenant_deltas.",
                                                  "(path_deltas.",
                                                  "(path_index.",
                                                  "(checkpoint.",
                                                  "(snapshot_ops.",
                                                  "(structure_rounds.",
                                                  "(tree_store.",
                                                  "(trims."};
inline constexpr std::string_view kMeshMarks[] = {"(mesh.", "(grpc_sync_transport.", "(stream_state."};
inline constexpr std::string_view kBodiesMarks[] = {"(request_port.",      "(generate_call.", "(body_admission.",
                                                    "(request_parse.",     "(request_view.",  "(grpc_worker_channels.",
                                                    "(grpc_router_server."};
inline constexpr std::string_view kGateMarks[] = {"(http2_gate.", "(gated_connection.", "(grpc_listener.",
                                                  "(header_block."};
inline constexpr std::string_view kNodeMarks[] = {
    "(router_node.",     "(tree_set.",     "(model_table.",   "(block_actions.",    "(text_actions.",
    "(policy.",          "(fleet.",        "(worker_health.", "(router_status.",    "(metrics.",
    "(real_env.",        "(metrics_page.", "(router_main.",   "(strategies.",       "(readings.",
    "(router_core.",     "(decider.",      "(admission.",     "(worker_registers.", "(probes.",
    "(router_settings.", "(setting."};
inline constexpr std::string_view kGrpcMarks[] = {"grpc",  "absl::", "google::protobuf", "upb_",
                                                  "cares", "SSL_",   "OPENSSL"};
inline constexpr std::string_view kStartMarks[] = {"_dl_", "call_init", "(rtld.", "__libc_start", "GLOBAL__sub"};

inline constexpr Subsystem kSubsystems[] = {
    {"logging", "log lines", true, kLoggingMarks},
    {"tree", "block index, text and token trees", true, kTreeMarks},
    {"wire", "encoding and decoding of frames", true, kWireMarks},
    {"sync", "the strategy: logs, stores, rounds", true, kSyncMarks},
    {"mesh", "streams and their queues", true, kMeshMarks},
    {"bodies", "request bodies and calls", true, kBodiesMarks, 2 << 20},
    {"gate", "the relay in front of gRPC", true, kGateMarks, 1 << 20},
    {"node", "routing, wiring, metrics", true, kNodeMarks},
    {"gRPC", "gRPC, protobuf and what they use", false, kGrpcMarks},
    {"start", "what the loader and libraries take before main", false, kStartMarks},
};
inline constexpr std::string_view kOtherSubsystem = "other";

constexpr std::string_view SubsystemOf(std::string_view stack) {
  for (const Subsystem& each : kSubsystems)
    for (const std::string_view mark : each.marks)
      if (stack.find(mark) != std::string_view::npos) return each.name;
  return kOtherSubsystem;
}
constexpr std::uint64_t PeakSlackBytes(std::string_view name) {
  for (const Subsystem& each : kSubsystems)
    if (each.name == name) return each.peak_slack_bytes;
  return Subsystem{}.peak_slack_bytes;
}
constexpr bool IsOwn(std::string_view name) {
  for (const Subsystem& each : kSubsystems)
    if (each.name == name) return each.own;
  return false;
}

}  // namespace prefixmesh::profiles
