// Threads beside the loop's.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "base/event_loop.h"

namespace clade {

// Runs `function` on a thread of its own, which gets no signals: those are for the loop's. `name`, at most 15
// letters, is what tools like top show. Throws std::system_error if there can be no thread.
std::thread start_thread(const char* name, std::function<void()> function);

// The same as one that waits for functions, see EventLoop::make_thread.
std::unique_ptr<Thread> make_thread(const char* name);

}  // namespace clade
