// Any bytes are a batch of engine events that can be taken, or are refused; what is taken is written and read as it
// was, and changes blocks within their bound.
#include "impl/base/check.h"
#include "impl/kvevents/engine/engine_batch.h"
#include "impl/kvevents/engine/engine_blocks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prefixmesh::kvevents;
  constexpr std::size_t kBytesMax = 1u << 20;
  const auto batch = ReadEngineBatch({reinterpret_cast<const char*>(data), size});
  if (!batch.ok()) return 0;
  for (const EngineLayout layout : {EngineLayout::kArrays, EngineLayout::kMaps}) {
    const auto again = ReadEngineBatch(WriteEngineBatch(*batch, layout));
    PREFIXMESH_CHECK(again.ok() && again->events == batch->events && again->rank == batch->rank);
  }
  EngineBlocks blocks({}, "m", kBytesMax);
  std::vector<KvEvent> told;
  for (const EngineEvent& event : batch->events) blocks.Apply(event, told);
  PREFIXMESH_CHECK(blocks.bytes() <= kBytesMax);
  blocks.Dump(told);
  blocks.Clear();
  return 0;
}
