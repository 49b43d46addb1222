// Unix sockets by path, of any length: a path is reached through a descriptor of its folder. Blocking. Not
// for other folders.
#pragma once

#include <string>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>

#include "base/result.h"

namespace clade::loop {

// A file descriptor, closed at the end.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

// A socket's place: its folder, held open, its name in it, and the address that reaches it through the
// folder.
struct Place {
  Descriptor folder;
  std::string name;
  sockaddr_un address{};

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

// A socket connected to the one at `path`. Errors: "not_found" (no such socket, or nobody listens there),
// "io".
Result<Descriptor> connect_local(const std::string& path);

// A socket bound at a path with mode 0600, on which nobody listens yet, and where that is.
struct Bound {
  Descriptor socket;
  Place place;
};
// Replaces a socket on which nobody listens. Errors: "conflict" (a process listens there), "io".
Result<Bound> bind_local(const std::string& path);

}  // namespace clade::loop
