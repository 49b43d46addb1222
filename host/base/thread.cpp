#include "base/thread.h"

#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <utility>

#include <pthread.h>

namespace clade {
namespace {

// Blocks every signal for as long as it lives, also if the thread cannot be started.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

class SystemThread final : public Thread {
 public:
  explicit SystemThread(const char* name) : thread_(start_thread(name, [this] { work(); })) {}
  ~SystemThread() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  SystemThread(const SystemThread&) = delete;
  SystemThread& operator=(const SystemThread&) = delete;

  void run(std::function<void()> function) override {
    {
      const std::lock_guard lock(mutex_);
      functions_.push_back(std::move(function));
    }
    changed_.notify_one();
  }

 private:
  void work() {
    for (;;) {
      std::function<void()> function;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ending_ || !functions_.empty(); });
        if (functions_.empty()) return;
        function = std::move(functions_.front());
        functions_.pop_front();
      }
      function();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> functions_;  // guarded by mutex_
  bool ending_ = false;                          // guarded by mutex_
  std::thread thread_;                           // last: it uses all of the above
};

}  // namespace

std::thread start_thread(const char* name, std::function<void()> function) {
  const SignalsBlocked inherited;
  std::thread thread(std::move(function));
  pthread_setname_np(thread.native_handle(), name);
  return thread;
}

std::unique_ptr<Thread> make_thread(const char* name) {
  return std::make_unique<SystemThread>(name);
}

}  // namespace clade
