// The core alone: loop, store and queue, without a host around them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "loop/loop.h"
#include "queue/queue.h"
#include "store/database.h"
#include "store/writer.h"

namespace bench {

inline constexpr size_t kPayloadBytes = 200;

struct Core {
  // Opens the store clade.db in a folder, makes what is missing, and loads the queue from it.
  explicit Core(const std::string& folder);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Commits and waits until that is on disk.
  void commit(clade::store::Batch batch);
  // Adds so many tasks with a payload of kPayloadBytes, and waits until they are on disk.
  void fill(int64_t count, const std::function<std::string(int64_t)>& type);

  std::string path;  // of the database
  clade::loop::Loop loop;
  clade::SystemClock clock;
  clade::queue::Queue queue;
  std::optional<clade::store::Writer> writer;
  std::optional<clade::store::Database> reader;
  double load_seconds = 0;
};

// So many new tasks.
std::vector<clade::queue::NewTask> new_tasks(int64_t count, const std::function<std::string(int64_t)>& type);

}  // namespace bench
