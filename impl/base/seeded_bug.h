// seeded_bug.h — bugs that can be put back on purpose, to see whether the simulator notices (docs/seeded_bugs.md).
//
// Each stands at the place in the code where it would be made, behind Seeded(Bug::…), which is false at compile time in
// every program but tests/sim/seeded_bugs. W, X and H numbers are those of the original system's known defects.
// Threads: that one program has one. Ownership: none.
#pragma once

#include <cstdint>

namespace prefixmesh {

// name, what the bug does
#define PREFIXMESH_SEEDED_BUGS(BUG)                                                                   \
  BUG(W4_retract_any_seq, "a late removal takes away what was announced again since")                 \
  BUG(W6_big_record_never_fits, "a record larger than a page is never sent")                          \
  BUG(W8_no_history, "a new stream starts at the head; older records are never sent")                 \
  BUG(W9_unknown_dropped, "records with names not known here are dropped and acknowledged")           \
  BUG(W15_seqs_restart, "the log starts again at seq 1 every 64 records")                             \
  BUG(W16_round_forgotten, "every 30th round forgets what was to be announced")                       \
  BUG(W17_one_counter, "a record is skipped as old when its seq is below the own head")               \
  BUG(W21_unknown_kind_closes, "a frame of a later release ends the stream")                          \
  BUG(W22_damage_unnoticed, "frames that do not decode are neither counted nor answered")             \
  BUG(W26_roles_differ, "the serving end never says where it stands")                                 \
  BUG(X1_one_drain, "what was sent to one peer counts as sent to all")                                \
  BUG(X2_log_unbounded, "the own log is never trimmed")                                               \
  BUG(X6_floor_leaves_index, "records that left a window stay in the index")                          \
  BUG(X7_floor_ignored, "a range's floor is not taken over")                                          \
  BUG(X8_digest_of_live_counter, "the digest covers the heartbeat count")                             \
  BUG(X10_only_the_newest, "a sender skips all but the newest 64 records")                            \
  BUG(X12_register_not_max, "a register takes any value, also a lower one")                           \
  BUG(X14_old_life_stays, "a worker's new life leaves its old prefixes in the index")                 \
  BUG(H4_scalar_vector, "the digest covers how much is held, not what")                               \
  BUG(H6_echo, "every log is relayed to everyone")                                                    \
  BUG(floor_off_by_one, "a raised floor drops one record too many")                                   \
  BUG(have_off_by_one, "a range that starts at the head counts as a hole")                            \
  BUG(lives_mixed, "logs are found by router name alone")                                             \
  BUG(fork_kept, "a router whose identity was cloned goes on under it")                               \
  BUG(age_not_relayed, "a vector says of every log that its owner was just heard")                    \
  BUG(taught_is_alive, "being told of a log counts as hearing its owner")                             \
  BUG(dead_stay, "logs of dead routers are never dropped")                                            \
  BUG(sum_not_subtracted, "the sum keeps records that were dropped")                                  \
  BUG(erased_stays_in_index, "a dropped log leaves its announcements in the index")                   \
  BUG(equal_register_stale, "records about a worker's present life are not applied")                  \
  BUG(register_not_applied, "an own worker is not asked when peers know another life")                \
  BUG(hearsay_counts, "what a peer says of an own worker's register counts")                          \
  BUG(ahead_not_replayed, "records that came before the worker's word are never applied")             \
  BUG(resync_ignored, "names that a peer asks for again are not said again")                          \
  BUG(lease_for_ever, "a lease never ends")                                                           \
  BUG(ack_of_any_log, "an ack of another log counts for the own one")                                 \
  BUG(loads_only_rise, "in-flight counts are told only when they rise")                               \
  BUG(load_hash_ignored, "in-flight counts that got lost are not asked for")                          \
  BUG(loads_outlive_stream, "what a peer said of loads stays when it is gone")                        \
  BUG(seal_unchecked, "a frame's seal is not compared")                                               \
  BUG(seal_without_lives, "a frame of an earlier life opens like one of this")                        \
  BUG(queue_full_is_sent, "a frame that the queue refused counts as sent, for ever")                  \
  BUG(index_slot_shared, "a new log takes the index number of another")                               \
  BUG(branch_counts_as_told, "all prefixes of a placement count as announced with it")                \
  BUG(stamp_off_by_one, "an announcement counts under the seq of the next")                           \
  BUG(core_wrong_worker_counted, "a request counts as in flight at the model's first worker")         \
  BUG(core_in_flight_lost, "a request that breaks off stays in flight for ever")                      \
  BUG(core_refused_inserted, "a request that finds no healthy worker is inserted")                    \
  BUG(core_health_flaps, "an unhealthy worker is healthy again with the next check, without a reply") \
  BUG(core_stays_unhealthy, "a worker whose request broke off stays unhealthy")                       \
  BUG(core_reply_ignored, "the incarnation in a worker's replies to requests is ignored")             \
  BUG(core_health_ignored, "the least loaded worker is chosen whether it is healthy or not")          \
  BUG(removal_of_former_life, "removals of a worker's former life are applied to the present one")    \
  BUG(removal_keeps_below, "a prefix that is removed leaves what begins with it")                     \
  BUG(removal_overtakes, "a removal is handed over before the placements that it follows")            \
  BUG(kv_barrier_forgets, "a clear forgets the events above it that wait")                            \
  BUG(kv_answer_from_start, "an answer begins at the number asked for, not at the last clear")        \
  BUG(kv_tail_skipped, "what waits behind an answer with a clear is not applied")                     \
  BUG(kv_late_answer_applied, "an answer that a clear overtook is applied, and the cursor goes back") \
  BUG(kv_gap_applied, "an event above a gap is applied, and the gap forgotten")                       \
  BUG(kv_stale_applied, "an event that was applied before is applied again")                          \
  BUG(kv_new_life_ignored, "numbers that begin anew count as the old ones")                           \
  BUG(kv_newest_ignored, "a stream that opens again is not compared with what is known")              \
  BUG(kv_held_dropped, "what waits for an answer is dropped when it comes")                           \
  BUG(kv_dump_ahead, "a dump's watermark is one number too high")                                     \
  BUG(kv_dump_adds, "a dump is added to what was known before")                                       \
  BUG(kv_clear_ignored, "a clear takes nothing out of the index")                                     \
  BUG(kv_removal_ignored, "blocks that a worker evicted stay in the index")                           \
  BUG(kv_expected_for_ever, "what is expected of a request stays when it is over")

enum class Bug : std::uint8_t {
  kNone,
#define PREFIXMESH_BUG_ENUM(name, what) k##name,
  PREFIXMESH_SEEDED_BUGS(PREFIXMESH_BUG_ENUM)
#undef PREFIXMESH_BUG_ENUM
};

#ifdef PREFIXMESH_WITH_SEEDED_BUGS
inline Bug seeded_bug = Bug::kNone;
inline bool Seeded(Bug bug) { return seeded_bug == bug; }
#else
constexpr bool Seeded(Bug) { return false; }
#endif

}  // namespace prefixmesh
