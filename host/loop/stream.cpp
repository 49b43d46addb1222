#include "loop/stream.h"

#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "loop/handle.h"
#include "loop/local_socket.h"

namespace clade::loop {
namespace {

constexpr int kBacklog = 128;

}  // namespace

struct Stream::State : Handle {
  explicit State(Loop& loop);

  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&pipe); }
  void start_reading();
  void write(std::string bytes);
  void write_failed(int status);
  // Reports the end of the stream, once.
  void end(std::string reason);
  // Reports that nothing more comes from a peer that still reads.
  void end_reading();
  bool peer_reads();
  // Gives up the owner: closes once everything is written.
  void linger();
  void close();
  void abandon() override { close(); }

  uv_pipe_t pipe{};
  OnData on_data;
  OnClose on_close;
  OnEnd on_end;
  size_t writes = 0;          // not yet called back
  std::string write_failure;  // the reason of the first write that failed
  bool reading_wanted = false;
  bool broken = false;     // nothing is written any more
  bool ended = false;      // nothing is read any more
  bool lingering = false;  // without owner
  bool lost = false;       // the peer went without reading everything
};

Stream::State::State(Loop& loop) {
  uv_pipe_init(loop.uv(), &pipe, 0);  // cannot fail without inter-process handles
  attach_owner(this, &pipe);
}

void Stream::State::close() {
  on_data = nullptr;
  on_close = nullptr;
  on_end = nullptr;
  close_handle(this, &pipe);
}

void Stream::State::linger() {
  on_data = nullptr;
  on_close = nullptr;
  on_end = nullptr;
  closing = true;
  lingering = true;
  uv_read_stop(stream());
  if (writes == 0 || broken) close();
}

void Stream::State::start_reading() {
  const int status = uv_read_start(
      stream(),
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        auto& bytes = read_buffer(handle->loop);
        *buffer = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
        auto* state = static_cast<State*>(static_cast<Handle*>(stream->data));
        if (count > 0) {
          call_slot(state, state->on_data, std::string_view(buffer->base, static_cast<size_t>(count)));
        } else if (count == UV_EOF && state->on_end && state->peer_reads()) {
          state->end_reading();
        } else if (count < 0) {
          state->lost = state->lost || count == UV_ECONNRESET;
          state->end(count == UV_EOF ? "" : uv_strerror(static_cast<int>(count)));
        }
      });
  if (status != UV_EALREADY) check(status, "cannot read a stream");
}

void Stream::State::write(std::string bytes) {
  if (broken || bytes.empty()) return;
  struct Write {
    uv_write_t request;
    State* state;
    std::string bytes;
  };
  auto* write = new Write{{}, this, std::move(bytes)};
  write->request.data = write;
  const uv_buf_t buffer = uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
  ++writes;
  const int status = uv_write(&write->request, stream(), &buffer, 1, [](uv_write_t* request, int result) {
    auto* finished = static_cast<Write*>(request->data);
    State* state = finished->state;
    delete finished;
    --state->writes;
    if (uv_is_closing(reinterpret_cast<uv_handle_t*>(&state->pipe))) return;
    if (result < 0) state->write_failed(result);
    if (state->lingering && (state->writes == 0 || state->broken)) state->close();
  });
  if (status < 0) {
    delete write;
    --writes;
    write_failed(status);
  }
}

void Stream::State::write_failed(int status) {
  if (broken) return;
  broken = true;
  lost = true;
  write_failure = uv_strerror(status);
  // What the peer sent before it went is still read; this makes an end follow it, so that on_close is called
  // from one place. On a pipe it fails, and a pipe that is written is never read.
  uv_os_fd_t descriptor = -1;
  if (uv_fileno(reinterpret_cast<const uv_handle_t*>(&pipe), &descriptor) == 0)
    ::shutdown(descriptor, SHUT_RDWR);
}

void Stream::State::end(std::string reason) {
  uv_read_stop(stream());
  ended = true;
  broken = true;
  on_data = nullptr;
  on_end = nullptr;
  // What broke the writing side says more than the end of file that followed it.
  if (!write_failure.empty()) reason = write_failure;
  if (const auto report = std::exchange(on_close, nullptr)) report(reason);
}

void Stream::State::end_reading() {
  uv_read_stop(stream());
  ended = true;
  on_data = nullptr;
  on_close = nullptr;
  if (const auto report = std::exchange(on_end, nullptr)) report();
}

// Of a Unix socket whose peer is gone both directions are shut.
bool Stream::State::peer_reads() {
  pollfd polled{};
  return !broken && uv_fileno(reinterpret_cast<const uv_handle_t*>(&pipe), &polled.fd) == 0 &&
         ::poll(&polled, 1, 0) == 0;
}

Stream::Stream(Loop& loop, int descriptor) : state_(new State(loop)) {
  const int status = uv_pipe_open(&state_->pipe, descriptor);
  if (status < 0) {
    state_->close();
    check(status, "cannot use a descriptor as a stream");
  }
}

Stream::Stream(State* state) : state_(state) {}

Result<Stream> Stream::connect(Loop& loop, const std::string& path) {
  auto socket = connect_local(path);
  if (!socket) return failure(socket.error());
  return Stream(loop, socket->release());
}

Stream::~Stream() {
  if (state_) state_->close();
}

Stream::Stream(Stream&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    const Stream replaced(std::move(*this));
    state_ = std::exchange(other.state_, nullptr);
  }
  return *this;
}

void Stream::read(OnData on_data, OnClose on_close, OnEnd on_end) {
  if (!state_) return;
  state_->on_data = std::move(on_data);
  state_->on_close = std::move(on_close);
  state_->on_end = std::move(on_end);
  state_->reading_wanted = true;
  resume();
}

void Stream::pause() {
  if (state_) uv_read_stop(state_->stream());
}

void Stream::resume() {
  if (state_ && state_->reading_wanted && !state_->ended) state_->start_reading();
}

void Stream::write(std::string bytes) {
  if (state_) state_->write(std::move(bytes));
}

size_t Stream::unwritten() const {
  return state_ && !state_->broken ? uv_stream_get_write_queue_size(state_->stream()) : 0;
}

bool Stream::lost_bytes() {
  if (!state_) return false;
  // A write that failed is told of later; until then it counts as queued.
  if (state_->lost || unwritten() > 0) return true;
  // A Unix socket whose peer closed with bytes unread has this error, however much is still to be read from
  // it.
  uv_os_fd_t descriptor = -1;
  int error = 0;
  socklen_t size = sizeof error;
  if (uv_fileno(reinterpret_cast<const uv_handle_t*>(&state_->pipe), &descriptor) == 0 &&
      ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0) {
    state_->lost = error == ECONNRESET;
  }
  return state_->lost;
}

void Stream::close_after_writes() {
  if (state_) std::exchange(state_, nullptr)->linger();
}

struct Listener::State : Handle {
  uv_pipe_t pipe{};
  Loop* loop = nullptr;
  Place place;
  struct stat bound {};  // what we bound: a later host's socket of the same name is not ours to remove
  std::function<void(Stream)> on_connection;

  void accept() {
    auto* connection = new Stream::State(*loop);
    if (uv_accept(reinterpret_cast<uv_stream_t*>(&pipe), connection->stream()) < 0) {
      connection->close();
      return;
    }
    call_slot(this, on_connection, Stream(connection));
  }

  void close() {
    struct stat found {};
    if (bound.st_ino != 0 &&
        ::fstatat(place.folder.get(), place.name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
        found.st_ino == bound.st_ino && found.st_dev == bound.st_dev) {
      ::unlinkat(place.folder.get(), place.name.c_str(), 0);
    }
    on_connection = nullptr;
    close_handle(this, &pipe);
  }
  void abandon() override { close(); }
};

Result<Listener> Listener::listen(Loop& loop, const std::string& path,
                                  std::function<void(Stream)> on_connection) {
  auto bound = bind_local(path);
  if (!bound) return failure(bound.error());

  auto* state = new State;
  uv_pipe_init(loop.uv(), &state->pipe, 0);
  attach_owner(state, &state->pipe);
  Listener listener(state);
  state->loop = &loop;
  state->on_connection = std::move(on_connection);
  state->place = std::move(bound->place);
  if (::fstatat(state->place.folder.get(), state->place.name.c_str(), &state->bound, AT_SYMLINK_NOFOLLOW) !=
      0) {
    return failure("io", "cannot look at " + path + ": " + system_reason(errno));
  }
  if (const int status = uv_pipe_open(&state->pipe, bound->socket.get()); status < 0) {
    return failure("io", "cannot listen on " + path + ": " + uv_strerror(status));
  }
  bound->socket.release();
  const int status =
      uv_listen(reinterpret_cast<uv_stream_t*>(&state->pipe), kBacklog, [](uv_stream_t* stream, int result) {
        if (result == 0) static_cast<State*>(static_cast<Handle*>(stream->data))->accept();
      });
  if (status < 0) return failure("io", "cannot listen on " + path + ": " + uv_strerror(status));
  return listener;
}

Listener::Listener(State* state) : state_(state) {}

Listener::~Listener() {
  if (state_) state_->close();
}

Listener::Listener(Listener&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  if (this != &other) {
    const Listener replaced(std::move(*this));
    state_ = std::exchange(other.state_, nullptr);
  }
  return *this;
}

}  // namespace clade::loop
