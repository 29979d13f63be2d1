// nulls.h — why values of a result are null, one note per reason with the paths it holds for. The reasons come from
// where the values were not measured: with the readings of figures, or said by name for what is no figure.
//
// Threads: pure. Ownership: values. Bounds: one note per reason. Errors: none; a null that nobody gave a reason for is
// named as such, and a test sees that there is none.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "impl/figures/readings.h"

namespace prefixmesh::bench {

class NullReasons {
 public:
  // Of every figure of the group that has no number; `router` is whose, where there is one object per router.
  void Add(const FigureGroup& group, const Readings& readings, const std::string& router = "");
  void Add(const std::string& path, const std::string& reason) { reasons_[{path, ""}] = reason; }

  // "null, because REASON: PATH, PATH". Groups of nothing but nulls for one reason are one path. A router stands as
  // routers[] where all of them lack it, else by name. The series and the notes are left out: there null means that
  // nothing was measured in that second.
  std::vector<std::string> Explain(const nlohmann::ordered_json& result) const;

 private:
  std::map<std::pair<std::string, std::string>, std::string> reasons_;  // path and router
};

}  // namespace prefixmesh::bench
