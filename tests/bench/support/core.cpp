#include "support/core.h"

#include <algorithm>
#include <filesystem>

#include "support/print.h"

namespace bench {
namespace {

constexpr int64_t kFillBatch = 10000;

}  // namespace

using clade::Value;
using clade::store::Batch;
using clade::store::Database;

std::vector<clade::queue::NewTask> new_tasks(int64_t count, const std::function<std::string(int64_t)>& type) {
  std::vector<clade::queue::NewTask> tasks;
  for (int64_t n = 0; n < count; ++n) {
    clade::queue::NewTask task;
    task.type = type(n);
    task.payload = Value{{"text", std::string(kPayloadBytes, 'x')}};
    tasks.push_back(std::move(task));
  }
  return tasks;
}

Core::Core(const std::string& folder)
    : path(folder + "/clade.db"), queue(clock, [](const std::string&) { return true; }) {
  std::filesystem::create_directories(folder);
  auto database = need(Database::open(path, Database::Mode::read_write));
  need(clade::store::migrate(database));
  writer.emplace(std::move(database), loop);
  reader.emplace(need(Database::open(path, Database::Mode::read_only)));
  const int64_t begun = clock.steady_us();
  need(queue.load(*reader));
  load_seconds = static_cast<double>(clock.steady_us() - begun) / 1e6;
}

void Core::commit(Batch batch) {
  writer->commit(std::move(batch), [this](const clade::Status& status) {
    need(status);
    loop.stop();
  });
  loop.run();
}

void Core::fill(int64_t count, const std::function<std::string(int64_t)>& type) {
  for (int64_t begun = 0; begun < count; begun += kFillBatch) {
    Batch batch;
    need(queue.submit(
        new_tasks(std::min(kFillBatch, count - begun), [&](int64_t n) { return type(begun + n); }), batch));
    commit(std::move(batch));
  }
}

}  // namespace bench
