// What each decoder of the generations takes, it gives back the same: the first byte says which decoder, the rest is
// the body. A view that was taken is walked to its end.
#include <cstdlib>

#include "impl/sync/generations/rebuilt_tree.h"
#include "impl/sync/generations/store_frame.h"
#include "impl/wire/bincode.h"
#include "impl/wire/gzip_frame.h"
#include "impl/wire/json_ops.h"
#include "impl/wire/lz4_body.h"
#include "impl/wire/path_delta.h"
#include "impl/wire/policy_state.h"
#include "impl/wire/tenant_delta.h"
#include "impl/wire/tree_snapshot.h"

namespace {

using namespace prefixmesh;
using namespace prefixmesh::generations;

void Require(bool holds) {
  if (!holds) std::abort();
}

std::uint64_t Count(const OperationList& operations) {
  std::uint64_t count = 0;
  operations.ForEach([&](const OperationView&) { ++count; });
  return count;
}

void Snapshot(Bytes body) {
  const Result<SnapshotView> view = ViewTreeSnapshot(body);
  if (!view.ok()) return;
  std::uint64_t nodes = 0;
  view->ForEach([&](const SnapshotNodeView&) { ++nodes; });
  Require(nodes == view->nodes);
  if (const Result<std::uint64_t> flat = CountFlat(*view); flat.ok() && body.size() < 65536) {
    const Result<std::string> list = EncodeFlat(*view, "m", 1);
    Require(list.ok() && ViewTreeState(AsBytes(*list)).ok());
  }
  const std::string bytes(AsText(body));
  const RebuiltTree rebuilt(&bytes);
  Require(ViewTree(AsBytes(rebuilt.Encode())).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes body(data + 1, size - 1);
  switch (data[0] % 10) {
    case 0:
      if (const Result<TreeState> state = DecodeTreeState(body); state.ok()) {
        Require(Encode(*state) == AsText(body));
        Require(Count(ViewTreeState(body)->operations) == state->operations.size());
      }
      break;
    case 1:
      if (const Result<TreeStateDelta> delta = DecodeTreeStateDelta(body); delta.ok())
        Require(Encode(*delta) == AsText(body));
      break;
    case 2:
      Snapshot(body);
      break;
    case 3:
      if (const Result<TenantDelta> delta = DecodeTenantDelta(body); delta.ok())
        Require(Encode(*delta) == AsText(body));
      break;
    case 4:
      if (const Result<PathDelta> delta = DecodePathDelta(body); delta.ok()) Require(Encode(*delta) == AsText(body));
      break;
    case 5:
      if (const Result<TreeState> state = DecodeJsonTreeState(body); state.ok()) {
        std::uint64_t count = 0;
        ForEachJsonOperation(body, [&](const OperationView& operation) {
          Require(ViewOf(state->operations[count++]).prompt == operation.prompt);
        });
        Require(count == CheckJsonTreeState(body)->operations);
        for (const JsonForm form : {JsonForm::kKey, JsonForm::kKeyAndText})
          Require(*DecodeJsonTreeState(AsBytes(EncodeJson(*state, form))) == *state);
      }
      break;
    case 6:
      if (const Result<PolicyState> state = DecodeJsonPolicyState(body); state.ok())
        Require(DecodeJsonPolicyState(AsBytes(EncodeJson(*state)))->config == state->config);
      break;
    case 7:
      if (const Result<std::string> plain = DecompressBody(body, 1u << 20); plain.ok()) Snapshot(AsBytes(*plain));
      break;
    case 8:
      if (const Result<StoreFrame> frame = DecodeStoreFrame(body); frame.ok())
        for (const StoreEntryView& entry : frame->entries) (void)DecodePolicyState(entry.value);
      break;
    default:
      if (const Result<std::string> plain = InflateFrame(body, 1u << 20); plain.ok())
        Require(*InflateFrame(AsBytes(GzipFrame(*plain)), 1u << 20) == *plain || !IsGzip(AsBytes(GzipFrame(*plain))));
  }
  return 0;
}
