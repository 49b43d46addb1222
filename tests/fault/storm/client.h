// The operator of the storm's swarm: submits tasks, one after the other, and writes down which were
// acknowledged.
#pragma once

#include <atomic>
#include <cstdint>
#include <random>
#include <string>
#include <thread>

#include "host.h"

namespace storm {

class Client {
 public:
  // Submits nothing before it is allowed to. `witness_program` is what the tasks' commands run.
  Client(const Places& places, const std::string& witness_program, uint64_t seed);
  ~Client();  // ends the thread; the host must be gone, or answer
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // It may have so many tasks under way that are not yet submitted.
  void allow(int64_t tasks) { allowed_ = tasks; }
  int64_t acknowledged() const { return acknowledged_; }
  // Throws what the thread could not go on from.
  void check() const;

 private:
  void work();
  void submit(Control& control);

  Places places_;
  std::string program_;
  std::mt19937_64 random_;
  int64_t number_ = 0;
  std::atomic<int64_t> allowed_{0};
  std::atomic<int64_t> acknowledged_{0};
  std::atomic<bool> ending_{false};
  std::atomic<bool> failed_{false};
  std::string problem_;  // written before `failed_`
  std::thread thread_;
};

}  // namespace storm
