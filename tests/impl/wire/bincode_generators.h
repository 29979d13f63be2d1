// bincode_generators.h — drawn operations, deltas and states; tokens are whole.
#pragma once

#include "impl/wire/bincode.h"
#include "tests/support/properties.h"

namespace rc {

template <>
struct Arbitrary<prefixmesh::generations::TreeOperation> {
  using Operation = prefixmesh::generations::TreeOperation;
  static Gen<Operation> arbitrary() {
    return gen::map(gen::tuple(gen::inRange(0, 3), gen::arbitrary<std::string>(), gen::arbitrary<std::string>()),
                    [](std::tuple<int, std::string, std::string> drawn) {
                      auto& [type, prompt, tenant] = drawn;
                      Operation operation;
                      operation.tenant = tenant;
                      if (type == 2) {
                        operation.type = Operation::Type::kRemove;
                        return operation;
                      }
                      if (type == 1) {
                        operation.kind = prefixmesh::Kind::kTokens;
                        prompt.resize(prompt.size() / 4 * 4);
                      }
                      operation.prompt = prompt;
                      return operation;
                    });
  }
};

}  // namespace rc
