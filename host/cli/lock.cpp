#include "cli/lock.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/folder.h"

namespace clade::cli {
namespace {

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

Error cannot_write(const std::string& path, int reason) {
  return {"io", "cannot write " + path + ": " + system_reason(reason) +
                    "; the state of a swarm lives there, so make its folder writable"};
}

}  // namespace

Result<Lock> Lock::acquire(const std::string& folder) {
  const std::string state = state_folder(folder);
  if (mkdir(state.c_str(), 0700) != 0 && errno != EEXIST) return failure(cannot_write(state, errno));
  const std::string path = lock_path(folder);
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return failure(cannot_write(path, errno));
  struct flock lock {};
  if (lock_file(descriptor, F_OFD_SETLK, F_WRLCK, lock) != 0) {
    const int reason = errno;
    const int pid = written_pid(descriptor);
    // The loser of a tie may look before the winner has written its id.
    close(descriptor);
    if (reason != EAGAIN && reason != EACCES) return failure(cannot_write(path, reason));
    const std::string who = pid > 0 ? "process " + std::to_string(pid) : "another process";
    return failure("conflict", "a host runs in " + folder + " already (" + who +
                                   "): stop it with `clade stop -C " + folder +
                                   "`, or watch it with `clade status -C " + folder + "`");
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
  return pid;
}

void Lock::wait_until_free(const std::string& folder) {
  const int descriptor = open(lock_path(folder).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  struct flock lock {};
  (void)lock_file(descriptor, F_OFD_SETLKW, F_RDLCK, lock);
  close(descriptor);
}

}  // namespace clade::cli
