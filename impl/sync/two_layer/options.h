// options.h — the settings of the two-layer sync, and the times and bounds that shape its traffic, in one place.
//
// Threads, ownership, errors: constants and values. Time: durations.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "impl/base/ids.h"
#include "impl/env/env.h"
#include "impl/sync/two_layer/frame_format.h"

namespace prefixmesh::two_layer {

struct Options {
  // Time between two rounds. Shorter is fresher and costs about 66 bytes of headers per round and peer.
  Time round_period = std::chrono::milliseconds(50);
  // A record names the ids at blocks 1, 2, 4, … and then every `anchors` blocks; 0 = branch and leaf only. An anchor
  // has to lie inside a shared prefix to name its worker; a spacing above the shortest shared prefix finds nothing.
  std::uint32_t anchors = 32;
  // This router's own log. A copy of another's may be four times as large before it is refused.
  std::uint64_t window_bytes = 16u << 20;
  // Records sent to one peer in one frame, in bytes as kept.
  std::uint64_t page_bytes = 256u << 10;
  // Sent to one peer and not acknowledged yet; above it only acks, loads and digests go out.
  std::uint64_t peer_unacked_bytes = 1u << 20;
  // A log whose owner was out of reach of everyone for so long is dropped everywhere.
  Time dead_after = std::chrono::minutes(10);
  // Names the hash configuration; peers with another are refused.
  std::uint64_t hash_key_id = 0;
  std::uint32_t text_block_bytes = 256;
  std::uint32_t tokens_block_tokens = 16;
  std::uint32_t version_max = kVersionMax;
  std::string router;       // this router's name
  Incarnation incarnation;  // this run's; unique
};

inline constexpr Time kHeartbeat = std::chrono::seconds(1);

// A peer that is silent for so long: its loads are void, its vector is not believed, and what it did not acknowledge is
// sent again. After half of it pushes are not waited for, and it is only sent heartbeats. Three heartbeats, each up to
// a round late.
inline Time PeerTimeout(const Options& options) { return 3 * (kHeartbeat + options.round_period); }

// No progress for so long on what is known to exist: pull.
inline constexpr Time kPullAfter = std::chrono::milliseconds(400);
// So long a donor streams a log that was pulled from it.
inline constexpr Time kLease = std::chrono::seconds(3);
// An ack alone waits for so long for something to ride on.
inline constexpr Time kAckDelay = std::chrono::milliseconds(500);
// Digests that differ and do not move are answered with vectors and registers at least so often.
inline constexpr Time kDisagreeMax = std::chrono::seconds(8);

// What went unanswered so often is not sent again, nor anything after it, until the peer says where it stands: it
// receives nothing of this router, or will receive all of it at once.
inline constexpr int kUnansweredMax = 2;
// Frames in a row that do not decode before the stream is closed.
inline constexpr int kCorruptMax = 16;
// Refusals that wait for a peer; what is beyond is counted only, and refused again when it is said again.
inline constexpr std::size_t kRefusalsMax = 8;
// Of the names that the slots of one stream mean.
inline constexpr std::size_t kStreamNameBytesMax = 1u << 20;
// Sent to one peer between two rounds, because an ack or a pull asked for it: above it the next round sends.
inline constexpr std::uint64_t kFlushBytesMax = 4u << 20;

}  // namespace prefixmesh::two_layer
