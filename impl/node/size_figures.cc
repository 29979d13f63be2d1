#include "impl/node/size_figures.h"

#include "impl/figures/router_figures.h"

namespace prefixmesh {

void ReadSizes(const MeshStats& stats, Readings& out) {
  std::uint64_t oversize = 0;
  for (std::size_t i = 0; i < kOversizeCount; ++i) {
    out.Set(RouterFigure("sync.oversize.*"), OversizeName(static_cast<Oversize>(i)), stats.oversize[i]);
    oversize += stats.oversize[i];
  }
  out.Set(RouterFigure("sync.oversize_warnings"), oversize);
  for (std::size_t i = 0; i < kLayerCount; ++i)
    out.Set(RouterFigure("sync.by_layer.*.oversize"), LayerName(static_cast<Layer>(i)), stats.by_layer[i].oversize);
  out.Set(RouterFigure("sync.streams_ended_by_size"), stats.streams_ended_by_size);
  for (std::size_t i = 0; i < kTrimCount; ++i) {
    const auto kind = static_cast<Trim>(i);
    out.Set(RouterFigure("sync.trims.*.times"), TrimName(kind), stats.strategy.trims.Of(kind).times);
    out.Set(RouterFigure("sync.trims.*.entries"), TrimName(kind), stats.strategy.trims.Of(kind).entries);
  }
}

}  // namespace prefixmesh
