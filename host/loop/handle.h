// What the files of this folder share: how a libuv handle is owned. Not for other folders.
#pragma once

#include <array>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include <uv.h>

#include "loop/loop.h"

namespace clade::loop {

// Lives on the heap around a uv handle whose `data` points to it, and is deleted in that handle's close
// callback: libuv may touch a handle until then, long after its C++ owner died. `closing` is set as soon as
// nothing may be called back.
struct Handle {
  virtual ~Handle() = default;
  // The loop is going away and this one is still open, because it outlived its owner on purpose (a stream
  // that sends its last bytes, a killed child that is not reaped yet): closes it now.
  virtual void abandon() = 0;

  bool closing = false;
};

// Hands `owner` to the loop, which deletes it once `handle` is closed. Only once per handle.
template <class UvHandle>
void close_handle(Handle* owner, UvHandle* handle) {
  owner->closing = true;
  uv_close(reinterpret_cast<uv_handle_t*>(handle),
           [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
}

// Sets `data`, as the Handle that close_handle and ~Loop expect there.
template <class UvHandle>
void attach_owner(Handle* owner, UvHandle* handle) {
  handle->data = owner;
}

// Calls the function kept in `slot` so that the call may replace it, or end its owner, without destroying
// what runs. Put back afterwards unless the call set another one or `owner` closed.
template <class... Declared, class... Given>
void call_slot(const Handle* owner, std::function<void(Declared...)>& slot, Given&&... arguments) {
  if (!slot) return;
  auto running = std::move(slot);
  slot = nullptr;
  running(std::forward<Given>(arguments)...);
  if (!owner->closing && !slot) slot = std::move(running);
}

// For calls that fail only for want of descriptors or memory, or by a bug.
inline void check(int status, const char* what) {
  if (status < 0) throw std::runtime_error(std::string(what) + ": " + uv_strerror(status));
}

// One read buffer for all streams of a loop: libuv fills it and hands it over before it asks for it again.
using ReadBuffer = std::array<char, 65536>;
ReadBuffer& read_buffer(uv_loop_t* loop);

}  // namespace clade::loop
