#include "run/file_writer.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "fixture.h"

namespace clade::run {
namespace {

namespace fs = std::filesystem;

constexpr int kMany = 300;  // more than are written at once

// Begins a run that asks for `count` files, report/<n> each with its number, and returns the run.
int64_t ask_for_files(PlayedHost& host, int count) {
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  for (int number = 1; number <= count; ++number) {
    const std::string name = std::to_string(number);
    host.dispatcher->called(run, "0", number, "file.write",
                            Value{{"path", "report/" + name}, {"text", name}});
  }
  return run;
}

// Puts open rows into the store, without anybody who writes them.
void insert_rows(PlayedHost& host, const std::vector<std::pair<std::string, std::string>>& files) {
  store::Batch batch;
  int64_t number = 0;
  for (const auto& [path, content] : files) {
    batch.add([seq = ++number, path = path, content = content](store::Database& database) {
      auto insert = database.prepare(
          "INSERT INTO file_write (seq, path, content, run, at, done) VALUES (?, ?, ?, 1, 0, 0)");
      return insert.bind(1, seq).bind(2, path).bind_blob(3, content).run();
    });
  }
  host.dispatcher->commit(std::move(batch), nullptr);
  host.settle();
}

// A writer of the host's rows whose disk the test plays.
struct PlayedWriter {
  PlayedWriter(PlayedHost& host, FileWriter::Write write)
      : writer(
            *host.kernel,
            [&host](store::Batch batch, std::function<void(Status)> done) {
              host.dispatcher->commit(std::move(batch), std::move(done));
            },
            [this](const Error& error) { fatal = error.code; }, std::move(write)) {}
  std::string fatal;
  FileWriter writer;
};

// Turns the loop until `condition` holds.
void turn_until(PlayedHost& host, const std::function<bool()>& condition) {
  loop::Timer turn(host.loop);
  turn.start(
      0, [&] { condition() ? host.loop.stop() : void(); }, 1);
  host.loop.run();
}

}  // namespace

TEST_CASE("files are written on a thread of their own, one after the other, and then closed") {
  const Folder folder;
  PlayedHost host(folder);
  std::vector<std::pair<std::string, std::string>> files;
  for (int number = 0; number < kMany; ++number) {
    files.emplace_back("report/" + std::to_string(number % 10), std::to_string(number));
  }
  insert_rows(host, files);
  std::vector<std::pair<std::string, std::string>> written;
  bool on_the_loop = false;
  PlayedWriter played(host, [&, home = std::this_thread::get_id()](const Kernel&, const std::string& path,
                                                                   const std::string& content) {
    on_the_loop = on_the_loop || std::this_thread::get_id() == home;
    written.emplace_back(path, content);
    return Status();
  });
  played.writer.wake();
  CHECK(played.writer.busy());
  turn_until(host, [&] { return !played.writer.busy(); });
  CHECK_FALSE(on_the_loop);
  CHECK(written == files);
  CHECK(host.count("SELECT count(*) FROM file_write WHERE done <> 1") == 0);
}

TEST_CASE("a host is not idle before its files are written") {
  const Folder folder;
  PlayedHost host(folder);
  const int64_t run = ask_for_files(host, kMany);
  host.dispatcher->finished(run, Value(), Value());
  turn_until(host, [&] { return host.dispatcher->idle(); });
  for (int number = 1; number <= kMany; ++number) {
    const std::string name = std::to_string(number);
    CHECK(read_file(folder.path + "/report/" + name).value_or("missing") == name);
  }
  CHECK(host.count("SELECT count(*) FROM file_write WHERE done <> 1") == 0);
}

TEST_CASE("no file is written before the run that wants it is on disk") {
  const Folder folder;
  PlayedHost host(folder);
  std::promise<void> gate;
  const int64_t run = ask_for_files(host, 1);
  host.settle();
  store::Batch slow;
  slow.add([open = gate.get_future().share()](store::Database&) {
    open.wait();
    return Status();
  });
  host.writer->commit(std::move(slow), nullptr);
  host.dispatcher->finished(run, Value(), Value());
  int turns = 0;
  turn_until(host, [&] { return ++turns == 20; });
  CHECK_FALSE(fs::exists(folder.path + "/report/1"));
  gate.set_value();
  host.settle();
  CHECK(fs::exists(folder.path + "/report/1"));
}

TEST_CASE("who stops waits for the file under way and leaves the rest to the next host") {
  const Folder folder;
  {
    PlayedHost host(folder);
    insert_rows(host, {{"report/1", "1"}, {"report/2", "2"}, {"report/3", "3"}});
    std::promise<void> begun;
    std::promise<void> gate;
    std::atomic<int> ended{0};
    PlayedWriter played(host, [&](const Kernel& kernel, const std::string& path, const std::string& content) {
      if (ended == 0) {
        begun.set_value();
        gate.get_future().wait();
      }
      auto status = write_file(kernel, path, content);
      ++ended;
      return status;
    });
    played.writer.wake();
    begun.get_future().wait();
    std::thread disk([&] { gate.set_value(); });
    played.writer.stop();
    disk.join();
    CHECK(ended >= 1);
    CHECK(host.count("SELECT count(*) FROM file_write WHERE done = 0") == 3);
  }
  PlayedHost next(folder);
  next.settle();
  for (const char* name : {"1", "2", "3"}) CHECK(*read_file(folder.path + "/report/" + name) == name);
  CHECK(next.count("SELECT count(*) FROM file_write WHERE done <> 1") == 0);
}

TEST_CASE("without space the rest of the files stays open, and the host is told") {
  const Folder folder;
  PlayedHost host(folder);
  insert_rows(host, {{"report/1", "1"}, {"report/2", "2"}, {"report/3", "3"}, {"report/4", "4"}});
  int tried = 0;
  PlayedWriter played(host, [&](const Kernel&, const std::string& path, const std::string&) -> Status {
    ++tried;
    if (path == "report/1") return failure("io", "played");
    if (path == "report/3") return failure("no_space", "played");
    return {};
  });
  played.writer.wake();
  turn_until(host, [&] { return !played.writer.busy(); });
  CHECK(played.fatal == "no_space");
  CHECK(tried == 3);
  CHECK(host.count("SELECT count(*) FROM file_write WHERE seq = 1 AND done = 2") == 1);
  CHECK(host.count("SELECT count(*) FROM file_write WHERE seq = 2 AND done = 1") == 1);
  CHECK(host.count("SELECT count(*) FROM file_write WHERE done = 0") == 2);
}

}  // namespace clade::run
