// A request in pieces of any size says what it says in one.
#include "impl/wire/request_view.h"

#include <algorithm>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prefixmesh;
  if (size == 0) return 0;
  const std::size_t cut = 1 + data[0] % 32;
  const Bytes body(data + 1, size - 1);
  Slices pieces;
  for (std::size_t at = 0; at < body.size(); at += cut)
    pieces.Append(body.subspan(at, std::min(cut, body.size() - at)));
  const Slices whole(body);
  const Result<RequestView> one = ViewRequest(whole), many = ViewRequest(pieces);
  if (one.ok() != many.ok()) std::abort();
  if (!one.ok()) return 0;
  std::string a, b;
  one->prompt.CopyTo(a);
  many->prompt.CopyTo(b);
  if (a != b || one->model != many->model || one->worker != many->worker || one->kind != many->kind) std::abort();
  if (one->lora != many->lora || one->salt != many->salt) std::abort();
  return 0;
}
