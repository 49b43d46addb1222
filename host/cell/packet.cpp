#include "cell/packet.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cell/protocol.h"

namespace clade::cell {
namespace {

constexpr size_t kPacketBytes = 16384;

}  // namespace

Status send_packet(int socket, const Value& value, int passed, bool wait) {
  std::string bytes;
  if (auto appended = append_frame(bytes, value); !appended) return appended;
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  if (passed >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &passed, sizeof(int));
  }
  ssize_t sent = -1;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return {};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return failure("again", "the socket is full");
  return failure("io", system_reason(errno));
}

Result<Packet> receive_packet(int socket) {
  std::vector<char> bytes(kPacketBytes);
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t received = -1;
  do {
    received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return failure("io", system_reason(errno));
  Packet packet;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
      std::memcpy(&packet.passed, CMSG_DATA(header), sizeof(int));
    }
  }
  if (received == 0) return packet;
  FrameReader reader;
  reader.feed({bytes.data(), static_cast<size_t>(received)});
  auto value = reader.next();
  if (!value || value->is_nil()) {
    if (packet.passed >= 0) close(packet.passed);
    return failure("invalid", value ? "a packet was cut off" : value.error().message);
  }
  packet.value = *std::move(value);
  return packet;
}

}  // namespace clade::cell
