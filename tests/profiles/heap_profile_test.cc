// Heap profiles: stacks are grouped by the rules, a text is read as it was written, a difference names what grew.
#include "profiles/heap_profile.h"

#include <catch2/catch.hpp>

#include "profiles/subsystems.h"

namespace prefixmesh::profiles {
namespace {

constexpr char kStacks[] =
    "_start;main (router_main.cc);prefixmesh::Mesh::Tick() (mesh.cc);prefixmesh::two_layer::TwoLayer::OnRound(int) "
    "(two_layer.cc);operator new(unsigned long); 700\n"
    "_start;main (router_main.cc);prefixmesh::Mesh::Tick() (mesh.cc);prefixmesh::BlockIndex::Insert(int) "
    "(block_index.cc);std::vector<>::_M_grow() (stl_vector.h); 500\n"
    "_start;grpc_core::Call::Start(int);gpr_malloc; 300\n"
    "_start;prefixmesh::GenerateCall::OnSlice(int) (generate_call.cc);grpc_slice_malloc; 200\n"
    "_dl_start (rtld.c);malloc; 100\n"
    "somebody; 50\n";

HeapProfile Sample() {
  HeapProfile profile;
  profile.scenario = "reference";
  profile.strategy = "two-layer";
  profile.commit = "0123456789";
  profile.offered_rps = 200;
  profile.achieved_rps = 150.5;
  profile.load_s = 30;
  profile.life_s = 40;
  profile.requests = 100;
  profile.allocated_bytes = 4000;
  REQUIRE(AddStacks(kStacks, StackCost::kPeak, profile).ok());
  REQUIRE(AddStacks(kStacks, StackCost::kAllocations, profile).ok());
  KeepLargestSites(profile);
  return profile;
}

TEST_CASE("a stack belongs to the part whose code allocated, no matter who called it") {
  const HeapProfile profile = Sample();
  CHECK(profile.parts.at("sync").peak_bytes == 700);
  CHECK(profile.parts.at("tree").peak_bytes == 500);
  CHECK(profile.parts.at("gRPC").peak_bytes == 300);
  CHECK(profile.parts.at("bodies").peak_bytes == 200);
  CHECK(profile.parts.at("start").peak_bytes == 100);
  CHECK(profile.parts.at("other").peak_bytes == 50);
  CHECK(profile.total.peak_bytes == 1850);
  CHECK(profile.total.allocations == 1850);
  CHECK(profile.AllocationsPerRequest() == 18.5);
  CHECK(profile.ChurnBytesPerSecond() == 100);
  CHECK(IsOwn("tree"));
  CHECK(!IsOwn("gRPC"));
}

TEST_CASE("a place is the call of its part, without parameters and templates") {
  const HeapProfile profile = Sample();
  REQUIRE(!profile.sites.empty());
  CHECK(profile.sites[0].function == "prefixmesh::two_layer::TwoLayer::OnRound (two_layer.cc)");
  CHECK(profile.sites[1].function == "prefixmesh::BlockIndex::Insert (block_index.cc)");
  CHECK(profile.sites[1].part == "tree");
}

TEST_CASE("a profile is read as it was written") {
  const HeapProfile profile = Sample();
  const std::string text = ProfileText(profile);
  const Result<HeapProfile> read = ParseProfile(text, "p.txt");
  REQUIRE(read.ok());
  CHECK(ProfileText(*read) == text);
  CHECK(read->sites.size() == profile.sites.size());
  CHECK(read->parts.at("tree").peak_bytes == 500);
}

TEST_CASE("a text that is no profile is refused with its line") {
  const std::string good = ProfileText(Sample());
  for (const std::string& bad :
       {std::string("hello"), good + "part tree x 0 0\n", good + "\n", good.substr(0, good.size() / 3),
        "peak_bytes -1\n" + good, good + std::string(2 << 20, 'x'), good + "site tree 1 2 3\n"}) {
    const Result<HeapProfile> read = ParseProfile(bad, "p.txt");
    REQUIRE(!read.ok());
    CHECK(read.error().message.find("p.txt") == 0);
  }
}

TEST_CASE("stacks and sizes that are none are refused") {
  HeapProfile profile;
  CHECK(!AddStacks("a;b;c\n", StackCost::kPeak, profile).ok());
  CHECK(!AddStacks("a;b; 12x\n", StackCost::kPeak, profile).ok());
  CHECK(*AllocatedBytes("16\t3\n100\t2\n") == 248);
  CHECK(!AllocatedBytes("16 3\n").ok());
  CHECK(!AllocatedBytes("18446744073709551615\t2\n").ok());
}

TEST_CASE("a difference names the part and the place that grew") {
  const HeapProfile before = Sample();
  HeapProfile after = before;
  after.commit = "abcdef0123";
  for (Site& site : after.sites)
    if (site.part == "tree") {
      site.cost.peak_bytes += 5u << 20;
      site.cost.allocations += 4000;
    }
  after.parts["tree"].peak_bytes += 5u << 20;
  after.parts["tree"].allocations += 4000;
  after.total.peak_bytes += 5u << 20;
  const std::string text = RenderDifference(before, after);
  CHECK(text.find("grew most at the peak\n  tree       +5.00 MiB    +40.00  prefixmesh::BlockIndex::Insert") !=
        std::string::npos);
  CHECK(text.find("01234567 to abcdef01") != std::string::npos);
  CHECK(RenderDifference(before, before).find("grew most") == std::string::npos);
  for (const std::string& whole : {text, RenderProfile(after)})
    for (std::size_t begin = 0; begin < whole.size();) {
      const std::size_t end = whole.find('\n', begin);
      CHECK(end - begin <= 80);
      begin = end + 1;
    }
}

}  // namespace
}  // namespace prefixmesh::profiles
