// What the tests of the store share: the loop's side of a writer, and a database with one table.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "base/thread.h"
#include "store/database.h"
#include "store/writer.h"
#include "support/temporary_folder.h"

namespace test {

// Takes what the writer posts and runs it on the test's thread, as the loop would.
class Inbox final : public clade::EventLoop {
 public:
  // `watch` is called on the writer's thread at the moment of each post.
  explicit Inbox(std::function<void()> watch = nullptr) : watch_(std::move(watch)) {}

  void post(std::function<void()> function) override {
    if (watch_) watch_();
    const std::lock_guard lock(mutex_);
    functions_.push_back(std::move(function));
    posted_.notify_one();
  }
  // At once: a test's thread is never busy with anything else.
  void defer(std::function<void()> function) override { function(); }
  std::unique_ptr<clade::Timer> make_timer() override { throw std::logic_error("the writer needs none"); }
  std::unique_ptr<clade::Thread> make_thread(const char* name) override { return clade::make_thread(name); }

  // Waits for the next post and runs what is there.
  void run_once() {
    std::vector<std::function<void()>> functions;
    {
      std::unique_lock lock(mutex_);
      if (!posted_.wait_for(lock, std::chrono::seconds(60), [this] { return !functions_.empty(); })) {
        FAIL("the writer posted nothing");
      }
      functions.swap(functions_);
    }
    for (auto& function : functions) {
      ++posts;
      function();
    }
  }

  void run_until(const std::function<bool()>& condition) {
    while (!condition()) run_once();
  }

  // What was posted and not run, run now.
  void drain() {
    std::vector<std::function<void()>> functions;
    {
      const std::lock_guard lock(mutex_);
      functions.swap(functions_);
    }
    for (auto& function : functions) function();
  }

  int posts = 0;

 private:
  std::function<void()> watch_;
  std::mutex mutex_;
  std::condition_variable posted_;
  std::vector<std::function<void()>> functions_;
};

inline clade::store::Database open_database(const std::string& path) {
  auto database = clade::store::Database::open(path, clade::store::Database::Mode::read_write);
  REQUIRE(database);
  REQUIRE(database->execute("CREATE TABLE IF NOT EXISTS item (number INTEGER PRIMARY KEY, data BLOB)"));
  return std::move(*database);
}

inline clade::store::Batch::Change insert(int64_t number, size_t bytes = 0) {
  return [number, bytes](clade::store::Database& database) {
    auto statement = database.prepare("INSERT INTO item (number, data) VALUES (?, ?)");
    return statement.bind(1, number).bind_blob(2, std::string(bytes, 'x')).run();
  };
}

inline clade::store::Batch batch(clade::store::Batch::Change change) {
  clade::store::Batch result;
  result.add(std::move(change));
  return result;
}

// The numbers that another connection, opened now, sees.
inline std::vector<int64_t> stored(const std::string& path) {
  auto database = clade::store::Database::open(path, clade::store::Database::Mode::read_only);
  REQUIRE(database);
  std::vector<int64_t> numbers;
  auto query = database->prepare("SELECT number FROM item ORDER BY number");
  for (auto row = query.step();; row = query.step()) {
    REQUIRE(row);
    if (!*row) return numbers;
    numbers.push_back(query.integer(0));
  }
}

// Keeps the writer's thread in a change until open() is called: what is submitted meanwhile is one group.
class Gate {
 public:
  clade::store::Batch::Change change() {
    return [reached = reached_, opened = opened_](clade::store::Database&) -> clade::Status {
      reached->set_value();
      opened->get_future().wait();
      return {};
    };
  }
  void wait_reached() { reached_->get_future().wait(); }
  void open() { opened_->set_value(); }

 private:
  std::shared_ptr<std::promise<void>> reached_ = std::make_shared<std::promise<void>>();
  std::shared_ptr<std::promise<void>> opened_ = std::make_shared<std::promise<void>>();
};

}  // namespace test
