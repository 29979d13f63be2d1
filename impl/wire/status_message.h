// status_message.h — a router's report as the Status message of its administration service, and back.
//
// Readings travel by the figure's path, so that a reader of another version takes what both know and leaves the rest.
//
// Threads: pure. Ownership: values. Errors: none; what names no figure of the table, or lacks a value, is left out.
// Bounds: kReadingsMax readings are taken, labels and reasons of kTextBytesMax each; the message's size is gRPC's
// limit.
#pragma once

#include <cstddef>

#include "impl/figures/router_report.h"

namespace prefixmesh {

namespace v1 {
class RouterStatus;
}  // namespace v1

inline constexpr std::size_t kReadingsMax = 4096;
inline constexpr std::size_t kTextBytesMax = 256;

void WriteStatus(const RouterReport& report, v1::RouterStatus& status);
RouterReport ReadStatus(const v1::RouterStatus& status);

}  // namespace prefixmesh
