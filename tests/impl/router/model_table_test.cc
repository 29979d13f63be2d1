// Goal: what workers say they serve takes bounded memory, whatever they say, and what nobody offers any more is gone.
// Method: answers to hellos by hand.
#include "impl/router/model_table.h"

#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>

namespace prefixmesh {
namespace {

struct Table {
  explicit Table(IndexKind kind = IndexKind::kBlock) : trees(TreeSetOptions{.kind = kind, .hash = {}}) {
    spdlog::set_level(spdlog::level::off);
    for (const char* name : {"w0", "w1", "w2", "w3", "w4", "w5"}) {
      workers.push_back(*fleet.InternOwn(name));
      fleet.SetHealthy(workers.back(), true);
    }
  }
  void Offer(std::size_t worker, const std::vector<std::string>& names) {
    models.Offer(Time{0}, workers[worker], names);
  }
  std::size_t ServedBy(std::string_view model) const {
    const auto found = models.Find(model);
    return found != nullptr ? found->workers.size() : 0;
  }

  Fleet fleet{0};
  TreeSet trees;
  ModelTable models{trees, fleet};
  std::vector<WorkerIndex> workers;
};

std::vector<std::string> Names(const std::string& prefix, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(prefix + std::to_string(i));
  return names;
}

TEST_CASE("ModelTable: a worker that names other models in every answer has no more than one answer's") {
  Table table;
  table.Offer(1, {"m"});
  for (int second = 0; second < 50; ++second) {
    std::vector<std::string> names = Names("second" + std::to_string(second) + "/", 8000);
    names.push_back("kept");
    if (second == 0) names.insert(names.begin(), "kept");
    table.Offer(0, names);
    REQUIRE(table.models.size() == 1 + kModelsMax);
    REQUIRE(table.ServedBy("kept") == 1);  // what stays goes before what comes and goes
  }
  REQUIRE(table.models.refused() > 50 * (8000 - kModelsMax));
  REQUIRE(table.ServedBy("second0/0") == 0);
  REQUIRE(table.trees.Find("second0/0", Kind::kText) == nullptr);
  REQUIRE(table.trees.Find("m", Kind::kTokens) != nullptr);
  table.Offer(0, {});
  REQUIRE(table.models.size() == 1);
}

TEST_CASE("ModelTable: a model goes when the last worker that served it does not name it any more") {
  Table table(IndexKind::kText);
  table.Offer(0, {"m", "n", "m"});
  table.Offer(1, {"m"});
  REQUIRE(table.ServedBy("m") == 2);
  const auto held = table.trees.Find("m", Kind::kText);
  table.Offer(0, {"n"});
  REQUIRE(table.ServedBy("m") == 1);
  table.Offer(1, {});
  REQUIRE(table.models.Find("m") == nullptr);
  REQUIRE(table.trees.Find("m", Kind::kText) == nullptr);
  REQUIRE(held->model == "m");  // whoever has it keeps it
  const Slices prompt(AsBytes(std::string_view("abc")));
  held->tree->Insert({Kind::kText, &prompt, {}}, table.workers[0]);
  table.Offer(1, {"o"});  // in the place of the one that left
  REQUIRE(table.trees.Find("o", Kind::kText)->tree != held->tree);
}

TEST_CASE("ModelTable: names that are too long, and models beyond those there may be, are left out and counted") {
  Table table;
  table.Offer(0, {std::string(257, 'x'), "", std::string(256, 'y')});
  REQUIRE(table.models.refused() == 2);
  REQUIRE(table.models.size() == 1);
  for (std::size_t worker = 0; worker < 4; ++worker)
    table.Offer(worker, Names(std::to_string(worker) + "/", kModelsMax));
  REQUIRE(table.models.size() == 4 * kModelsMax);
  REQUIRE(table.models.refused() == 2);
  table.Offer(4, {"late"});
  REQUIRE(table.models.refused() == 3);
  // Those that only an unhealthy worker offers make room, and it may offer them again when there is some.
  table.fleet.SetHealthy(table.workers[2], false);
  table.Offer(4, {"late"});
  REQUIRE(table.ServedBy("late") == 1);
  REQUIRE(table.models.size() == 4 * kModelsMax);
  table.Offer(4, {});
  table.Offer(2, Names("2/", kModelsMax));
  REQUIRE(table.ServedBy("2/0") == 1);
}

}  // namespace
}  // namespace prefixmesh
