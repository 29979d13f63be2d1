// Goal: the KV cache is an LRU list of blocks; checked against a std::list that is obviously one.
#include "loadgen/worker/kv_cache.h"

#include <algorithm>
#include <list>

#include "tests/support/properties.h"

namespace prefixmesh::load {
namespace {

std::vector<std::uint64_t> Sorted(const std::vector<NodeId>& ids) {
  std::vector<std::uint64_t> values;
  for (const NodeId id : ids) values.push_back(id.value);
  std::sort(values.begin(), values.end());
  return values;
}

class NaiveCache {
 public:
  explicit NaiveCache(std::size_t capacity) : capacity_(capacity) {}
  std::size_t Match(const std::vector<NodeId>& chain) {
    std::size_t depth = 0;
    while (depth < chain.size() && Holds(chain[depth])) ++depth;
    for (std::size_t i = depth; i > 0; --i) Touch(chain[i - 1]);
    return depth;
  }
  void Insert(const std::vector<NodeId>& chain) {
    for (std::size_t i = std::min(chain.size(), capacity_); i > 0; --i) {
      Touch(chain[i - 1]);
      if (order_.size() > capacity_) order_.pop_back();
    }
  }
  std::vector<std::uint64_t> Sample() const {
    std::vector<NodeId> ids;
    std::copy_if(order_.begin(), order_.end(), std::back_inserter(ids), BlockSum::InSample);
    return Sorted(ids);
  }
  BlockSum sum() const {
    BlockSum sum;
    for (const NodeId id : order_) sum.Add(id);
    return sum;
  }

 private:
  bool Holds(NodeId id) const { return std::find(order_.begin(), order_.end(), id) != order_.end(); }
  void Touch(NodeId id) {
    order_.remove(id);
    order_.push_front(id);
  }
  std::size_t capacity_;
  std::list<NodeId> order_;  // newest first
};

// A chain of a small family: the first `shared` blocks are everyone's, the rest the branch's own.
std::vector<NodeId> BranchChain(std::uint8_t branch, std::uint8_t length) {
  std::vector<NodeId> chain;
  for (std::uint64_t i = 0; i < length % 24u; ++i) chain.push_back(NodeId{i < 4 ? i + 1 : branch * 1000u + i});
  return chain;
}

TEST_CASE("KvCache: agrees with a naive list on every match and sum") {
  test::ForAll("any operations",
               [](const std::vector<std::tuple<bool, std::uint8_t, std::uint8_t>>& operations, std::uint8_t room) {
                 KvCache cache(room % 64u);
                 NaiveCache naive(room % 64u);
                 for (const auto& [inserting, branch, length] : operations) {
                   const std::vector<NodeId> chain = BranchChain(branch, length);
                   if (inserting) {
                     cache.Insert(chain);
                     naive.Insert(chain);
                   } else {
                     RC_ASSERT(cache.Peek(chain) == cache.Match(chain));
                     RC_ASSERT(cache.Match(chain) == naive.Match(chain));
                   }
                   RC_ASSERT(cache.sum() == naive.sum());
                   RC_ASSERT(cache.size() == naive.sum().blocks);
                   RC_ASSERT(Sorted(cache.Sample()) == naive.Sample());
                 }
               });
}

TEST_CASE("KvCache: the end of a prompt goes before its beginning") {
  KvCache cache(10);
  const std::vector<NodeId> chain = {{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}};
  cache.Insert(chain);
  cache.Insert(std::vector<NodeId>{{11}, {12}, {13}, {14}, {15}});
  REQUIRE(cache.Peek(chain) == 5);
  REQUIRE(cache.evicted() == 3);
}

TEST_CASE("KvCache: a chain longer than the cache keeps its first blocks") {
  KvCache cache(3);
  const std::vector<NodeId> chain = {{1}, {2}, {3}, {4}, {5}};
  cache.Insert(chain);
  REQUIRE(cache.Match(chain) == 3);
  KvCache none(0);
  none.Insert(chain);
  REQUIRE(none.Match(chain) == 0);
}

TEST_CASE("KvCache: holds its capacity after many evictions") {
  KvCache cache(1000);
  for (std::uint64_t i = 1; i <= 20000; ++i) cache.Insert(std::vector<NodeId>{{i}});
  REQUIRE(cache.size() == 1000);
  REQUIRE(cache.evicted() == 19000);
  for (std::uint64_t i = 1; i <= 20000; ++i) {
    REQUIRE(cache.Peek(std::vector<NodeId>{{i}}) == (i > 19000 ? 1u : 0u));
  }
  cache.Clear();
  REQUIRE(cache.size() == 0);
  REQUIRE(cache.sum() == BlockSum{});
}

}  // namespace
}  // namespace prefixmesh::load
