#include "impl/env/http2_gate.h"

#include <algorithm>
#include <string_view>

namespace prefixmesh {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t kFrameHeaderBytes = 9;
// The ports announce no other: gRPC widens it only with its bandwidth probe, which port_limits.cc switches off.
constexpr std::uint32_t kFrameBytesMax = 16384;

constexpr std::uint8_t kData = 0, kHeaders = 1, kPriority = 2, kReset = 3, kSettings = 4, kPushPromise = 5, kPing = 6,
                       kGoaway = 7, kWindowUpdate = 8, kContinuation = 9;
constexpr std::uint8_t kEndStream = 0x1, kAck = 0x1, kEndHeaders = 0x4, kPadded = 0x8, kHasPriority = 0x20;
constexpr std::uint32_t kPriorityBytes = 5, kSettingBytes = 6;

// What a block may decode to, in header limits.
constexpr std::uint32_t kHeadersTimes = 2;
// Beside those that such a block needs.
constexpr std::uint32_t kContinuationsSpare = 8;
// HTTP/2 knows six settings, extensions a few more.
constexpr std::uint32_t kSettingsMax = 32;
// A frame of data that carries less counts like one that carries nothing.
constexpr std::uint32_t kFullDataBytes = 64;
constexpr std::uint32_t kPaddingBytesMax = 256;
// Decoded headers for which a call counts once more.
constexpr std::uint32_t kHeaderBytesPerStream = 4096;
// Calls for which one counts besides that is refused: who hears that should ask less often.
constexpr std::uint32_t kRefusedStreams = 8;
// A call at 2,000 a second takes about two such frames: an update of the window, and its small body.
constexpr std::uint64_t kControlPerSecond = 10000, kControlBurst = 4096;
// Each call and each frame of an answer explains so many of those frames, which need not wait: a client opens the
// windows, and pings while answers come. Without that, so many may wait at once and in a second.
constexpr std::uint32_t kExplainedPerFrame = 4, kExplainedMax = 4096;
constexpr std::uint64_t kUnexplainedPerSecond = 20, kUnexplainedBurst = 16;
// A frame of data with fewer bytes carries nothing.
constexpr std::uint32_t kSomeDataBytes = 16;
// gRPC keeps up with so many; what comes at once it holds all together, 20 KiB each.
constexpr std::uint64_t kResetsPerSecond = 1000, kResetsBurst = 128;
// The shares of so many connections at once.
constexpr std::uint32_t kPortTimes = 4;
// Between two looks at whether calls have ended.
constexpr Time kOpenAgain = std::chrono::milliseconds(10);

}  // namespace

const char* GateRefusalName(GateRefusal refusal) {
  switch (refusal) {
    case GateRefusal::kNone:
      break;
    case GateRefusal::kPreface:
      return "preface";
    case GateRefusal::kFrame:
      return "frame";
    case GateRefusal::kHeadersTooBig:
      return "headers_too_big";
    case GateRefusal::kHeadersCorrupt:
      return "headers_corrupt";
    case GateRefusal::kEmptyFrames:
      return "empty_frames";
    case GateRefusal::kUntaken:
      return "untaken";
  }
  return "none";
}

GatePaces::GatePaces(const Http2GateOptions& options, std::uint32_t times)
    : streams(std::uint64_t{options.streams_per_second} * times, std::uint64_t{options.streams_per_connection} * times),
      resets(kResetsPerSecond * times, kResetsBurst * times),
      control(kControlPerSecond * times, kControlBurst * times) {}

PortGate::PortGate(const Http2GateOptions& port_options) : options(port_options), paces(port_options, kPortTimes) {}

Http2Gate::Http2Gate(PortGate& port)
    : port_(port),
      continuations_max_(kContinuationsSpare + kHeadersTimes * port.options.header_bytes / kFrameBytesMax),
      paces_(port.options, 1),
      unexplained_(kUnexplainedPerSecond, kUnexplainedBurst),
      headers_(kHeadersTimes * port.options.header_bytes) {}

Http2Gate::~Http2Gate() { port_.open_streams -= static_cast<std::uint32_t>(open_.size()); }

Http2Gate::Frame Http2Gate::ReadFrame(std::span<const std::uint8_t> header) {
  return {std::uint32_t{header[0]} << 16 | std::uint32_t{header[1]} << 8 | header[2], header[3], header[4],
          (std::uint32_t{header[5]} & 0x7f) << 24 | std::uint32_t{header[6]} << 16 | std::uint32_t{header[7]} << 8 |
              header[8]};
}

// ---- from the client ------------------------------------------------------------------------------------------------

Http2Gate::Verdict Http2Gate::FromClient(std::span<const std::uint8_t> bytes, Time now) {
  Verdict verdict;
  while (verdict.pass_bytes < bytes.size() && verdict.refusal == GateRefusal::kNone) {
    const std::span<const std::uint8_t> rest = bytes.subspan(verdict.pass_bytes);
    if (preface_bytes_ < kPreface.size()) {
      if (rest[0] != static_cast<std::uint8_t>(kPreface[preface_bytes_])) {
        verdict.refusal = GateRefusal::kPreface;
        break;
      }
      ++preface_bytes_;
      ++verdict.pass_bytes;
      continue;
    }
    if (payload_left_ > 0) {
      std::size_t taken = 0;
      verdict.refusal = TakePayload(rest, taken);
      verdict.pass_bytes += taken;
      continue;
    }
    if (rest.size() < kFrameHeaderBytes) break;
    const Frame frame = ReadFrame(rest);
    verdict.refusal = Check(frame);
    if (verdict.refusal != GateRefusal::kNone) break;
    if (TooManyOpen(frame)) {
      verdict.wait_until = now + kOpenAgain;
      break;
    }
    if (!reserved_) {
      due_ = Reserve(frame, now);
      reserved_ = true;
      if (due_ > now && CarriesNothing(frame) && unexplained_.Reserve(now) > now) {
        verdict.refusal = GateRefusal::kEmptyFrames;
        break;
      }
    }
    if (due_ > now) {
      verdict.wait_until = due_;
      break;
    }
    reserved_ = false;
    verdict.pass_bytes += kFrameHeaderBytes;
    verdict.refusal = Begin(frame);
  }
  return verdict;
}

GateRefusal Http2Gate::Check(const Frame& frame) const {
  const auto refused_if = [](bool wrong) { return wrong ? GateRefusal::kFrame : GateRefusal::kNone; };
  if (frame.length > kFrameBytesMax) return GateRefusal::kFrame;
  if (block_of_ != 0 && (frame.type != kContinuation || frame.stream != block_of_)) return GateRefusal::kFrame;
  switch (frame.type) {
    case kData:
      return refused_if(frame.stream == 0 || ((frame.flags & kPadded) != 0 && frame.length == 0));
    case kHeaders: {
      if (frame.stream % 2 == 0) return GateRefusal::kFrame;
      const std::uint32_t least =
          ((frame.flags & kPadded) != 0 ? 1 : 0) + ((frame.flags & kHasPriority) != 0 ? kPriorityBytes : 0);
      return refused_if(frame.length < least);
    }
    case kContinuation:
      if (block_of_ == 0) return GateRefusal::kFrame;
      return continuations_ < continuations_max_ ? GateRefusal::kNone : GateRefusal::kHeadersTooBig;
    case kPriority:
      return refused_if(frame.length != kPriorityBytes);
    case kReset:
      return refused_if(frame.length != 4 || frame.stream == 0);
    case kSettings:
      return refused_if(frame.stream != 0 || frame.length % kSettingBytes != 0 ||
                        frame.length > kSettingsMax * kSettingBytes ||
                        ((frame.flags & kAck) != 0 && frame.length != 0));
    case kPushPromise:
      return GateRefusal::kFrame;
    case kPing:
      return refused_if(frame.length != 8 || frame.stream != 0);
    case kGoaway:
      return refused_if(frame.length < 8 || frame.stream != 0);
    case kWindowUpdate:
      return refused_if(frame.length != 4);
    default:
      return GateRefusal::kNone;
  }
}

bool Http2Gate::TooManyOpen(const Frame& frame) const {
  if (frame.type != kHeaders || frame.stream <= last_stream_) return false;
  return open_.size() >= port_.options.streams_per_connection || port_.open_streams >= port_.options.streams;
}

Time Http2Gate::Reserve(const Frame& frame, Time now) {
  const auto take = [&](Pace GatePaces::*pace) {
    return std::max((paces_.*pace).Reserve(now), (port_.paces.*pace).Reserve(now));
  };
  const auto take_unless_explained = [&] {
    if (explained_ == 0) return take(&GatePaces::control);
    --explained_;
    return now;
  };
  switch (frame.type) {
    case kHeaders:
      return take(&GatePaces::streams);
    case kReset:
      return take(&GatePaces::resets);
    case kContinuation:
      return now;  // a few with each block
    case kData: {
      const std::uint32_t padding = (frame.flags & kPadded) != 0 ? kPaddingBytesMax : 0;
      return frame.length < kFullDataBytes + padding ? take_unless_explained() : now;
    }
    default:
      return take_unless_explained();
  }
}

bool Http2Gate::CarriesNothing(const Frame& frame) const {
  switch (frame.type) {
    case kHeaders:
    case kContinuation:
    case kReset:  // of a call that has just ended, it may be
      return false;
    case kData:
      return frame.length < kSomeDataBytes + ((frame.flags & kPadded) != 0 ? kPaddingBytesMax : 0);
    default:
      return true;
  }
}

void Http2Gate::Explain(std::uint32_t frames) { explained_ = std::min(explained_ + frames, kExplainedMax); }

GateRefusal Http2Gate::Begin(const Frame& frame) {
  payload_left_ = frame.length;
  in_headers_ = frame.type == kHeaders || frame.type == kContinuation;
  in_body_ = frame.type == kData && Find(frame.stream) != open_.end();
  if (frame.type == kReset) Close(frame.stream);
  if (!in_headers_) return GateRefusal::kNone;
  pad_length_next_ = frame.type == kHeaders && (frame.flags & kPadded) != 0;
  priority_left_ = frame.type == kHeaders && (frame.flags & kHasPriority) != 0 ? kPriorityBytes : 0;
  fragment_left_ = frame.length - (pad_length_next_ ? 1 : 0) - priority_left_;
  block_ends_ = (frame.flags & kEndHeaders) != 0;
  if (frame.type == kHeaders) {
    headers_.Begin();
    block_of_ = frame.stream;
    continuations_ = 0;
    if (frame.stream > last_stream_) {
      last_stream_ = frame.stream;
      open_.push_back({frame.stream});
      ++port_.open_streams;
      Explain(kExplainedPerFrame);
    }
  } else {
    ++continuations_;
  }
  return payload_left_ == 0 ? EndHeaders() : GateRefusal::kNone;
}

GateRefusal Http2Gate::TakePayload(std::span<const std::uint8_t> bytes, std::size_t& taken) {
  if (bytes.size() > payload_left_) bytes = bytes.first(payload_left_);
  taken = bytes.size();
  payload_left_ -= static_cast<std::uint32_t>(taken);
  if (in_body_) body_bytes_ += taken;
  if (!in_headers_) return GateRefusal::kNone;
  if (pad_length_next_) {
    pad_length_next_ = false;
    if (bytes[0] > fragment_left_) return GateRefusal::kFrame;
    fragment_left_ -= bytes[0];
    bytes = bytes.subspan(1);
  }
  const std::size_t priority = std::min<std::size_t>(priority_left_, bytes.size());
  priority_left_ -= static_cast<std::uint32_t>(priority);
  bytes = bytes.subspan(priority);
  const std::size_t fragment = std::min<std::size_t>(fragment_left_, bytes.size());
  fragment_left_ -= static_cast<std::uint32_t>(fragment);
  switch (headers_.Add(bytes.first(fragment))) {
    case HeaderBlockMeter::Verdict::kGood:
      break;
    case HeaderBlockMeter::Verdict::kTooBig:
      return GateRefusal::kHeadersTooBig;
    case HeaderBlockMeter::Verdict::kCorrupt:
      return GateRefusal::kHeadersCorrupt;
  }
  return payload_left_ == 0 ? EndHeaders() : GateRefusal::kNone;
}

// A frame with headers has ended.
GateRefusal Http2Gate::EndHeaders() {
  if (!block_ends_) return GateRefusal::kNone;
  block_of_ = 0;
  if (headers_.End() != HeaderBlockMeter::Verdict::kGood) return GateRefusal::kHeadersCorrupt;
  // What the block decodes to was not known at its first frame: the next call waits for it.
  if (const std::uint32_t more = headers_.decoded_bytes() / kHeaderBytesPerStream; more > 0) {
    paces_.streams.Reserve(Time{0}, more);
    port_.paces.streams.Reserve(Time{0}, more);
  }
  return GateRefusal::kNone;
}

std::vector<Http2Gate::Call>::iterator Http2Gate::Find(std::uint32_t stream) {
  const auto at = std::ranges::lower_bound(open_, stream, {}, &Call::stream);
  return at != open_.end() && at->stream == stream ? at : open_.end();
}

void Http2Gate::Close(std::uint32_t stream) {
  const auto at = Find(stream);
  if (at == open_.end()) return;
  open_.erase(at);
  --port_.open_streams;
}

// ---- from the server ------------------------------------------------------------------------------------------------

void Http2Gate::FromServer(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    if (answer_left_ > 0) {
      const std::size_t skipped = std::min<std::size_t>(answer_left_, bytes.size());
      answer_left_ -= static_cast<std::uint32_t>(skipped);
      bytes = bytes.subspan(skipped);
      continue;
    }
    const std::size_t missing = std::min(kFrameHeaderBytes - answer_header_bytes_, bytes.size());
    std::copy_n(bytes.begin(), missing, answer_header_.begin() + static_cast<std::ptrdiff_t>(answer_header_bytes_));
    answer_header_bytes_ += missing;
    bytes = bytes.subspan(missing);
    if (answer_header_bytes_ < kFrameHeaderBytes) return;
    answer_header_bytes_ = 0;
    const Frame frame = ReadFrame(answer_header_);
    answer_left_ = frame.length;
    if (frame.type == kData || frame.type == kHeaders) Explain(kExplainedPerFrame);
    if (frame.type == kHeaders) SawAnswer(frame);
    const bool ends = (frame.type == kData || frame.type == kHeaders) && (frame.flags & kEndStream) != 0;
    if (ends || frame.type == kReset) Close(frame.stream);
  }
}

// Headers of an answer; where they are its first and its last, the call was refused.
void Http2Gate::SawAnswer(const Frame& frame) {
  const auto call = Find(frame.stream);
  if (call == open_.end()) return;
  if ((frame.flags & kEndStream) != 0 && !call->answered) paces_.streams.Reserve(Time{0}, kRefusedStreams);
  call->answered = true;
}

}  // namespace prefixmesh
