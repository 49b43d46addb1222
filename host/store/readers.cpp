#include "store/readers.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

namespace clade::store {
namespace {

// Bytes of the shared memory file that readers of the log lock (https://sqlite.org/walformat.html): one of
// five marks.
constexpr int64_t kFirstMark = 123;
constexpr int64_t kLastMark = 127;
constexpr size_t kCommandBytes = 200;

std::string command_of(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/cmdline", std::ios::binary);
  std::string command(kCommandBytes, '\0');
  file.read(command.data(), static_cast<std::streamsize>(command.size()));
  command.resize(static_cast<size_t>(file.gcount()));
  while (!command.empty() && command.back() == '\0') command.pop_back();
  std::replace(command.begin(), command.end(), '\0', ' ');
  return command;
}

// "7: POSIX  ADVISORY  READ 19536 fe:00:10963201 124 124": the process if it reads the log of this file, else
// 0.
pid_t reader_of(const std::string& line, ino_t inode) {
  std::istringstream words(line);
  std::string number, kind, mode, access, file, end;
  pid_t process = 0;
  int64_t first = 0;
  if (!(words >> number >> kind >> mode >> access >> process >> file >> first >> end)) return 0;
  if (kind != "POSIX" || access != "READ" || end == "EOF" || process <= 0) return 0;
  // Beneath an overlay the device is another one than stat tells; no other file is locked at these bytes.
  if (file.substr(file.rfind(':') + 1) != std::to_string(inode)) return 0;
  const bool marks = first <= kLastMark && std::atoll(end.c_str()) >= kFirstMark;
  return marks ? process : 0;
}

}  // namespace

std::vector<Reader> foreign_readers(const std::string& database_path) {
  std::vector<Reader> readers;
  struct stat memory {};
  if (::stat((database_path + "-shm").c_str(), &memory) != 0) return readers;
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    const pid_t process = reader_of(line, memory.st_ino);
    const bool known = std::any_of(readers.begin(), readers.end(),
                                   [&](const Reader& reader) { return reader.process == process; });
    if (process != 0 && process != ::getpid() && !known) readers.push_back({process, command_of(process)});
  }
  return readers;
}

std::string readers_text(const std::vector<Reader>& readers) {
  std::string text;
  for (const auto& reader : readers) {
    text += (text.empty() ? "process " : ", process ") + std::to_string(reader.process);
    if (!reader.command.empty()) text += " (" + reader.command + ")";
  }
  return text.empty() ? "another process" : text;
}

}  // namespace clade::store
