// A queue over a store in a folder of its own, with a clock that the test sets. `commit` puts a batch on disk
// at once.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "queue/queue.h"
#include "store/database.h"
#include "support/manual_clock.h"
#include "support/open_tasks.h"

namespace clade::queue {

struct Fixture {
  Fixture() {
    std::string form = (std::filesystem::temp_directory_path() / "clade-queue-XXXXXX").string();
    REQUIRE(mkdtemp(form.data()) != nullptr);
    folder = form;
    auto opened = store::Database::open(folder + "/clade.db", store::Database::Mode::read_write);
    REQUIRE(opened.has_value());
    database = std::make_unique<store::Database>(std::move(*opened));
    REQUIRE(store::migrate(*database).has_value());
    // What is tested here is what is written, not that it outlives a power cut: that is the store's.
    REQUIRE(database->execute("PRAGMA synchronous = OFF").has_value());
    restart();
  }
  ~Fixture() {
    queue.reset();
    database.reset();
    std::filesystem::remove_all(folder);
  }

  // A new queue that knows what is on disk; a batch that was not committed is lost, as in a crash.
  void restart() {
    batch = store::Batch();
    auto handles = [](const std::string& type) { return type_matches("work*", type) || type == "check"; };
    queue = std::make_unique<Queue>(clock, handles, [] { return std::string("check, work*"); });
    queue->observe([this](const Task& task, Verb verb, State from) {
      seen.push_back(task.id + " " + name(from) + " " + name(verb) + " " + name(task.state));
    });
    REQUIRE(queue->load(*database).has_value());
  }

  void commit() {
    REQUIRE(database->execute("BEGIN IMMEDIATE").has_value());
    for (const auto& change : batch.changes()) {
      auto status = change(*database);
      INFO((status ? "" : status.error().message));
      REQUIRE(status.has_value());
    }
    REQUIRE(database->execute("COMMIT").has_value());
    batch = store::Batch();
  }

  // A task with an id of its own, submitted and on disk.
  void add(NewTask task) {
    auto ids = queue->submit({std::move(task)}, batch);
    INFO((ids ? "" : ids.error().message));
    REQUIRE(ids.has_value());
    commit();
  }
  void add(const std::string& id, std::vector<std::string> after = {}, const std::string& approval = "") {
    NewTask task;
    task.id = id;
    task.type = "work";
    task.after = std::move(after);
    task.approval = approval;
    add(std::move(task));
  }

  Lease claim(const std::string& id) {
    auto lease = queue->claim(id, ++run, 1000, "worker", batch);
    INFO((lease ? "" : lease.error().message));
    REQUIRE(lease.has_value());
    commit();
    return *lease;
  }

  // A verb that must succeed, on disk.
  void done(const Status& status) {
    INFO((status ? "" : status.error().code + ": " + status.error().message));
    REQUIRE(status.has_value());
    commit();
  }

  // A verb that must be refused with this code; the message, for more checks.
  template <class T>
  std::string refused(const Result<T>& result, const std::string& code) {
    REQUIRE_FALSE(result.has_value());
    INFO(result.error().message);
    REQUIRE(result.error().code == code);
    return result.error().message;
  }

  void complete(const std::string& id) { done(queue->complete(id, claim(id), "done", batch)); }
  void bury(const std::string& id) { done(queue->fail(id, claim(id), "broken", false, batch)); }

  // The state in memory, or on disk once it is final; both must agree where both know.
  std::string state(const std::string& id) {
    const std::string stored = history(id)["state"].as_string();
    const Task* task = queue->find(id);
    if (task) REQUIRE(name(task->state) == stored);
    return stored;
  }
  Value history(const std::string& id) {
    auto value = task_with_history(*database, id);
    REQUIRE(value.has_value());
    return *value;
  }
  // "verb state" of every event of a task.
  std::vector<std::string> events(const std::string& id) {
    std::vector<std::string> lines;
    const Value value = history(id);
    for (const auto& event : value["events"].as_array()) {
      lines.push_back(event["verb"].as_string() + " " + event["state"].as_string());
    }
    return lines;
  }
  // Ids in the order in which they would be claimed now.
  std::vector<std::string> order() {
    std::vector<std::string> ids;
    std::vector<std::pair<std::string, Lease>> leases;
    const auto told = seen;
    store::Batch scratch;  // claimed and given back in memory alone
    while (const auto id = queue->peek([](const std::string&) { return true; }).value()) {
      ids.push_back(*id);
      leases.emplace_back(*id, queue->claim(*id, 1, 1000, "worker", scratch).value());
    }
    for (const auto& [id, lease] : leases) REQUIRE(queue->release(id, lease, "", scratch));
    seen = told;
    return ids;
  }

  test::ManualClock clock;
  std::string folder;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<Queue> queue;
  store::Batch batch;
  std::vector<std::string> seen;  // what the observer was told
  int64_t run = 0;
};

// A task as it is submitted; `id` "" takes the next number.
inline NewTask task(const std::string& id, int priority = 5) {
  NewTask fresh;
  fresh.id = id;
  fresh.type = "work";
  fresh.priority = priority;
  return fresh;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace clade::queue
