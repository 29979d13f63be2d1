#include "impl/sync/actions.h"

namespace prefixmesh {

const char* LayerName(Layer layer) {
  switch (layer) {
    case Layer::kPlacements:
      return "placements";
    case Layer::kStructure:
      return "structure";
    case Layer::kRepair:
      return "repair";
    case Layer::kDigest:
      return "digest";
    case Layer::kControl:
      return "control";
    case Layer::kMembership:
      return "membership";
    case Layer::kCrdt:
      return "crdt";
  }
  return "unknown";
}

const char* OversizeName(Oversize kind) {
  switch (kind) {
    case Oversize::kEntry:
      return "entry";
    case Oversize::kSnapshot:
      return "snapshot";
    case Oversize::kBatch:
      return "batch";
    case Oversize::kTransport:
      return "transport";
  }
  return "unknown";
}

}  // namespace prefixmesh
