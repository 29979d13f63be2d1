#!/usr/bin/env python3
"""Includes follow the DEPS that CMake links by, so they point down only: a file includes headers of its own target, of its
DEPS and of theirs; of third parties only what its own DEPS name. DEPS have no cycle, and each is included by somebody. impl
needs nothing of loadgen or bench, and loadgen nothing of bench. gRPC's headers reach only targets that name it: others see
an abstract class and its factory.

A file belongs to the target that lists it. A header that none lists belongs to that of the .cc of its name, else to the one
that is named as its folder, or the nearest folder above. Every file belongs to a target, and every .cc is listed.

Usage: includes.py ROOT. Prints one line per broken rule; exit 1 if there is any.
"""
import pathlib
import re
import sys

RANK = {"impl": 0, "loadgen": 1, "bench": 2, "profiles": 2, "dashboards": 2}
THIRD_PARTIES = {
    "grpc": "gRPC::grpc++", "nlohmann/": "nlohmann_json::nlohmann_json", "spdlog/": "spdlog::spdlog", "CLI/": "CLI11::CLI11",
    "toml++/": "tomlplusplus::tomlplusplus", "xxhash.h": "PkgConfig::XXHASH", "zlib.h": "ZLIB::ZLIB", "lz4": "PkgConfig::LZ4",
    "blake3.h": "blake3", "openssl/": "OpenSSL::Crypto", "prometheus/": "prometheus-cpp::core",
    "microhttpd.h": "PkgConfig::MICROHTTPD", "benchmark/": "benchmark::benchmark"}
GENERATED = ".pb.h", "impl_wire_generated"
HIDDEN = "gRPC::grpc++"
COMMENT = re.compile(r"#[^\n]*")
CALL = re.compile(r"\b(prefixmesh_library|prefixmesh_app|add_library|add_executable|target_link_libraries)\(([^()]*)\)")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)


def library_of(header):
    if header.endswith(".grpc.pb.h"):
        return HIDDEN
    return next((library for start, library in THIRD_PARTIES.items() if header.startswith(start)), None)


class Target:
    def __init__(self, tree):
        self.tree, self.files, self.deps = tree, [], []


def read_targets(lists):
    """{tree: text of its CMakeLists.txt} -> {name: Target}; sources with a variable in their path are generated ones."""
    targets = {}
    for tree, text in lists.items():
        for command, arguments in CALL.findall(COMMENT.sub("", text)):
            name, *words = arguments.split()
            target = targets.setdefault(name, Target(tree))
            sources, deps = words, []
            if command == "target_link_libraries":
                sources, deps = [], [word for word in words if word not in ("PUBLIC", "PRIVATE", "prefixmesh_options")]
            elif "DEPS" in words:
                sources, deps = words[:words.index("DEPS")], words[words.index("DEPS") + 1:]
            target.files += [f"{tree}/{word}" for word in sources if "." in word and "$" not in word]
            target.deps += deps
    return targets


def check(lists, files):
    """`files`: {path: text} of all headers and sources of the trees."""
    targets = read_targets(lists)
    listed = {file: name for name, target in targets.items() for file in target.files}

    def owner(path):
        if path.endswith(GENERATED[0]):
            return GENERATED[1]
        stem, folder = path.rsplit(".", 1)[0], path.rsplit("/", 1)[0]
        folders = [folder.rsplit("/", up)[0].replace("/", "_") for up in range(folder.count("/") + 1)]
        return listed.get(path) or listed.get(stem + ".cc") or next((name for name in folders if name in targets), None)

    def reach(name, found):
        for dep in targets[name].deps:
            if dep in targets and dep not in found:
                found.add(dep)
                reach(dep, found)
        return found

    reaches_hidden = {}  # path -> whether its includes do, or None while that is being found out

    def reaches(path):
        if path not in reaches_hidden:
            reaches_hidden[path] = None
            reaches_hidden[path] = any(library_of(header) == HIDDEN or (header in files and reaches(header))
                                       for header in INCLUDE.findall(files[path]))
        return reaches_hidden[path]

    reachable = {name: reach(name, set()) for name in targets}
    included = {name: set() for name in targets}
    for path, text in sorted(files.items()):
        mine = owner(path)
        if mine is None or (path.endswith(".cc") and path not in listed):
            yield f"{path}: belongs to no target; list it in {path.split('/')[0]}/CMakeLists.txt"
            continue
        for header in INCLUDE.findall(text):
            if header.split("/")[0] == "tests":
                yield f"{path}: must not include {header}"
            if header.split("/")[0] in RANK:
                theirs = owner(header)
                if theirs is None:
                    yield f"{path}: {header} belongs to no target"
                elif theirs != mine and theirs not in reachable[mine]:
                    yield f"{path}: includes {header} of {theirs}, which is not among what the DEPS of {mine} reach"
                included[mine].add(theirs)
            if library := library_of(header):
                included[mine].add(library)
                if library not in targets[mine].deps:
                    yield f"{path}: includes {header}, but the DEPS of {mine} do not name {library}"
            elif header in files and reaches(header) and HIDDEN not in targets[mine].deps:
                yield f"{path}: {header} brings headers of {HIDDEN}, which the DEPS of {mine} do not name"
    for name, target in sorted(targets.items()):
        if name in reachable[name]:
            yield f"{target.tree}/CMakeLists.txt: {name} is among what its own DEPS reach"
        for dep in target.deps:
            if dep in targets and RANK[targets[dep].tree] > RANK[target.tree]:
                yield f"{target.tree}/CMakeLists.txt: {name} of {target.tree} must not need {dep} of {targets[dep].tree}"
            known = dep in targets or dep in THIRD_PARTIES.values()
            if target.files and known and dep not in included[name]:
                yield f"{target.tree}/CMakeLists.txt: no file of {name} includes {dep}; drop it from its DEPS"


def self_test():
    lists = {"impl": """# prefixmesh_library(impl_none SRCS base/none.cc)
                        prefixmesh_library(impl_base SRCS base/result.cc)
                        prefixmesh_library(impl_tree SRCS tree/tree.cc tree/in_place.h DEPS impl_base PkgConfig::XXHASH)
                        prefixmesh_library(impl_sync SRCS sync/x.cc ${MADE}/y.cc DEPS impl_tree)
                        prefixmesh_library(impl_wire_generated SRCS ${MADE})""",
             "bench": "prefixmesh_app(prog SRCS app/main.cc DEPS impl_sync CLI11::CLI11)"}
    files = {"impl/base/result.cc": '#include "impl/base/result.h"', "impl/base/result.h": "#include <vector>",
             "impl/base/deep/only.h": "", "impl/tree/in_place.h": "#include <xxhash.h>",
             "impl/tree/tree.cc": '#include "impl/base/deep/only.h"', "impl/sync/x.cc": '#include "impl/tree/in_place.h"',
             "bench/app/main.cc": '#include <CLI/CLI.hpp>\n#include "impl/base/result.h"\n#include "impl/sync/seam.h"',
             "impl/sync/seam.h": ""}
    assert not list(check(lists, files)), list(check(lists, files))

    def caught(message, path=None, text="", tree=None, before="", after=""):
        bad_lists = dict(lists, **({tree: lists[tree].replace(before, after)} if tree else {}))
        problems = list(check(bad_lists, dict(files, **({path: text} if path else {}))))
        assert any(message in problem for problem in problems), f"not caught: {message}: {problems}"

    caught("impl/sync/x.h of impl_sync, which is not", "impl/tree/y.h", '#include "impl/sync/x.h"')
    caught("belongs to no target", "impl/none/x.h")
    caught("belongs to no target", "impl/base/unlisted.cc")
    caught("impl/none/x.h belongs to no target", "impl/sync/y.h", '#include "impl/none/x.h"')
    caught("impl_wire_generated, which is not", "impl/sync/y.h", '#include "impl/wire/all.pb.h"')
    caught("must not include tests/x.h", "impl/sync/y.h", '#include "tests/x.h"')
    caught("do not name gRPC::grpc++", "impl/sync/y.h", "#include <grpcpp/grpcpp.h>")
    caught("do not name gRPC::grpc++", "impl/sync/y.h", '#include "impl/wire/all.grpc.pb.h"')
    caught("impl/sync/seam.h brings headers of gRPC", "impl/sync/seam.h", "#include <grpcpp/grpcpp.h>")
    caught("do not name PkgConfig::XXHASH", "impl/sync/y.h", "#include <xxhash.h>")
    caught("impl_base is among what its own", tree="impl", before="base/result.cc)", after="base/result.cc DEPS impl_sync)")
    caught("impl_base of impl must not need prog", tree="impl", before="base/result.cc)", after="base/result.cc DEPS prog)")
    caught("no file of prog includes impl_tree", tree="bench", before="DEPS", after="DEPS impl_tree")
    caught("no file of impl_sync includes PkgConfig::XXHASH", tree="impl", before="DEPS impl_tree",
           after="DEPS impl_tree PkgConfig::XXHASH")


def main():
    self_test()
    root = pathlib.Path(sys.argv[1])
    lists = {tree: (root / tree / "CMakeLists.txt").read_text() for tree in RANK}
    files = {str(file.relative_to(root)): file.read_text() for tree in RANK for file in (root / tree).rglob("*")
             if file.suffix in (".h", ".cc")}
    problems = list(check(lists, files))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
