// frame_writer.h — writes the frames of frame_format.h.
//
// Threads: any, no state. Ownership: values. Errors, time: none. Bounds: the caller's; a frame that is written within
// the limits of frame_format.h is read back by frame_reader.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "impl/sync/two_layer/frame_format.h"

namespace prefixmesh::two_layer {

// Appends the seal. Every Encode function did it already.
void Seal(std::string& frame, std::uint64_t key);

std::string EncodeHello(const Hello& hello);
std::string EncodeRefusal(const Refusal& refusal);
std::string EncodeVector(const Vector& vector, std::uint64_t seal);
std::string EncodeRegisters(const std::vector<WorkerName>& registers, std::uint64_t seal);
std::string EncodePull(const Pull& pull, std::uint64_t seal);
// A range on its own, so that one encoding serves every peer that needs it.
std::string EncodeRange(const Range& range, SlotBits bits);
// `round.ranges` is not read: `ranges` are the encoded ones.
std::string EncodeRound(const Round& round, SlotBits bits, const std::vector<const std::string*>& ranges,
                        std::uint64_t seal);
std::string EncodeRound(const Round& round, SlotBits bits, std::uint64_t seal);

}  // namespace prefixmesh::two_layer
