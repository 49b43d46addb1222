// A byte stream: a connected Unix socket or one end of a socketpair; and the listener that accepts such.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "loop/loop.h"

namespace clade::loop {

class Stream {
 public:
  using OnData = std::function<void(std::string_view)>;
  // Called once, when the peer closed or the stream broke; `reason` is "" at an orderly end.
  using OnClose = std::function<void(const std::string& reason)>;
  // Called once, instead of OnClose, when the peer closed its sending side and still reads.
  using OnEnd = std::function<void()>;

  // Takes over a connected stream socket, or one end of a pipe; it becomes non-blocking. Throws
  // std::runtime_error if it is neither.
  Stream(Loop& loop, int descriptor);
  // Connects to a Unix socket; works for paths longer than sockaddr_un holds. Blocking, local. Errors:
  // "not_found" (no such socket, or nobody listens there), "io".
  static Result<Stream> connect(Loop& loop, const std::string& path);
  ~Stream();
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;

  // Starts to read. Each function may destroy the stream. With `on_end` (sockets only) the stream can still
  // be written once that was called, and none of the functions is called any more; without it, a peer that
  // closes its sending side has closed.
  void read(OnData on_data, OnClose on_close, OnEnd on_end = {});
  // Stops reading: bytes, and the end of the stream, wait in the socket (back-pressure).
  void pause();
  void resume();
  // Queues bytes; nothing is reported, a broken stream calls OnClose once what the peer sent before is read.
  // The process must ignore SIGPIPE.
  void write(std::string bytes);
  // Bytes queued and not yet taken by the kernel.
  size_t unwritten() const;
  // Once the peer is gone: true if it had not read all that was written. Sockets only.
  bool lost_bytes();
  // Gives the socket to the loop, which sends what is queued and then closes it; neither function is called
  // any more. The Stream is empty then: writes to it are dropped. A loop that ends first sends what the
  // kernel takes at once.
  void close_after_writes();

 private:
  friend class Listener;
  struct State;
  explicit Stream(State* state);
  State* state_;
};

class Listener {
 public:
  // Binds a Unix socket of mode 0600, replacing one that nobody listens on; works for long paths. Errors:
  // "conflict" (a process listens there), "io" (e.g. the path holds something that is no socket, which is
  // left alone).
  static Result<Listener> listen(Loop& loop, const std::string& path,
                                 std::function<void(Stream)> on_connection);
  ~Listener();  // closes and removes the file
  Listener(Listener&&) noexcept;
  Listener& operator=(Listener&&) noexcept;

 private:
  struct State;
  explicit Listener(State* state);
  State* state_;
};

}  // namespace clade::loop
