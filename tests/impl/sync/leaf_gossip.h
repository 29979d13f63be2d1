// leaf_gossip.h — every placement's leaf goes to every peer that is up, once, unacknowledged.
//
// Threads: Capture on request threads, all else on the mesh loop. Bounds: what is pending, traits().offer_bytes.
// Errors: a frame that does not decode is counted and has no effect. Time: none. Ownership: values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "impl/base/varint.h"
#include "impl/sync/strategy.h"

namespace prefixmesh {

class LeafGossip final : public SyncStrategy {
 public:
  explicit LeafGossip(const StrategyView& view) : up_(view.PeerCount(), false) {
    traits_.name = "leaf-gossip";
    traits_.runs_on_block = true;
    traits_.round_period = std::chrono::milliseconds(50);
  }
  const StrategyTraits& traits() const override { return traits_; }

  // Request thread: keep what will be told. Repeats are no news.
  std::optional<Offer> Capture(const PlacementView& placement) const override {
    if (placement.repeat || placement.leaf_depth == 0) return std::nullopt;
    Offer offer;
    offer.model = placement.model;
    offer.kind = placement.kind;
    offer.worker_name = placement.worker_name;
    offer.worker_incarnation = placement.worker_incarnation;
    offer.ids = {placement.blocks[placement.leaf_depth - 1]};
    return offer;
  }
  void OnPlacement(Time, Offer offer, Actions&) override {
    ++records_.local;
    pending_.push_back(std::move(offer));
  }
  void OnRound(Time, Actions& actions) override {
    ByteWriter writer;
    for (const Offer& offer : pending_) {
      writer.Blob(offer.model);
      writer.U8(static_cast<std::uint8_t>(offer.kind));
      writer.Blob(offer.worker_name);
      writer.Fixed64(offer.worker_incarnation.value);  // what is told of a worker that was restarted since is no news
      writer.Fixed64(offer.ids.back().value);
    }
    for (std::uint16_t i = 0; i < up_.size() && !pending_.empty(); ++i)
      if (up_[i]) actions.push_back(SendFrame{PeerIndex{i}, writer.bytes()});
    pending_.clear();
  }
  void OnFrame(Time, PeerIndex peer, Bytes frame, Actions& actions) override {
    // Read twice: nothing of a frame that does not decode takes effect, and no list of what is in it is ever made.
    if (!ForEachRecord(frame, [](const ApplyIds&) {})) return void(++decode_errors_);
    ForEachRecord(frame, [&](ApplyIds apply) {
      apply.origin = static_cast<std::uint16_t>(peer.value + 1);
      apply.seq = ++seq_;
      ++records_.applied;
      actions.push_back(std::move(apply));
    });
  }
  void OnPeerUp(Time, PeerIndex peer, StreamRole, Actions&) override { up_[peer.value] = true; }
  void OnPeerDown(Time, PeerIndex peer, Actions&) override { up_[peer.value] = false; }
  void OnPeerTick(Time, PeerIndex, Actions&) override {}
  void OnSendResult(Time, PeerIndex, std::uint64_t, SendOutcome, Actions&) override {}
  bool Holds(std::string_view, Kind, NodeId, std::string_view) const override { return false; }
  StrategyReport Report() const override {
    StrategyReport report;
    report.records = records_;
    report.decode_errors = decode_errors_;
    return report;
  }

 private:
  template <typename F>
  static bool ForEachRecord(Bytes frame, F&& f) {
    ByteReader reader(frame);
    while (reader.ok() && reader.remaining() > 0) {
      ApplyIds apply;
      apply.model = reader.Blob();
      apply.kind = reader.U8() == 0 ? Kind::kText : Kind::kTokens;
      apply.worker_name = reader.Blob();
      apply.worker_incarnation = Incarnation{reader.Fixed64()};
      apply.ids = {NodeId{reader.Fixed64()}};
      if (reader.ok()) f(std::move(apply));
    }
    return reader.ok();
  }

  StrategyTraits traits_;
  std::vector<bool> up_;
  std::vector<Offer> pending_;  // bounded by traits().offer_bytes: the mesh drains offers on the beat
  std::uint32_t seq_ = 0;
  RecordCounts records_;
  std::uint64_t decode_errors_ = 0;
};

}  // namespace prefixmesh
