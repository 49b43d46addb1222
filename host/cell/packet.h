// Messages between host and zygote: one frame (protocol.h) per packet of a SOCK_SEQPACKET socket; a packet to
// the zygote may carry a descriptor. Both sides are trusted.
//   host → zygote: {t="spawn", id, memory_mb, cpu_ms} with the cell's socket · {t="kill", id} ·
//   {t="interrupt", id} zygote → host: {t="ready", layers=[{name, missing}]} first, then {t="exit", id, code,
//   signal, cpu_us, memory_kb} ·
//                  {t="born", id, pid} after a spawn, or {t="failed", id, error} instead · {t="interrupted",
//                  id} once the signal is delivered
#pragma once

#include <string>

#include "base/result.h"
#include "base/value.h"

namespace clade::cell {

struct Packet {
  Value value;      // nil: the peer closed
  int passed = -1;  // a descriptor that came along; the receiver's to close
};

// Sends one packet. Without `wait` a full socket gives the error "again". Errors: "again", "io".
Status send_packet(int socket, const Value& value, int passed = -1, bool wait = true);
// Waits for one packet. Errors: "io", "invalid".
Result<Packet> receive_packet(int socket);

}  // namespace clade::cell
