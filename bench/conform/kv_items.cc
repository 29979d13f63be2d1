#include "bench/conform/kv_items.h"

#include <map>
#include <set>
#include <utility>

#include "bench/conform/conform.h"
#include "bench/conform/item_fields.h"
#include "impl/kvevents/event_buffer.h"
#include "impl/kvevents/event_recovery.h"

namespace prefixmesh::bench {
namespace {

using namespace kvevents;
using nlohmann::json;

std::optional<std::uint64_t> NumberOrNull(const json& item, const char* name) {
  if (!item.is_object() || !item.contains(name) || item.at(name).is_null()) return std::nullopt;
  return Number(item, name);
}

Contract ContractOf(const json& item) {
  const std::string contract = item.contains("contract") ? Text(item, "contract") : "v2";
  Require(contract == "v2" || contract == "v3", "contract is v2 or v3");
  return contract == "v2" ? Contract::kV2 : Contract::kV3;
}

std::vector<BlockName> Blocks(const json& item) {
  std::vector<BlockName> blocks;
  if (!item.contains("blocks")) return blocks;
  for (const json& block : List(item, "blocks")) {
    Require(block.is_number_unsigned(), "a block is not a whole number");
    blocks.push_back({0, block});
  }
  return blocks;
}

KvEvent EventOf(const json& item) {
  KvEvent event;
  event.id = Number(item, "id");
  const std::string op = item.contains("op") ? Text(item, "op") : "stored";
  Require(op == "stored" || op == "removed" || op == "cleared", "op '" + op.substr(0, 20) + "' is not known here");
  event.kind = op == "stored" ? EventKind::kStored : op == "removed" ? EventKind::kRemoved : EventKind::kCleared;
  event.blocks = Blocks(item);
  return event;
}

std::vector<KvEvent> EventsOf(const json& item, const char* name) {
  std::vector<KvEvent> events;
  for (const json& each : List(item, name)) events.push_back(EventOf(each));
  return events;
}

// ---- kv_buffer ------------------------------------------------------------------------------------------------------

json AsJson(const Answer& answer) {
  if (const auto* events = std::get_if<Events>(&answer)) {
    json ids = json::array();
    for (const KvEvent& event : events->events) ids.push_back(event.id);
    return {{"events", ids}, {"last", events->last}};
  }
  if (const auto* dump = std::get_if<TreeDump>(&answer)) return {{"tree_dump", {{"last", dump->last}}}};
  if (const auto* too_new = std::get_if<TooNew>(&answer)) return {{"too_new", {{"newest", too_new->newest}}}};
  return {{"invalid_range", true}};
}

// ---- kv_router ------------------------------------------------------------------------------------------------------

StreamKey StreamOf(const json& item) {
  const auto worker = NumberOrNull(item, "worker"), rank = NumberOrNull(item, "rank");
  Require(rank.value_or(0) <= UINT32_MAX, "rank is not 32 bits");
  return {std::to_string(worker.value_or(1)), static_cast<std::uint32_t>(rank.value_or(0))};
}

json CursorJson(const std::optional<EventRecovery::Cursor>& cursor) {
  if (!cursor) return nullptr;
  const json applied = cursor->applied ? json(*cursor->applied) : json(nullptr);
  switch (cursor->state) {
    case EventRecovery::State::kInitial:
      return "initial";
    case EventRecovery::State::kLive:
      return {{"live", applied}};
    case EventRecovery::State::kInvalidated:
      return {{"invalidated", applied}};
  }
  return nullptr;
}

EventRecovery::Cursor CursorOf(const json& value) {
  if (value == "initial") return {};
  Require(value.is_object() && value.size() == 1, "a cursor is \"initial\", {\"live\": n} or {\"invalidated\": n}");
  const bool live = value.contains("live");
  Require(live || value.contains("invalidated"), "a cursor is \"initial\", {\"live\": n} or {\"invalidated\": n}");
  return {live ? EventRecovery::State::kLive : EventRecovery::State::kInvalidated,
          NumberOrNull(value, live ? "live" : "invalidated")};
}

// A router with an index of sets; what it asks waits for the item's answers.
class Router {
 public:
  explicit Router(Contract contract) : recovery_(contract) {}

  void SetCursor(const StreamKey& stream, const json& cursor) { recovery_.SetCursor(stream, CursorOf(cursor)); }
  void Step(const json& step) {
    Require(step.is_object() && step.size() == 1, "a step has one name");
    const std::string& name = step.begin().key();
    const json& value = step.begin().value();
    const StreamKey stream = StreamOf(value);
    if (name == "live") {
      recovery_.OnLive(now_, stream, 0, EventOf(value), actions_);
    } else if (name == "discover") {
      recovery_.OnDiscovered(now_, stream, NumberOrNull(value, "instance").value_or(1), actions_);
    } else if (name == "remove") {
      recovery_.OnGone(now_, stream, NumberOrNull(value, "instance").value_or(1), actions_);
    } else if (name == "answer") {
      Give(TakeAsk(value), ReceivedOf(value));
    } else if (name == "fail") {
      Fails(value);
    } else {
      Fail("step '" + name.substr(0, 20) + "' is not known here");
    }
    Do();
  }
  const json& calls() const { return calls_; }
  json Cursor(const StreamKey& stream) const { return CursorJson(recovery_.CursorOf(stream)); }
  bool idle(const StreamKey& stream) const { return !recovery_.asking(stream); }
  json Held(const StreamKey& stream) const {
    json blocks = json::array();
    if (const auto at = index_.find(stream); at != index_.end())
      for (const std::uint64_t block : at->second) blocks.push_back(block);
    return blocks;
  }

 private:
  static Received ReceivedOf(const json& value) {
    if (value.contains("tree_dump")) {
      const json& dump = Field(value, "tree_dump");
      std::vector<KvEvent> stores = dump.contains("events") ? EventsOf(dump, "events") : std::vector<KvEvent>();
      for (const BlockName& block : Blocks(dump)) stores.push_back({0, EventKind::kStored, std::nullopt, {block}});
      return Dump{std::move(stores), Number(dump, "last")};
    }
    if (value.contains("too_new")) return TooNew{0, 0, Number(Field(value, "too_new"), "newest")};
    if (value.contains("invalid_range")) return InvalidRange{};
    return Events{EventsOf(value, "events"), Number(value, "last")};
  }
  // The oldest that waits, of the stream that the step names, if it does.
  Ask TakeAsk(const json& value) {
    const bool named = value.contains("worker") || value.contains("rank");
    for (auto at = asks_.begin(); at != asks_.end(); ++at) {
      if (named && at->second.stream != StreamOf(value)) continue;
      Ask ask = at->second;
      asks_.erase(at);
      return ask;
    }
    Fail("an answer comes, and nothing was asked");
  }
  void Give(const Ask& ask, const Received& received) {
    recovery_.OnReceived(now_, ask.ticket, ask.stream, 0, received, actions_);
    Do();
  }
  // No answer, as often as it is asked.
  void Fails(const json& value) {
    const Ask first = TakeAsk(value);
    Give(first, NoAnswer{});
    for (int i = 1; i < kAttemptsMax && recovery_.NextTick(); ++i) {
      now_ = *recovery_.NextTick();
      recovery_.OnTick(now_, actions_);
      repeats_ = first.ticket;
      Do();
      repeats_ = 0;
      if (const auto again = asks_.find(first.ticket); again != asks_.end()) {
        asks_.erase(again);
        Give(first, NoAnswer{});
      }
    }
  }
  void Do() {
    for (const Action& action : std::exchange(actions_, {})) {
      if (const auto* ask = std::get_if<Ask>(&action)) {
        asks_[ask->ticket] = *ask;
        if (ask->ticket != repeats_) calls_.push_back({ask->start ? json(*ask->start) : json(nullptr), nullptr});
      } else if (const auto* apply = std::get_if<Apply>(&action)) {
        Change(index_[apply->stream], apply->event);
      } else if (const auto* replace = std::get_if<Replace>(&action)) {
        index_[replace->stream].clear();
        for (const KvEvent& store : replace->stores) Change(index_[replace->stream], store);
      } else if (const auto* forget = std::get_if<Forget>(&action)) {
        for (auto& [stream, held] : index_)
          if (stream == forget->stream || (forget->all_ranks && stream.worker == forget->stream.worker)) held.clear();
      }
    }
  }
  static void Change(std::set<std::uint64_t>& held, const KvEvent& event) {
    for (const BlockName& block : event.blocks) {
      if (event.kind == EventKind::kStored) held.insert(block.low);
      if (event.kind == EventKind::kRemoved) held.erase(block.low);
    }
  }

  Time now_{0};
  EventRecovery recovery_;
  Actions actions_;
  std::map<std::uint64_t, Ask> asks_;
  json calls_ = json::array();
  std::uint64_t repeats_ = 0;  // a question that is asked again is not another one
  std::map<StreamKey, std::set<std::uint64_t>> index_;
};

void Compare(const json& expected, const char* name, const json& found) {
  if (!expected.contains(name)) return;
  Require(expected.at(name) == found, std::string(name) + " is " + found.dump().substr(0, 200) + ", not " +
                                          expected.at(name).dump().substr(0, 200));
}

void CompareStream(const Router& router, const StreamKey& stream, const json& expected) {
  Compare(expected, "cursor", router.Cursor(stream));
  Compare(expected, "blocks", router.Held(stream));
  Compare(expected, "idle", router.idle(stream));
}

}  // namespace

void CheckKvBuffer(const json& item) {
  const std::uint64_t capacity = NumberOrNull(item, "capacity").value_or(kEventsDefault);
  Require(capacity >= 1 && capacity <= kWorkMax / sizeof(KvEvent), "capacity is out of bounds");
  EventBuffer buffer(capacity, ContractOf(item));
  for (KvEvent& event : EventsOf(item, "events")) buffer.Record(std::move(event));
  std::size_t number = 0;
  for (const json& query : List(item, "queries")) {
    const json found = AsJson(buffer.Query(NumberOrNull(query, "start"), NumberOrNull(query, "end")));
    const json& expected = Field(query, "expect");
    ++number;
    bool as_expected = expected.is_object() && !expected.empty();
    for (const auto& [name, value] : expected.items()) as_expected = as_expected && found.value(name, json()) == value;
    Require(as_expected, "query " + std::to_string(number) + " is answered with " + found.dump().substr(0, 200) +
                             ", not " + expected.dump().substr(0, 200));
  }
}

void CheckKvRouter(const json& item) {
  Router router(ContractOf(item));
  if (item.contains("cursor")) router.SetCursor(StreamOf(item), item.at("cursor"));
  if (item.contains("cursors"))
    for (const json& each : List(item, "cursors")) router.SetCursor(StreamOf(each), Field(each, "cursor"));
  if (item.contains("live"))
    for (const json& event : List(item, "live")) router.Step({{"live", event}});
  if (item.contains("answers"))
    for (const json& answer : List(item, "answers")) router.Step({{"answer", answer}});
  if (item.contains("steps"))
    for (const json& step : List(item, "steps")) router.Step(step);
  const json& expected = Field(item, "expect");
  Require(expected.is_object(), "field 'expect' is not an object");
  Compare(expected, "queries", router.calls());
  CompareStream(router, StreamOf(item), expected);
  if (expected.contains("streams"))
    for (const json& each : List(expected, "streams")) CompareStream(router, StreamOf(each), each);
}

}  // namespace prefixmesh::bench
