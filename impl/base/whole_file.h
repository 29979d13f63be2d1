// whole_file.h — reads a file whole, and writes one whole or not at all: as NAME.partial, on the disk (fsync), then
// renamed to its name.
//
//   if (Status written = WriteWholeFile(out + "/result.json", text); !written.ok()) return written.error();
//
// Who reads the name finds the file as it was before or as it is now, never a part of it, whatever fails meanwhile. A
// symbolic link stays one: the file it leads to is replaced. What is no regular file (a pipe, /dev/stdout) is written
// straight, because a rename would replace it.
//
// Threads: any; two writers of one name at a time write over each other's .partial. Bounds: those of the disk. Time:
// blocks until the disk has it. Ownership: none kept. Errors: one line that names the file; kExhausted for a full disk,
// a quota or a file size limit, kUnavailable for the rest. A process that wants the limit (ulimit -f) as an error must
// ignore SIGXFSZ, as env/real/process.h does.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "impl/base/result.h"

namespace prefixmesh {

Status WriteWholeFile(const std::string& path, std::string_view text);

// A regular file of at most `bytes_max`; a pipe or device would not end. Errors: kNotFound or kTooBig.
Result<std::string> ReadWholeFile(const std::string& path, std::size_t bytes_max);

// What a file is called while it is not whole.
std::string PartialName(const std::string& path);

// The error of a write to `path` that failed with this errno: "cannot write PATH: No space left on device".
Error WriteError(const std::string& path, int error);

}  // namespace prefixmesh
