// Goal: an entry (id, worker) keeps the latest seq of each origin, a retraction takes exactly its own seq, and what is
// left depends on the windows and the registers only, not on the order in which they were heard.
// Method: random histories against the naive set of block_index_oracle.h; one world of logs delivered twice in
// different orders; and, with a budget that is too small, that what is left is part of what should be.
#include <array>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "impl/base/prng.h"
#include "impl/tree/block_index.h"
#include "tests/impl/tree/block_index_oracle.h"

namespace prefixmesh {
namespace {

using test::AnnouncedEntries;
using test::kBlock;
using test::PrefixOracle;
using test::Word;

// Both ends of what an origin slot may be, and neighbours.
constexpr std::array<std::uint16_t, 5> kOrigins = {1, 2, 2048, BlockIndex::kOriginsMax - 1, BlockIndex::kOriginsMax};

std::vector<NodeId> IdsOf(const std::vector<std::string>& prefixes) {
  std::vector<NodeId> ids;
  for (const std::string& prefix : prefixes) ids.push_back(Word(prefix).ids.back());
  return ids;
}

// One to three prefixes of a word, the leaf last: what a record names.
std::vector<std::string> DrawNamed() {
  const std::string word = test::DrawWord(7);
  std::vector<std::string> named;
  for (int anchors = *rc::gen::inRange(0, 3); anchors > 0; --anchors)
    named.push_back(word.substr(0, *rc::gen::inRange<std::size_t>(0, word.size()) + 1));
  named.push_back(word);
  return named;
}

TEST_CASE("BlockIndex: keeps the latest seq per origin, and a retraction takes only that seq") {
  test::ForAll("any history", [] {
    BlockIndex index({.text_block_bytes = kBlock});
    PrefixOracle oracle;
    std::set<std::string> words;
    const int steps = *rc::gen::inRange(1, 50);
    for (int step = 0; step < steps; ++step) {
      const auto named = DrawNamed();
      words.insert(named.begin(), named.end());
      const auto worker = *rc::gen::inRange<std::uint16_t>(0, 3);
      const auto origin = *rc::gen::elementOf(kOrigins);
      const auto seq = *rc::gen::inRange<std::uint32_t>(1, 6);
      switch (*rc::gen::weightedElement<int>({{4, 0}, {8, 1}, {6, 2}, {1, 3}, {1, 4}})) {
        case 0:
          index.Insert(Word(named.back()).prompt(), WorkerIndex{worker});
          oracle.Insert(named.back(), worker);
          break;
        case 1:
          index.ApplyIds(IdsOf(named), WorkerIndex{worker}, origin, seq);
          for (const std::string& prefix : named) oracle.Announce(prefix, worker, origin, seq);
          break;
        case 2:
          index.RetractIds(IdsOf(named), WorkerIndex{worker}, origin, seq);
          for (const std::string& prefix : named) oracle.Retract(prefix, worker, origin, seq);
          break;
        case 3:
          index.RemoveWorker(WorkerIndex{worker});
          oracle.RemoveWorker(worker);
          break;
        default: {  // the origin is gone: all of its window is taken back
          const PrefixOracle::Announced all = oracle.announced();
          for (const auto& [key, latest] : all) {
            const auto& [prefix, holder, teller] = key;
            if (teller != origin) continue;
            index.RetractIds(IdsOf({prefix}), WorkerIndex{holder}, origin, latest);
            oracle.Retract(prefix, holder, origin, latest);
          }
        }
      }
      RC_ASSERT(AnnouncedEntries(index) == AnnouncedEntries(oracle));
      for (const std::string& word : words) {
        test::RequireSameAnswers(index, oracle, word);
        const NodeId id = Word(word).ids.back();
        for (const auto& [key, latest] : oracle.announced())
          if (std::get<0>(key) == word) RC_ASSERT(index.Holds(id, WorkerIndex{std::get<1>(key)}));
      }
      RC_ASSERT(index.ForgottenCounts().runs + index.ForgottenCounts().announced == 0u);
    }
  });
}

// ---- order ----------------------------------------------------------------------------------------------------------

struct LogRecord {
  std::uint16_t worker = 0;
  std::uint64_t incarnation = 1;
  std::vector<std::string> named;
};

// All logs from their first record on; of each only [floor, head) is in its window. Seqs start at 1.
struct World {
  std::map<std::uint16_t, std::vector<LogRecord>> logs;
  std::map<std::uint16_t, std::uint32_t> floors;
  std::map<std::uint16_t, std::uint64_t> registers;

  const LogRecord& record(std::uint16_t origin, std::uint32_t seq) const { return logs.at(origin)[seq - 1]; }
  PrefixOracle Index() const {
    PrefixOracle oracle;
    for (const auto& [origin, log] : logs)
      for (std::uint32_t seq = floors.at(origin); seq <= log.size(); ++seq)
        if (const LogRecord& each = log[seq - 1]; each.incarnation == registers.at(each.worker))
          for (const std::string& prefix : each.named) oracle.Announce(prefix, each.worker, origin, seq);
    return oracle;
  }
};

World DrawWorld() {
  World world;
  for (std::uint16_t worker = 0; worker < 3; ++worker) world.registers[worker] = *rc::gen::inRange<std::uint64_t>(1, 4);
  for (const std::uint16_t origin : {kOrigins[0], kOrigins[2], kOrigins[4]}) {
    std::vector<LogRecord>& log = world.logs[origin];
    log.resize(*rc::gen::inRange<std::size_t>(0, 10));
    for (LogRecord& each : log) {
      each.worker = *rc::gen::inRange<std::uint16_t>(0, 3);
      each.incarnation = *rc::gen::inRange<std::uint64_t>(1, world.registers[each.worker] + 1);
      each.named = DrawNamed();
    }
    world.floors[origin] = *rc::gen::inRange<std::uint32_t>(1, static_cast<std::uint32_t>(log.size()) + 2);
  }
  return world;
}

// Tells an index the whole world in some order: records, some of them twice and some that leave their window again,
// floors in steps and registers in steps.
void Deliver(const World& world, std::uint64_t seed, BlockIndex& index) {
  enum class What { kRecord, kFloor, kRegister };
  struct Event {
    What what;
    std::uint16_t subject;
    std::uint64_t value;
  };
  Prng prng(seed);
  std::vector<Event> events;
  for (const auto& [origin, log] : world.logs) {
    const std::uint32_t floor = world.floors.at(origin);
    for (std::uint32_t seq = 1; seq <= log.size(); ++seq)
      for (std::uint64_t times = seq >= floor ? 1 + prng.Below(2) : prng.Below(2); times > 0; --times)
        events.push_back({What::kRecord, origin, seq});
    events.push_back({What::kFloor, origin, 1 + prng.Below(floor)});
    events.push_back({What::kFloor, origin, floor});
  }
  for (const auto& [worker, incarnation] : world.registers)
    for (std::uint64_t value = 1 + prng.Below(incarnation); value <= incarnation; ++value)
      events.push_back({What::kRegister, worker, value});
  for (std::size_t i = events.size(); i > 1; --i) std::swap(events[i - 1], events[prng.Below(i)]);

  std::map<std::uint16_t, std::uint64_t> floors;
  std::map<std::uint16_t, std::set<std::uint32_t>> have;
  for (const Event& event : events) {
    switch (event.what) {
      case What::kRecord: {
        const auto seq = static_cast<std::uint32_t>(event.value);
        if (seq < floors[event.subject]) break;  // a receiver skips what is below the floor
        const LogRecord& record = world.record(event.subject, seq);
        have[event.subject].insert(seq);
        index.ApplyIds(IdsOf(record.named), WorkerIndex{record.worker}, event.subject, seq,
                       Incarnation{record.incarnation});
        break;
      }
      case What::kFloor: {
        std::uint64_t& floor = floors[event.subject];
        floor = std::max(floor, event.value);
        std::vector<std::uint32_t> gone(have[event.subject].begin(),
                                        have[event.subject].lower_bound(static_cast<std::uint32_t>(floor)));
        for (std::size_t i = gone.size(); i > 1; --i) std::swap(gone[i - 1], gone[prng.Below(i)]);
        for (const std::uint32_t seq : gone) {
          const LogRecord& record = world.record(event.subject, seq);
          index.RetractIds(IdsOf(record.named), WorkerIndex{record.worker}, event.subject, seq);
          have[event.subject].erase(seq);
        }
        break;
      }
      case What::kRegister:
        index.RaiseIncarnation(WorkerIndex{event.subject}, Incarnation{event.value});
    }
  }
}

TEST_CASE("BlockIndex: the same windows and registers in any order give the same entries and the same answers") {
  test::ForAll("any world, two orders", [] {
    const World world = DrawWorld();
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    BlockIndex first({.text_block_bytes = kBlock}), second({.text_block_bytes = kBlock});
    Deliver(world, seed, first);
    Deliver(world, seed + 1, second);
    PrefixOracle oracle = world.Index();
    RC_ASSERT(AnnouncedEntries(first) == AnnouncedEntries(oracle));
    RC_ASSERT(first.Dump() == second.Dump());

    // With the same prompts routed on top, in two orders.
    std::vector<std::pair<std::string, std::uint16_t>> own;
    for (int i = *rc::gen::inRange(0, 8); i > 0; --i)
      own.emplace_back(test::DrawWord(7), *rc::gen::inRange<std::uint16_t>(0, 3));
    for (const auto& [word, worker] : own) {
      first.Insert(Word(word).prompt(), WorkerIndex{worker});
      oracle.Insert(word, worker);
    }
    for (auto at = own.rbegin(); at != own.rend(); ++at)
      second.Insert(Word(at->first).prompt(), WorkerIndex{at->second});
    std::set<std::string> words;
    for (const auto& [word, worker] : own) words.insert(word);
    for (const auto& [origin, log] : world.logs)
      for (const LogRecord& record : log) words.insert(record.named.begin(), record.named.end());
    for (const std::string& word : words) {
      test::RequireSameAnswers(first, oracle, word + "b");
      test::RequireSameAnswers(second, oracle, word + "b");
    }
  });
}

// ---- budget ---------------------------------------------------------------------------------------------------------

TEST_CASE("BlockIndex: over its budget it answers with a part of what it was told, and counts the rest") {
  struct Told {
    std::uint16_t worker, origin;
    std::uint32_t seq;
    std::vector<NodeId> ids;
  };
  constexpr std::size_t kWindow = 400;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    BlockIndex index({.budget_bytes = 1, .text_block_bytes = kBlock});
    REQUIRE(index.Size().budget_bytes == BlockIndex::kBudgetBytesMin);
    Prng prng(seed);
    std::map<std::tuple<std::uint64_t, std::uint16_t, std::uint16_t>, std::uint32_t> announced;  // (id, worker, origin)
    std::set<std::pair<std::uint64_t, std::uint16_t>> own;                                       // (id, worker)
    std::map<std::uint16_t, std::vector<Told>> windows;
    std::map<std::uint16_t, std::uint32_t> next_seq;
    std::vector<std::vector<NodeId>> prompts;
    const Slices none;
    for (int step = 1; step <= 4000; ++step) {
      // A family's shared blocks, then its own.
      std::vector<NodeId> ids;
      Prng family(1000 + prng.Below(30));
      for (std::uint64_t blocks = 1 + prng.Below(12); blocks > 0; --blocks) ids.push_back(NodeId{family.Next() | 1});
      for (std::uint64_t blocks = prng.Below(4); blocks > 0; --blocks) ids.push_back(NodeId{prng.Next() | 1});
      const auto worker = static_cast<std::uint16_t>(prng.Below(5));
      if (prng.Below(2) == 0) {
        index.Insert({Kind::kText, &none, ids}, WorkerIndex{worker});
        for (const NodeId id : ids) own.insert({id.value, worker});
        prompts.push_back(ids);
      } else {
        const std::uint16_t origin = kOrigins[prng.Below(kOrigins.size())];
        const std::uint32_t seq = ++next_seq[origin];
        index.ApplyIds(ids, WorkerIndex{worker}, origin, seq);
        for (const NodeId id : ids) announced[{id.value, worker, origin}] = seq;
        std::vector<Told>& window = windows[origin];
        window.push_back({worker, origin, seq, ids});
        if (window.size() > kWindow) {
          const Told gone = window.front();
          window.erase(window.begin());
          index.RetractIds(gone.ids, WorkerIndex{gone.worker}, gone.origin, gone.seq);
          for (const NodeId id : gone.ids) {
            const auto at = announced.find({id.value, gone.worker, gone.origin});
            if (at != announced.end() && at->second == gone.seq) announced.erase(at);
          }
        }
      }
      REQUIRE(index.Size().bytes <= index.Size().budget_bytes);
      if (step % 500 != 0) continue;
      std::size_t kept = 0;
      for (const DumpedEdge& edge : index.Dump()) {
        if (edge.origin == 0) {
          REQUIRE(own.contains({edge.id.value, edge.worker.value}));
          continue;
        }
        const auto at = announced.find({edge.id.value, edge.worker.value, edge.origin});
        REQUIRE(at != announced.end());
        REQUIRE(at->second == edge.seq);
        ++kept;
      }
      REQUIRE(announced.size() - kept <= index.ForgottenCounts().announced);
      for (std::size_t i = 0; i < prompts.size(); i += 7) {
        std::vector<WorkerPrefix> depths;
        index.Depths({Kind::kText, &none, prompts[i]}, depths);
        for (const WorkerPrefix& depth : depths) {
          const std::uint64_t id = prompts[i][depth.bytes / kBlock - 1].value;
          const auto at = announced.lower_bound({id, depth.worker.value, 0});
          const bool told =
              at != announced.end() && std::get<0>(at->first) == id && std::get<1>(at->first) == depth.worker.value;
          REQUIRE((told || own.contains({id, depth.worker.value})));
        }
      }
    }
    REQUIRE(index.ForgottenCounts().announced > 100);
    REQUIRE(index.ForgottenCounts().runs > 100);
  }
}

}  // namespace
}  // namespace prefixmesh
