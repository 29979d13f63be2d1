// index.h — start here for stored runs: many of them, a line each (run_line.h), read from an index, from run folders,
// or from whole results.
//
//   results/index.jsonl      made of the recorded results by the tool; the results beside it are the truth
//   STORE/index.jsonl        of a store of nights: a line is appended when its run is over, and stays
//   STORE/runs/RUN_ID.json   its whole result, for the days that the store keeps them
//
// Threads: one; processes: appends to a file and rebuilds in a folder are one at a time (a lock, waited for up to
// kLockWait), readers see whole lines. Ownership: values.
// Time: an append is on the disk when it returns. Errors: one line that names the file and line; kNotFound for what is
// not there. Bounds: kIndexBytesMax a file, kRunLineBytesMax a line. A last line without its end is of an append that
// never returned: readers leave it out and say so, the next append takes its place.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/store/run_line.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

inline constexpr std::size_t kIndexBytesMax = 256u << 20;  // 130,000 of the longest lines
inline constexpr std::chrono::seconds kLockWait{30};
inline constexpr const char* kIndexName = "index.jsonl";

struct RunList {
  std::vector<RunLine> lines;      // by start
  std::vector<std::string> notes;  // what was left out, and why
};

// The lines of a file that is appended to: whole ones; what is behind the last line's end is left out.
Result<std::vector<std::string>> ReadWholeLines(const std::string& file);
// One line more, at the end of the whole ones. `line` without its end, of at most kAppendedBytesMax.
inline constexpr std::size_t kAppendedBytesMax = 4096;
Status AppendLine(const std::string& file, const std::string& line);

Result<RunList> ReadIndex(const std::string& file);
Status AppendToIndex(const std::string& file, const RunLine& line);

// Of every path: a result or an index, the folder of a run, a folder with an index, or else all results below it.
// The same run twice counts once.
Result<RunList> ReadRuns(const std::vector<std::string>& paths);

// The files of whole results that a path stands for: a run's, itself, or all below a folder.
Result<std::vector<std::string>> ResultFilesOf(const std::string& path);

// The recorded results below `results`, whatever its index says. What is no result there (schemas, A/Bs) is left out
// silently, one that cannot be read with a note: it keeps nobody from the others.
Result<RunList> ReadRecorded(const std::string& results);
// Makes `results`/index.jsonl of them. Returns their notes.
Result<std::vector<std::string>> RebuildIndex(const std::string& results);

// Appends a run to a store: its whole result, then its line.
Status AddToStore(const std::string& store, const RunLine& line, const nlohmann::json& result);
// Removes the whole results of runs that began more than `keep_days` before now; their lines stay.
void ForgetOldRuns(const std::string& store, std::int64_t now_unix_s, std::uint32_t keep_days);

}  // namespace prefixmesh::bench
