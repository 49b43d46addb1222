#include "cli/lock.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/codec.h"
#include "cli/folder.h"

namespace clade::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kLookAgainMs = 10;
constexpr size_t kCommandBytes = 80;  // of a command line, as shown to people
constexpr unsigned kExiting = 0x4;    // PF_EXITING of the kernel's sched.h

int written_pid(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t size = pread(descriptor, text.data(), text.size() - 1, 0);
  return size > 0 ? std::atoi(text.data()) : 0;
}

// A lock of the open file description (not of the process): held until every copy of the descriptor is
// closed.
int lock_file(int descriptor, int command, short type, struct flock& lock) {
  lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  int status = 0;
  do {
    status = fcntl(descriptor, command, &lock);
  } while (status != 0 && errno == EINTR);
  return status;
}

// What /proc/PID/stat says from the process's state (field 3 of proc(5)) on; "" if there is no such process.
std::string stat_from_state(int pid) {
  if (pid <= 0) return "";
  const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  return stat ? stat->substr(std::min(stat->size(), stat->rfind(')') + 1)) : "";
}

// Is there such a process, and not on its way out? One that was killed keeps its files, and so its lock, for
// as long as its memory takes to be given back and its other threads to end what they do.
bool is_alive(int pid) {
  std::istringstream rest(stat_from_state(pid));
  std::string state;
  std::string passed;
  unsigned flags = 0;
  uint64_t pending = 0;
  if (!(rest >> state)) return false;
  for (int field = 4; field < 9; ++field) rest >> passed;
  rest >> flags;  // 9
  for (int field = 10; field < 31; ++field) rest >> passed;
  rest >> pending;  // 31
  return state != "Z" && state != "X" && (flags & kExiting) == 0 && (pending >> (SIGKILL - 1) & 1) == 0;
}

// "process 12 (clade keeper /bin/sh …)" for each other process that has the file open.
std::string who_has_open(const std::string& path) {
  std::error_code ignored;
  struct stat wanted {};
  if (stat(path.c_str(), &wanted) != 0) return "";
  std::string who;
  for (const auto& process : fs::directory_iterator("/proc", ignored)) {
    const int pid = std::atoi(process.path().filename().c_str());
    if (pid <= 0 || pid == getpid()) continue;
    for (const auto& descriptor : fs::directory_iterator(process.path() / "fd", ignored)) {
      struct stat found {};
      if (stat(descriptor.path().c_str(), &found) != 0 || found.st_dev != wanted.st_dev ||
          found.st_ino != wanted.st_ino) {
        continue;
      }
      std::string command = read_file(process.path() / "cmdline").value_or("").substr(0, kCommandBytes);
      for (char& letter : command) {
        if (static_cast<unsigned char>(letter) < ' ') letter = ' ';
      }
      who +=
          (who.empty() ? "process " : ", process ") + std::to_string(pid) + " (" + valid_utf8(command) + ")";
      break;
    }
  }
  return who;
}

Error held_by_host(const std::string& folder, int pid) {
  return {"conflict", "a host runs in " + folder + " already (process " + std::to_string(pid) +
                          "): stop it with `clade stop -C " + folder +
                          "`, or watch it with `clade status -C " + folder + "`"};
}

Error held_by_remains(const std::string& folder, int pid, int64_t waited_ms) {
  const std::string who = who_has_open(lock_path(folder));
  return {"conflict", "the host that ran in " + folder +
                          (pid > 0 ? " (process " + std::to_string(pid) + ")" : "") +
                          " is gone, but its lock was still held after " + std::to_string(waited_ms) +
                          " ms, by " + (who.empty() ? "a process that is not seen from here" : who) +
                          ": a command of it does not die; end that and start again"};
}

Error cannot_write(const std::string& path, int reason) {
  const bool full = reason == ENOSPC || reason == EDQUOT;
  return {full ? "no_space" : "io",
          "cannot write " + path + ": " + system_reason(reason) + "; the state of a swarm lives there, so " +
              (full ? "free some space on this file system, then start again" : "make its folder writable")};
}

Status take_lock(int descriptor, const std::string& folder, int64_t patience_ms) {
  const SystemClock clock;
  const int64_t begun_us = clock.steady_us();
  struct flock lock {};
  while (lock_file(descriptor, F_OFD_SETLK, F_WRLCK, lock) != 0) {
    if (errno != EAGAIN && errno != EACCES) return failure(cannot_write(lock_path(folder), errno));
    const int pid = written_pid(descriptor);
    if (is_alive(pid)) return failure(held_by_host(folder, pid));
    // What a dead host left, or the winner of a tie who has not written its id yet.
    const int64_t waited_ms = (clock.steady_us() - begun_us) / 1000;
    if (waited_ms >= patience_ms) return failure(held_by_remains(folder, pid, waited_ms));
    poll(nullptr, 0, kLookAgainMs);
  }
  return {};
}

}  // namespace

Result<Lock> Lock::acquire(const std::string& folder, int64_t patience_ms) {
  const std::string state = state_folder(folder);
  if (mkdir(state.c_str(), 0700) != 0 && errno != EEXIST) return failure(cannot_write(state, errno));
  const std::string path = lock_path(folder);
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return failure(cannot_write(path, errno));
  if (auto status = take_lock(descriptor, folder, patience_ms); !status) {
    close(descriptor);
    return failure(status.error());
  }
  Lock held(descriptor);
  const std::string text = std::to_string(getpid()) + "\n";
  if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, text.data(), text.size(), 0) < 0) {
    return failure(cannot_write(path, errno));
  }
  return held;
}

Lock::Lock(Lock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Lock::~Lock() {
  if (descriptor_ < 0) return;
  // The file stays: removing it would let two processes lock two files of one name.
  (void)!ftruncate(descriptor_, 0);
  close(descriptor_);
}

int Lock::holder(const std::string& folder) {
  const int descriptor = open(lock_path(folder).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return 0;
  struct flock lock {};
  const bool held = lock_file(descriptor, F_OFD_GETLK, F_RDLCK, lock) == 0 && lock.l_type == F_WRLCK;
  const int pid = held ? written_pid(descriptor) : 0;
  close(descriptor);
  return is_alive(pid) ? pid : 0;
}

void Lock::wait_until_free(const std::string& folder) {
  const int descriptor = open(lock_path(folder).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  struct flock lock {};
  (void)lock_file(descriptor, F_OFD_SETLKW, F_RDLCK, lock);
  close(descriptor);
}

bool is_stopped(int pid) {
  std::istringstream rest(stat_from_state(pid));
  std::string state;
  rest >> state;
  return state == "T" || state == "t";
}

}  // namespace clade::cli
