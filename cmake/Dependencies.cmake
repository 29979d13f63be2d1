# Third-party packages, all from Debian 12 (docs/dependencies.md says why each one is here and where it may be used).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Protobuf REQUIRED)        # module mode: Debian ships no config files for 3.21
find_package(gRPC CONFIG REQUIRED)     # needs protobuf-compiler-grpc installed, or its target file fails
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(benchmark CONFIG REQUIRED) # bench/micro only
find_package(spdlog CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(tomlplusplus CONFIG REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq)
find_path(MSGPACK_INCLUDE_DIR msgpack.hpp REQUIRED) # headers alone
include(Blake3)
