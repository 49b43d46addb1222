#include "loop/local_socket.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

namespace clade::loop {
namespace {

tl::unexpected<Error> socket_failure(const std::string& what, const std::string& path, int number) {
  const bool absent = number == ENOENT || number == ENOTDIR || number == ECONNREFUSED;
  return failure(absent ? "not_found" : "io", what + " " + path + ": " + system_reason(number));
}

Result<Place> find_place(const std::string& path) {
  const std::filesystem::path whole(path);
  Place place;
  place.name = whole.filename().string();
  const std::string folder = whole.has_parent_path() ? whole.parent_path().string() : ".";
  place.folder = Descriptor(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (place.folder.get() < 0) return socket_failure("cannot open the folder of the socket", path, errno);
  const std::string address = "/proc/self/fd/" + std::to_string(place.folder.get()) + "/" + place.name;
  if (place.name.empty() || address.size() >= sizeof place.address.sun_path) {
    return socket_failure("cannot use as a socket's path", path, place.name.empty() ? EINVAL : ENAMETOOLONG);
  }
  place.address.sun_family = AF_UNIX;
  std::memcpy(place.address.sun_path, address.c_str(), address.size() + 1);
  return place;
}

Descriptor make_socket() {
  return Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

// Removes the socket that a dead process left. Errors: "conflict", "io".
Status remove_stale(const Place& place, const std::string& path) {
  struct stat found {};
  if (::fstatat(place.folder.get(), place.name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return socket_failure("cannot look at", path, errno);
  }
  if (!S_ISSOCK(found.st_mode)) {
    return failure("io", path + " exists and is no socket: move it away, or choose another folder");
  }
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.get() < 0) return failure("io", "cannot make a socket: " + system_reason(errno));
  // A full backlog (EAGAIN) is a listener too.
  if (::connect(probe.get(), place.get(), sizeof place.address) == 0 || errno == EAGAIN) {
    return failure("conflict", "another process listens on " + path + ": stop it first");
  }
  if (errno != ECONNREFUSED) return failure("io", "cannot probe " + path + ": " + system_reason(errno));
  if (::unlinkat(place.folder.get(), place.name.c_str(), 0) != 0 && errno != ENOENT) {
    return failure("io", "cannot remove the stale socket " + path + ": " + system_reason(errno));
  }
  return {};
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Result<Descriptor> connect_local(const std::string& path) {
  auto place = find_place(path);
  if (!place) return failure(place.error());
  auto socket = make_socket();
  if (socket.get() < 0) return failure("io", "cannot make a socket: " + system_reason(errno));
  int result = 0;
  do {
    result = ::connect(socket.get(), place->get(), sizeof place->address);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return socket_failure("cannot connect to", path, errno);
  return socket;
}

Result<Bound> bind_local(const std::string& path) {
  auto place = find_place(path);
  if (!place) return failure("io", place.error().message);
  if (auto status = remove_stale(*place, path); !status) return failure(status.error());
  auto socket = make_socket();
  if (socket.get() < 0) return failure("io", "cannot make a socket: " + system_reason(errno));
  // Linux gives the file the mode that the socket has when it is bound: there is no moment at which it is
  // wider.
  if (::fchmod(socket.get(), 0600) != 0 || ::bind(socket.get(), place->get(), sizeof place->address) != 0) {
    const int number = errno;
    return failure("io", "cannot bind " + path + ": " + system_reason(number));
  }
  return Bound{std::move(socket), std::move(*place)};
}

}  // namespace clade::loop
