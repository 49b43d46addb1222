// Threads beside the loop's.
#pragma once

#include <functional>
#include <thread>

namespace clade {

// Runs `function` on a thread of its own, which gets no signals: those are for the loop's. `name`, at most 15
// letters, is what tools like top show. Throws std::system_error if there can be no thread.
std::thread start_thread(const char* name, std::function<void()> function);

}  // namespace clade
