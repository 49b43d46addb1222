// Hashes, and files as whole byte strings: read with a bound, written atomically.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace clade {

// BLAKE2b-256 of the bytes as 64 hexadecimal digits (libsodium's generichash): the name of a version.
std::string content_hash(std::string_view bytes);
// The first 12 digits: what people see of a hash.
std::string short_hash(std::string_view hash);

// The whole file. Errors: "not_found", "io" (also for a pipe, which might keep the reader waiting), "limit"
// (larger than `limit` bytes); each names the path.
Result<std::string> read_file(const std::string& path, size_t limit = 64u << 20);
// The same, and a pipe to its end.
Result<std::string> read_stream(const std::string& path, size_t limit);
// Writes beside the target (".NAME.clade-new"), fsyncs, renames over it and fsyncs the folder: readers see
// the old or the new file, whole. What a crash leaves beside it is replaced by the next write of the same
// file. Errors: "io" with the path and the system's reason (also while another process writes the same file),
// "not_found" (no such folder), "no_space".
Status write_file_atomic(const std::string& path, std::string_view bytes, unsigned mode = 0644);
// The same at `path` below `folder`, with folders made as needed (mode 0755). Nothing that lies in `folder`,
// or is put there meanwhile, leads out of it: no part of `path` may be a symbolic link. Errors: as above, and
// those of check_file_below.
Status write_file_below(const std::string& folder, const std::string& path, std::string_view bytes);
// Can `path` be a file below `folder`, as things stand? Errors: "refused" (a part that is empty, ".", ".." or
// a symbolic link, or there is a folder of this name), "io".
Status check_file_below(const std::string& folder, const std::string& path);
// Creates a folder and its parents (mode 0755, or as given for the last). Errors: "io".
Status make_folders(const std::string& path, unsigned mode = 0755);

// Makes what was created, renamed or removed in a folder survive a loss of power. Errors: "not_found", "io".
Status sync_folder(const std::string& path);

// What the system says of an errno value ("No space left on device"); thread-safe.
std::string system_reason(int error_number);

}  // namespace clade
