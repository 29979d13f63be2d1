// Goal: records reach every peer exactly once whatever the streams do, and nothing is sent when there is nothing to
// say. Method: several state machines in one process, joined by an in-memory network that keeps order per stream, can
// refuse frames (a full queue), and can cut and mend streams; the ledger of what was placed is the oracle.
// Long: a network and a mesh that a test moves by hand, and all that must hold of them.
#include "impl/sync/two_layer/two_layer.h"

#include <deque>
#include <functional>
#include <map>
#include <set>

#include "impl/base/prng.h"
#include "impl/sync/two_layer/frame_reader.h"
#include "impl/sync/two_layer/frame_writer.h"
#include "tests/support/allocations.h"
#include "tests/support/properties.h"

namespace prefixmesh::two_layer {
namespace {

using std::chrono::milliseconds;

struct Edge {
  std::uint64_t id;
  std::string worker;
  auto operator<=>(const Edge&) const = default;
};

// One router: the strategy, and what it was told to apply.
class Router final : public StrategyView {
 public:
  Router(std::string name, std::vector<std::string> peers, Options options = {}) : peers_(std::move(peers)) {
    options.router = std::move(name);
    strategy_ = std::make_unique<TwoLayer>(std::move(options), *this);
  }
  std::span<const WorkerLoad> Workers() const override { return loads; }
  std::uint64_t WorkersVersion() const override { return version; }
  std::size_t PeerCount() const override { return peers_.size(); }
  std::string_view PeerName(PeerIndex peer) const override { return peers_[peer.value]; }
  Incarnation NewIncarnation() const override { return Incarnation{next_incarnation++}; }
  TwoLayer& strategy() { return *strategy_; }

  std::vector<WorkerLoad> loads;
  std::uint64_t version = 0;
  std::map<Edge, std::map<std::uint16_t, std::uint32_t>> index;  // edge → latest seq per origin
  std::map<std::string, std::uint32_t> peer_loads;
  std::map<std::string, bool> unreached;  // by a peer, as it last said
  std::map<std::string, std::uint64_t> registers;
  std::vector<std::string> closed;
  mutable std::uint64_t next_incarnation = 1000;

 private:
  std::vector<std::string> peers_;
  std::unique_ptr<TwoLayer> strategy_;
};

class Network {
 public:
  explicit Network(std::size_t routers, Options options = {}) {
    for (std::size_t i = 0; i < routers; ++i) {
      std::vector<std::string> peers;
      for (std::size_t k = 0; k < routers; ++k)
        if (k != i) peers.push_back("r" + std::to_string(k));
      options.incarnation = Incarnation{100 + i};
      routers_.push_back(std::make_unique<Router>("r" + std::to_string(i), peers, options));
    }
  }
  Router& operator[](std::size_t i) { return *routers_[i]; }
  std::size_t size() const { return routers_.size(); }

  // Index of `to` in the peer list of `from`.
  PeerIndex PeerOf(std::size_t from, std::size_t to) const {
    return PeerIndex{static_cast<std::uint16_t>(to < from ? to : to - 1)};
  }
  void Connect(std::size_t a, std::size_t b) {
    links_.insert({a, b});
    links_.insert({b, a});
    for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
      Actions actions;
      routers_[from]->strategy().OnPeerUp(now, PeerOf(from, to), StreamRole::kDialer, actions);
      Execute(from, actions);
    }
  }
  void ConnectAll() {
    for (std::size_t a = 0; a < size(); ++a)
      for (std::size_t b = a + 1; b < size(); ++b) Connect(a, b);
  }
  // The stream breaks: frames on their way are lost.
  void Cut(std::size_t a, std::size_t b) {
    for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
      if (links_.erase({from, to}) == 0) continue;
      in_flight_[{from, to}].clear();
      Actions actions;
      routers_[from]->strategy().OnPeerDown(now, PeerOf(from, to), actions);
      Execute(from, actions);
    }
  }
  bool Connected(std::size_t a, std::size_t b) const { return links_.count({a, b}) > 0; }

  void Place(std::size_t router, std::vector<NodeId> ids, const std::string& worker, std::uint64_t incarnation = 1) {
    Offer offer;
    offer.model = "m";
    offer.worker_name = worker;
    offer.worker_incarnation = Incarnation{incarnation};
    offer.ids = std::move(ids);
    Actions actions;
    routers_[router]->strategy().OnPlacement(now, std::move(offer), actions);
    Execute(router, actions);
  }
  // One round of one router.
  void Round(std::size_t router) {
    Actions actions;
    routers_[router]->strategy().OnRound(now, actions);
    Execute(router, actions);
  }
  // Delivers at most `count` frames of every link.
  void Deliver(std::size_t count = SIZE_MAX) {
    for (auto& [link, queue] : in_flight_) {
      if (link == held) continue;
      for (std::size_t i = 0; i < count && !queue.empty(); ++i) {
        const std::string frame = std::move(queue.front());
        queue.pop_front();
        Hand(link.first, link.second, frame);
      }
    }
  }
  // What is on its way does not arrive, and nobody is told.
  void Lose() { in_flight_.clear(); }
  void Hand(std::size_t from, std::size_t to, const std::string& frame) {
    Actions actions;
    routers_[to]->strategy().OnFrame(now, PeerOf(to, from), AsBytes(frame), actions);
    Execute(to, actions);
  }
  // Two seconds of rounds.
  void Settle() {
    for (int i = 0; i < 40; ++i) {
      now += milliseconds(50);
      for (std::size_t r = 0; r < size(); ++r) Round(r);
      Deliver();
    }
  }

  Time now{0};
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  std::pair<std::size_t, std::size_t> held{SIZE_MAX, SIZE_MAX};  // nothing of this direction is delivered
  std::function<void(const std::string&)> watch;
  std::uint64_t frames_of_news = 0;  // other than digests and vectors
  std::size_t queue_max = SIZE_MAX;  // frames a link holds before it is full

 private:
  void Execute(std::size_t router, Actions& actions) {
    Router& self = *routers_[router];
    for (std::size_t i = 0; i < actions.size(); ++i) {
      const Action action = std::move(actions[i]);
      if (const auto* send = std::get_if<SendFrame>(&action)) {
        const std::size_t to = send->peer.value < router ? send->peer.value : send->peer.value + std::size_t{1};
        SendOutcome outcome = SendOutcome::kClosed;
        if (Connected(router, to)) {
          auto& queue = in_flight_[{router, to}];
          outcome = queue.size() >= queue_max ? SendOutcome::kFull : SendOutcome::kQueued;
          if (outcome == SendOutcome::kQueued) {
            queue.push_back(send->frame);
            ++frames;
            bytes += send->frame.size();
            if (send->layer != Layer::kDigest) ++frames_of_news;
            if (watch) watch(send->frame);
          }
        }
        if (send->token != 0) self.strategy().OnSendResult(now, send->peer, send->token, outcome, actions);
      } else if (const auto* apply = std::get_if<ApplyIds>(&action)) {
        if (apply->origin == 0) continue;
        for (const NodeId id : apply->ids) self.index[{id.value, apply->worker_name}][apply->origin] = apply->seq;
      } else if (const auto* retract = std::get_if<RetractIds>(&action)) {
        for (const NodeId id : retract->ids) {
          auto& seqs = self.index[{id.value, retract->worker_name}];
          if (const auto at = seqs.find(retract->origin); at != seqs.end() && at->second == retract->seq)
            seqs.erase(at);
          if (seqs.empty()) self.index.erase({id.value, retract->worker_name});
        }
      } else if (const auto* below = std::get_if<RetractBelow>(&action)) {
        for (auto& [edge, seqs] : self.index)
          if (const auto at = seqs.find(below->origin); at != seqs.end() && at->second < below->seq) seqs.erase(at);
        std::erase_if(self.index, [](const auto& entry) { return entry.second.empty(); });
      } else if (const auto* load = std::get_if<ApplyLoad>(&action)) {
        self.peer_loads[load->worker_name] = load->in_flight;
        self.unreached[load->worker_name] = load->unreached;
      } else if (std::get_if<ForgetLoads>(&action) != nullptr) {
        self.peer_loads.clear();
      } else if (const auto* raised = std::get_if<ApplyRegister>(&action)) {
        self.registers[raised->worker_name] = raised->incarnation.value;
      } else if (const auto* close = std::get_if<CloseStream>(&action)) {
        self.closed.push_back(close->reason);
      }
    }
    actions.clear();
  }

  std::vector<std::unique_ptr<Router>> routers_;
  std::set<std::pair<std::size_t, std::size_t>> links_;
  std::map<std::pair<std::size_t, std::size_t>, std::deque<std::string>> in_flight_;
};

std::vector<NodeId> DrawIds(Prng& prng, std::size_t count) {
  std::vector<NodeId> ids;
  for (std::size_t i = 0; i < count; ++i) ids.push_back(NodeId{prng.Next() | 1});
  return ids;
}

// Found by a run with a router that joins: it pulled from each router what that router was about to push anyway, and
// what the other one pushed, because their vectors came before their first digests.
TEST_CASE("TwoLayer: a router that joins gets every record once, and every router stands where the others do") {
  Network net(3, {});
  net.Connect(0, 1);
  Prng prng(7);
  for (int i = 0; i < 400; ++i) net.Place(prng.Below(2), DrawIds(prng, 3), "w" + std::to_string(prng.Below(5)));
  net.Settle();
  const std::uint64_t before = net.bytes;
  for (std::size_t router : {0u, 1u}) REQUIRE(net[router].strategy().Report().records.received > 0);
  net.Connect(0, 2);
  net.Connect(1, 2);
  net.Settle();
  REQUIRE(net[2].strategy().Report().records.received == 400);
  REQUIRE(net.bytes - before < 400 * 45);  // three ids of eight random bytes, worker, and what it takes to say hello
  const auto text = [&](std::size_t router) {
    std::string positions;
    for (const LogPosition& log : net[router].strategy().Positions())
      positions += log.router + "@" + std::to_string(log.incarnation.value) + " " + std::to_string(log.floor) + "-" +
                   std::to_string(log.head) + " " + std::to_string(log.sum) + "; ";
    return positions;
  };
  REQUIRE(text(0).substr(0, 6) == "r0@100");
  REQUIRE(net[0].strategy().Positions().size() == 2);  // r2 has written nothing
  REQUIRE(text(0) == text(1));
  REQUIRE(text(0) == text(2));
}

// Found by a run with a cut between one router and two: what the first to greet showed of the other's log was pulled
// from it, and pushed by the other a moment later.
TEST_CASE("TwoLayer: a router that comes back gets every record once, though it meets one router after the other") {
  Network net(3, {});
  net.Connect(1, 2);
  Prng prng(7);
  std::vector<std::uint64_t> placed(3);
  for (int i = 0; i < 600; ++i) {
    const std::size_t router = prng.Below(3);
    ++placed[router];
    net.Place(router, DrawIds(prng, 3), "w" + std::to_string(prng.Below(5)));
  }
  net.Settle();
  net.Connect(0, 1);
  net.Deliver(1);  // the hellos: before the vectors come, the next stream is up
  net.Connect(0, 2);
  net.Settle();
  for (std::size_t router = 0; router < 3; ++router)
    REQUIRE(net[router].strategy().Report().records.received == 600 - placed[router]);
  REQUIRE(net[0].strategy().replica().Dump() == net[1].strategy().replica().Dump());
  REQUIRE(net[0].strategy().replica().Dump() == net[2].strategy().replica().Dump());
}

// Found by a run with a one-way cut: the one who heard and was not heard sent everything again every three seconds.
TEST_CASE("TwoLayer: to a peer that talks and does not hear, news is sent twice and then waits until it answers") {
  Network net(2);
  net.ConnectAll();
  net.Settle();
  net.held = {0, 1};
  Prng prng(11);
  std::uint64_t placed = 0;
  std::vector<std::uint64_t> sent;  // by second
  for (int second = 0; second < 30; ++second) {
    for (int round = 0; round < 20; ++round, ++placed) {
      net.Place(0, DrawIds(prng, 3), "w");
      net.now += milliseconds(50);
      net.Round(0);
      net.Round(1);
      net.Deliver();
    }
    sent.push_back(net[0].strategy().Report().records.sent);
  }
  REQUIRE(sent[2] == 60);  // at first each as it comes
  REQUIRE(sent.back() <= 2 * 8 * 20);
  REQUIRE(sent[10] == sent.back());
  // What was held arrives, and with it everything.
  net.held = {SIZE_MAX, SIZE_MAX};
  net.Deliver();
  net.Settle();
  REQUIRE(net[1].strategy().Positions().front().head == placed + 1);
  REQUIRE(net[0].strategy().Positions().front().sum == net[1].strategy().Positions().front().sum);
  // It was not lost but late: no record came more than twice, and what waited came once.
  REQUIRE(net[1].strategy().Report().records.received <= placed + 8 * 20);
}

// W5, W10, X1, H1, H7: any interleaving of placements, rounds, deliveries, full queues, cuts and reconnects; afterwards
// every router holds what every other one placed, each record applied once.
TEST_CASE("TwoLayer: after any faults of the streams every peer holds every record") {
  test::ForAll("any history", [](std::uint64_t seed) {
    Prng prng(seed);
    const std::size_t routers = 2 + prng.Below(3);
    Options options;
    options.page_bytes = prng.Below(2) == 0 ? 100 : 256 << 10;  // rounds that carry one record or two
    Network net(routers, options);
    net.ConnectAll();
    net.queue_max = 1 + prng.Below(4);
    std::vector<std::set<Edge>> placed(routers);
    for (int step = 0; step < 120; ++step) {
      const std::size_t a = prng.Below(routers), b = (a + 1 + prng.Below(routers - 1)) % routers;
      switch (prng.Below(6)) {
        case 0:
        case 1: {
          const auto ids = DrawIds(prng, 1 + prng.Below(5));
          const std::string worker = "w" + std::to_string(prng.Below(5));
          for (const NodeId id : ids) placed[a].insert({id.value, worker});
          net.Place(a, ids, worker);
          break;
        }
        case 2:
        case 3:
          net.Round(a);
          break;
        case 4:
          net.Deliver(1);
          break;
        default:
          if (net.Connected(a, b)) {
            net.Cut(a, b);
          } else {
            net.Connect(a, b);
          }
      }
    }
    for (std::size_t a = 0; a < routers; ++a)
      for (std::size_t b = a + 1; b < routers; ++b)
        if (!net.Connected(a, b)) net.Connect(a, b);
    net.queue_max = SIZE_MAX;
    net.Settle();
    for (std::size_t r = 0; r < routers; ++r) {
      std::set<Edge> expected;
      for (std::size_t other = 0; other < routers; ++other)
        if (other != r) expected.insert(placed[other].begin(), placed[other].end());
      std::set<Edge> held;
      for (const auto& [edge, seqs] : net[r].index) held.insert(edge);
      RC_ASSERT(held == expected);
      RC_ASSERT(net[r].strategy().Report().decode_errors == 0u);
      RC_ASSERT(net[r].closed.empty());
    }
    for (std::size_t r = 1; r < routers; ++r)
      RC_ASSERT(net[r].strategy().replica().Dump() == net[0].strategy().replica().Dump());
    const std::uint64_t frames = net.frames_of_news;
    net.Settle();
    RC_ASSERT(net.frames_of_news == frames);  // silence when idle
  });
}

TEST_CASE("TwoLayer: an idle mesh says one digest of at most 32 bytes per peer and second") {
  Network net(3);
  net.ConnectAll();
  Prng prng(1);
  for (int i = 0; i < 500; ++i) net.Place(static_cast<std::size_t>(i % 3), DrawIds(prng, 2), "w1");
  net.Settle();
  const std::uint64_t frames = net.frames, bytes = net.bytes;
  for (int i = 0; i < 100; ++i) net.Settle();  // 200 seconds, 6 directions
  REQUIRE(net.frames - frames == 200 * 6);
  REQUIRE(net.bytes - bytes <= 200 * 6 * 32);
}

TEST_CASE("TwoLayer: a router that joins late gets the whole window from its origins, with no traffic") {  // W8
  Network net(3);
  net.Connect(0, 1);
  Prng prng(3);
  for (int i = 0; i < 500; ++i) net.Place(0, DrawIds(prng, 2), "w1");
  net.Settle();
  net.Connect(0, 2);
  net.Connect(1, 2);
  net.Settle();
  REQUIRE(net[2].index.size() == 1000);
}

TEST_CASE("TwoLayer: what leaves the origin's window leaves every index, and only that") {
  Options options;
  options.window_bytes = 10 * (12 + 8);  // ten records of one id
  Network net(2, options);
  net.ConnectAll();
  Prng prng(8);
  std::vector<NodeId> all;
  for (int i = 0; i < 50; ++i) {
    const auto ids = DrawIds(prng, 1);
    all.push_back(ids[0]);
    net.Place(0, ids, "w");
    net.Round(0);
    net.Deliver();
    net.Round(1);
    net.Deliver();
  }
  net.Place(0, {all.back()}, "w");  // announced again: the older record's passing must not take it away
  net.Settle();
  REQUIRE(net[1].index.size() <= 10);
  REQUIRE(net[1].index.count({all.back().value, "w"}) == 1);
  REQUIRE(net[1].index.count({all.front().value, "w"}) == 0);
  REQUIRE(net[1].strategy().Holds("m", Kind::kText, all.back(), "w"));
  REQUIRE_FALSE(net[1].strategy().Holds("m", Kind::kText, all.front(), "w"));
}

TEST_CASE("TwoLayer: loads are told when they change, and are void when the peer is gone") {
  Network net(2);
  net.ConnectAll();
  net[0].loads = {{"w0", Incarnation{1}, 3}, {"w1", Incarnation{1}, 0}};
  net[0].version = 1;
  net.Settle();
  REQUIRE(net[1].peer_loads == std::map<std::string, std::uint32_t>{{"w0", 3}});
  const std::uint64_t frames = net.frames_of_news;
  net.Settle();
  REQUIRE(net.frames_of_news == frames);
  net[0].loads[0].in_flight = 0;
  net[0].version = 2;
  net.Settle();
  REQUIRE(net[1].peer_loads["w0"] == 0);
  net[0].loads[1].in_flight = 9;
  net[0].version = 3;
  net.Settle();
  net.Cut(0, 1);
  REQUIRE(net[1].peer_loads.empty());
}

TEST_CASE("TwoLayer: loads that got lost are noticed by the next digest and said again") {
  test::ForAll("any changes, any losses", [](std::uint64_t seed) {
    Prng prng(seed);
    Network net(2);
    net.ConnectAll();
    net[0].loads = {{"w0", Incarnation{1}, 1}, {"w1", Incarnation{1}, 1}, {"w2", Incarnation{1}, 1}};
    for (int change = 0; change < 12; ++change) {
      WorkerLoad& changed = net[0].loads[prng.Below(3)];
      changed.in_flight = static_cast<std::uint32_t>(prng.Below(4));
      changed.unreached = prng.Below(4) == 0;
      ++net[0].version;
      net.now += milliseconds(50);
      net.Round(0);
      net.Round(1);
      if (prng.Below(2) == 0) net.Lose();
      net.Deliver();
    }
    net.Settle();
    net.Settle();
    for (const WorkerLoad& load : net[0].loads) {
      const std::string name(load.name);
      RC_ASSERT(net[1].unreached[name] == load.unreached);
      RC_ASSERT(net[1].peer_loads[name] == load.in_flight);
    }
    const std::uint64_t frames = net.frames_of_news;
    net.Settle();
    RC_ASSERT(net.frames_of_news == frames);
  });
}

TEST_CASE("TwoLayer: records about an older life of a worker are kept but not applied") {
  Network net(2);
  net.ConnectAll();
  net.Place(1, {NodeId{5}}, "w", 7);
  net.Settle();
  REQUIRE(net[0].registers["w"] == 7);
  net.Place(0, {NodeId{9}}, "w", 6);
  net.Settle();
  REQUIRE(net[1].index.empty());
  REQUIRE(net[1].strategy().Report().records.stale == 1);
}

// I12: whatever comes in that is not a frame of this stream changes nothing, and is counted.
TEST_CASE("TwoLayer: damaged frames change nothing, are counted, and the peer is told") {  // W22, W23
  test::ForAll("any damage", [](std::uint64_t seed, const std::string& bytes) {
    Prng prng(seed);
    Network net(2);
    net.ConnectAll();
    net.Place(0, DrawIds(prng, 3), "w");
    std::string frame;
    net.watch = [&](const std::string& sent) { frame = sent; };
    net.Settle();
    net.watch = nullptr;
    const auto before = net[1].index;
    const std::string dump = net[1].strategy().replica().Dump();
    if (prng.Below(2) == 0) {  // one bit, or a piece
      frame[1 + prng.Below(frame.size() - 1)] ^= static_cast<char>(1u << prng.Below(8));
    } else {
      frame = frame.substr(0, 1 + prng.Below(frame.size() - 1)) + bytes;
    }
    const std::uint64_t told = net.frames;
    net.Hand(0, 1, frame);
    RC_ASSERT(net[1].index == before);
    RC_ASSERT(net[1].strategy().replica().Dump() == dump);
    RC_ASSERT(net[1].strategy().Report().decode_errors == 1u);
    RC_ASSERT(net.frames == told + 1);
    RC_ASSERT(net[1].closed.empty());  // one bad frame is no reason to part
    net.Settle();
    for (const NodeId id : DrawIds(prng, 3)) net.Place(0, {id}, "w");
    net.Settle();
    RC_ASSERT(net[1].strategy().replica().Dump() == net[0].strategy().replica().Dump());
  });
}

TEST_CASE("TwoLayer: a peer that sends corrupt frames again and again is closed") {
  Network net(2);
  net.ConnectAll();
  net.Settle();
  for (int i = 0; i < kCorruptMax; ++i) net.Hand(0, 1, std::string("\x02 corrupt"));
  REQUIRE(net[1].closed == std::vector<std::string>{"corrupt"});
}

TEST_CASE("TwoLayer: frames of a kind that a later release may have are skipped and counted") {  // W21
  Network net(2);
  net.ConnectAll();
  net.Settle();
  net.Hand(0, 1, std::string("\xc8 something new"));
  REQUIRE(net[1].strategy().Report().decode_errors == 0);
  REQUIRE(net[1].strategy().Report().unknown_frames == 1);
  REQUIRE(net[1].closed.empty());
}

// Found by the simulator (seed 24269): the rest of the round was taken for a log of incarnation 0, which nobody wrote.
TEST_CASE("TwoLayer: a round that shows two writers of this router's name is not read any further") {
  Options options;
  options.incarnation = Incarnation{7};
  Router a("a", {"b"}, options);
  Hello hello;
  hello.text_block_bytes = options.text_block_bytes;
  hello.tokens_block_tokens = options.tokens_block_tokens;
  hello.sender = {"b", Incarnation{4}};
  Time now{0};
  const auto hand = [&](const std::string& frame) {
    Actions actions;
    a.strategy().OnFrame(now, PeerIndex{0}, AsBytes(frame), actions);
    for (const Action& action : actions)
      if (const auto* close = std::get_if<CloseStream>(&action)) a.closed.push_back(close->reason);
  };
  const char* const kShownBy[] = {"an ack", "a range"};
  for (std::size_t shown = 0; shown < std::size(kShownBy); ++shown) {
    INFO(kShownBy[shown]);
    now += std::chrono::seconds(9);
    a.closed.clear();
    Actions actions;
    a.strategy().OnPeerUp(now, PeerIndex{0}, StreamRole::kServer, actions);
    hand(EncodeHello(hello));
    const OriginKey own = a.strategy().replica().own().key;
    Round round;
    if (shown == 0) round.acks.push_back({{}, 5, false});  // b has more of a's log than a wrote
    if (shown == 1) round.ranges.push_back({own, 5, 5, false, 0, {}});
    round.ranges.push_back({{}, 3, 3, false, 0, {}});  // and says where its own log stands
    round.has_digest = true;
    round.digest.floor = round.digest.head = 3;
    hand(EncodeRound(round, SlotBitsFor(1, 1), SealKey(hello.sender.incarnation, own.incarnation)));
    REQUIRE(a.closed == std::vector<std::string>{"new_incarnation"});
    REQUIRE(a.strategy().Positions().empty());
  }
}

// A stream may not begin with a hello that does not fit: each reason has its name, at both ends.
TEST_CASE("TwoLayer: who does not fit is refused by name") {  // W21
  const auto refused_for = [](auto change) {
    Options options;
    options.router = "a";
    options.incarnation = Incarnation{7};
    options.hash_key_id = 1;
    Router a("a", {"b"}, options);
    Hello hello;
    hello.hash_key_id = 1;
    hello.text_block_bytes = options.text_block_bytes;
    hello.tokens_block_tokens = options.tokens_block_tokens;
    hello.sender = {"b", Incarnation{4}};
    change(hello);
    Actions actions;
    const Time now{0};
    a.strategy().OnPeerUp(now, PeerIndex{0}, StreamRole::kServer, actions);
    actions.clear();
    const std::string frame = EncodeHello(hello);
    a.strategy().OnFrame(now, PeerIndex{0}, AsBytes(frame), actions);
    const auto* close = std::get_if<CloseStream>(&actions.back());
    if (close == nullptr) return std::string("taken");
    REQUIRE(RefuseReasonName(DecodeRefusal(AsBytes(std::get<SendFrame>(actions[0]).frame))->reason) == close->reason);
    return close->reason;
  };
  REQUIRE(refused_for([](Hello&) {}) == "taken");
  REQUIRE(refused_for([](Hello& hello) { hello.version_max = 9; }) == "taken");
  REQUIRE(refused_for([](Hello& hello) { hello.version_min = hello.version_max = 9; }) == "version");
  REQUIRE(refused_for([](Hello& hello) { hello.hash_key_id = 2; }) == "hash_key");
  REQUIRE(refused_for([](Hello& hello) { hello.text_block_bytes = 128; }) == "block_size");
  REQUIRE(refused_for([](Hello& hello) { hello.tokens_block_tokens = 64; }) == "block_size");
  REQUIRE(refused_for([](Hello& hello) { hello.sender.router = "c"; }) == "identity");
  REQUIRE(refused_for([](Hello& hello) { hello.sender.router = "a"; }) == "identity");
}

TEST_CASE("TwoLayer: the longest prompt there is makes a record that a peer takes") {
  Network net(2);
  net.ConnectAll();
  std::vector<NodeId> blocks;
  for (std::uint64_t i = 1; i <= (8u << 20) / 64; ++i) blocks.push_back(NodeId{i});
  PlacementView placement;
  placement.model = "m";
  placement.worker_name = "w";
  placement.blocks = blocks;
  placement.leaf_depth = static_cast<std::uint32_t>(blocks.size());
  const auto offer = net[0].strategy().Capture(placement);
  REQUIRE(offer.has_value());
  net.Place(0, offer->ids, "w");
  net.Settle();
  REQUIRE(net[1].closed.empty());
  REQUIRE(net[1].index.count({blocks.back().value, "w"}) == 1);
}

TEST_CASE("TwoLayer: a report is a read: it allocates nothing") {
  Network net(2);
  net.ConnectAll();
  Prng prng(3);
  for (int i = 0; i < 1000; ++i) net.Place(0, DrawIds(prng, 2), "w1");
  net.Settle();
  const test::AllocationCount before = test::Allocations();
  const StrategyReport report = net[1].strategy().Report();
  REQUIRE(test::Allocations().count == before.count);
  REQUIRE(report.buffer_count == 4);
  REQUIRE(report.buffers[1].entries == 1000);
}

TEST_CASE("TwoLayer: a placement names its branch, the coarse anchors that are new, and its leaf") {
  Options options;
  options.anchors = 32;
  Router router("a", {}, options);
  std::vector<NodeId> blocks;
  for (std::uint64_t i = 1; i <= 100; ++i) blocks.push_back(NodeId{i});
  PlacementView placement;
  placement.model = "m";
  placement.worker_name = "w";
  placement.blocks = blocks;
  placement.leaf_depth = 100;
  const auto depths = [&] {
    std::vector<std::uint64_t> values;
    const auto offer = router.strategy().Capture(placement);
    REQUIRE(offer.has_value());
    for (const NodeId id : offer->ids) values.push_back(id.value);
    return values;
  };
  REQUIRE(depths() == std::vector<std::uint64_t>{1, 2, 4, 8, 16, 32, 64, 96, 100});
  placement.branch_depth = 70;
  REQUIRE(depths() == std::vector<std::uint64_t>{70, 96, 100});
  placement.branch_depth = 81;  // names the worker 15 blocks above the next anchor: that would say little more
  REQUIRE(depths() == std::vector<std::uint64_t>{81, 100});
  placement.branch_depth = 80;
  REQUIRE(depths() == std::vector<std::uint64_t>{80, 96, 100});
  placement.branch = Announcement::kFresh;  // the mesh has the branch: what is new lies below it
  REQUIRE(depths() == std::vector<std::uint64_t>{96, 100});
  placement.branch = Announcement::kOld;  // said long ago, with the anchors above it: all of it again
  REQUIRE(depths() == std::vector<std::uint64_t>{80, 1, 2, 4, 8, 16, 32, 64, 96, 100});
  placement.branch_depth = 64;
  REQUIRE(depths() == std::vector<std::uint64_t>{64, 1, 2, 4, 8, 16, 32, 96, 100});
  placement.branch_depth = 100;
  placement.repeat = true;
  REQUIRE_FALSE(router.strategy().Capture(placement).has_value());
  placement.refresh = true;  // announced again whole: what said it first is about to leave the window
  REQUIRE(depths() == std::vector<std::uint64_t>{1, 2, 4, 8, 16, 32, 64, 96, 100});
}

}  // namespace
}  // namespace prefixmesh::two_layer
