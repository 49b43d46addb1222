#include "loop/watch.h"

#include <memory>

#include "loop/handle.h"
#include "loop/timer.h"

namespace clade::loop {
namespace {

struct Folder : Handle {
  uv_fs_event_t handle{};
  std::function<void()> on_change;

  void close() {
    on_change = nullptr;
    close_handle(this, &handle);
  }
  void abandon() override { close(); }
};

}  // namespace

struct Watch::State {
  State(Loop& loop, std::function<void()> called) : quiet(loop), function(std::move(called)) {}
  ~State() {
    for (auto* folder : folders) folder->close();
  }

  Timer quiet;
  std::vector<Folder*> folders;
  std::function<void()> function;
};

Result<Watch> Watch::folders(Loop& loop, const std::vector<std::string>& paths, int64_t quiet_ms,
                             std::function<void()> function) {
  auto* state = new State(loop, std::move(function));
  Watch watch(state);
  for (const auto& path : paths) {
    auto* folder = new Folder;
    uv_fs_event_init(loop.uv(), &folder->handle);
    attach_owner(folder, &folder->handle);
    state->folders.push_back(folder);
    folder->on_change = [state, quiet_ms] {
      // A copy: the function may destroy the Watch, and with it the one kept here.
      state->quiet.start(quiet_ms, state->function);
    };
    const int status = uv_fs_event_start(
        &folder->handle,
        [](uv_fs_event_t* handle, const char*, int, int) {
          auto* changed = static_cast<Folder*>(static_cast<Handle*>(handle->data));
          call_slot(changed, changed->on_change);
        },
        path.c_str(), 0);
    if (status < 0) {
      std::string reason = uv_strerror(status);
      if (status == UV_ENOSPC)
        reason = "no inotify watches left: raise fs.inotify.max_user_watches with sysctl";
      if (status == UV_EMFILE)
        reason = "no inotify instances left: raise fs.inotify.max_user_instances with sysctl";
      return failure("io", "cannot watch " + path + ": " + reason);
    }
  }
  return watch;
}

Watch::Watch(State* state) : state_(state) {}

Watch::~Watch() {
  delete state_;
}

Watch::Watch(Watch&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Watch& Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    const Watch replaced(std::move(*this));
    state_ = std::exchange(other.state_, nullptr);
  }
  return *this;
}

}  // namespace clade::loop
