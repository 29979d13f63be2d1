// two_layer_seeds.h — a small corpus for the two fuzz targets of the two-layer sync, made by its own encoders. Seeds
// end before the seal, which the targets compute. Threads: one. Ownership: none kept. Time, errors: none.
#pragma once

#include <functional>
#include <string>

namespace prefixmesh::two_layer {

using SeedWriter = std::function<void(const std::string& target, const std::string& name, const std::string& bytes)>;

void WriteTwoLayerSeeds(const SeedWriter& write);

}  // namespace prefixmesh::two_layer
