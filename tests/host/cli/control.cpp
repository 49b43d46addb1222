#include "cli/control.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>
#include <thread>

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "cli/lock.h"
#include "loop/local_socket.h"
#include "loop/stream.h"
#include "support/guarded_loop.h"
#include "support/temporary_folder.h"

namespace clade::cli {
namespace {

// A control socket whose handler notes what it was asked and answers as the test says.
struct Fixture {
  Fixture() {
    REQUIRE(make_folders(folder / ".clade", 0700).has_value());
    auto opened = Control::open(*loop, folder / ".clade/socket",
                                [this](const std::string& command, const Value& args, Control::Reply reply) {
                                  asked.push_back(command);
                                  if (command == "later") {
                                    kept = std::move(reply);
                                  } else if (command == "refuse") {
                                    reply(failure("refused", "not today"));
                                  } else if (command == "much") {
                                    reply(std::string(200000, 'x'));
                                  } else {
                                    reply(args);
                                  }
                                });
    REQUIRE(opened.has_value());
    control.emplace(std::move(*opened));
  }

  loop::Stream connect() {
    auto stream = loop::Stream::connect(*loop, folder / ".clade/socket");
    REQUIRE(stream.has_value());
    return std::move(*stream);
  }

  // Sends bytes and returns what came back until `lines` lines or the end; `closed` says which.
  std::string talk(const std::string& bytes, size_t lines) {
    loop::Stream stream = connect();
    std::string received;
    closed = false;
    stream.read([&](std::string_view more) { received.append(more); },
                [&](const std::string&) { closed = true; });
    stream.write(bytes);
    loop.run_until([&] {
      return closed || static_cast<size_t>(std::count(received.begin(), received.end(), '\n')) >= lines;
    });
    return received;
  }

  // A client that has sent `bytes` and closed its sending side, as `nc -N` does.
  loop::Stream sent(const std::string& bytes) {
    auto socket = loop::connect_local(folder / ".clade/socket");
    REQUIRE(socket.has_value());
    REQUIRE(::send(socket->get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    REQUIRE(::shutdown(socket->get(), SHUT_WR) == 0);
    return {*loop, socket->release()};
  }

  test::TemporaryFolder folder;
  test::GuardedLoop loop;
  std::vector<std::string> asked;
  Control::Reply kept;
  std::optional<Control> control;
  bool closed = false;
};

TEST_CASE("requests are answered in order, several on one connection") {
  Fixture fixture;
  const std::string answers = fixture.talk(
      "{\"command\":\"echo\",\"args\":{\"a\":1}}\n{\"command\":\"refuse\"}\n{\"command\":\"echo\",\"args\":{}"
      "}\n",
      3);
  CHECK(answers ==
        "{\"data\":{\"a\":1},\"ok\":true}\n"
        "{\"error\":{\"code\":\"refused\",\"message\":\"not today\"},\"ok\":false}\n"
        "{\"data\":{},\"ok\":true}\n");
  CHECK_FALSE(fixture.closed);
}

TEST_CASE("requests may be asked without waiting, and their answers come in order") {
  Fixture fixture;
  std::string requests = "{\"command\":\"later\"}\n";
  std::string expected = "{\"data\":\"late\",\"ok\":true}\n";
  // More than are taken up at once, and more than may wait.
  const int count = static_cast<int>(kControlAsked) + 100;
  for (int i = 0; i < count; ++i) {
    requests += "{\"command\":\"echo\",\"args\":{\"n\":" + std::to_string(i) + "}}\n";
    expected += "{\"data\":{\"n\":" + std::to_string(i) + "},\"ok\":true}\n";
  }
  loop::Stream stream = fixture.connect();
  std::string answers;
  stream.read([&](std::string_view bytes) { answers += bytes; }, [](const std::string&) {});
  stream.write(requests);
  fixture.loop.run_until([&] { return fixture.asked.size() == kControlAsked; });
  // The host takes no more of them: the first one waits for its answer, and so do all that follow.
  CHECK(answers.empty());
  fixture.kept(Value("late"));
  fixture.loop.run_until([&] { return answers.size() >= expected.size(); });
  CHECK(answers == expected);
  CHECK(fixture.asked.size() == static_cast<size_t>(count) + 1);
}

TEST_CASE("what was asked before a line that is no request is answered, then the connection is closed") {
  Fixture fixture;
  loop::Stream stream = fixture.connect();
  std::string answers;
  bool closed = false;
  stream.read([&](std::string_view bytes) { answers += bytes; }, [&](const std::string&) { closed = true; });
  stream.write("{\"command\":\"later\"}\ngarbage\n{\"command\":\"echo\"}\n");
  fixture.loop.run_until([&] { return static_cast<bool>(fixture.kept); });
  fixture.kept(Value("late"));
  fixture.loop.run_until([&] { return closed; });
  CHECK(answers.substr(0, answers.find('\n')) == "{\"data\":\"late\",\"ok\":true}");
  CHECK(answers.find("not JSON") != std::string::npos);
  CHECK(fixture.asked == std::vector<std::string>{"later"});
}

TEST_CASE("a client that closes its sending side gets all its answers, also late ones, then the end") {
  Fixture fixture;
  std::string requests = "{\"command\":\"later\"}\n";
  std::string expected = "{\"data\":\"late\",\"ok\":true}\n";
  // More than are taken up at once, and more than may wait.
  const int count = static_cast<int>(kControlAsked) + 100;
  for (int i = 0; i < count; ++i) {
    requests += "{\"command\":\"echo\",\"args\":{\"n\":" + std::to_string(i) + "}}\n";
    expected += "{\"data\":{\"n\":" + std::to_string(i) + "},\"ok\":true}\n";
  }
  loop::Stream stream = fixture.sent(requests);
  std::string answers;
  bool closed = false;
  stream.read([&](std::string_view bytes) { answers += bytes; }, [&](const std::string&) { closed = true; });
  fixture.loop.run_until([&] { return fixture.asked.size() == kControlAsked || closed; });
  CHECK_FALSE(closed);
  fixture.kept(Value("late"));
  fixture.loop.run_until([&] { return closed; });
  CHECK(answers == expected);
  CHECK(fixture.control->connections() == 0);

  // A single one whose end is there before its answer.
  loop::Stream one = fixture.sent("{\"command\":\"later\"}\n");
  answers.clear();
  closed = false;
  one.read([&](std::string_view bytes) { answers += bytes; }, [&](const std::string&) { closed = true; });
  fixture.loop.run_until([&] { return fixture.asked.size() == static_cast<size_t>(count) + 2 || closed; });
  // Its end has been read once the loop has served somebody who came later.
  CHECK(fixture.talk("{\"command\":\"echo\",\"args\":{}}\n", 1) == "{\"data\":{},\"ok\":true}\n");
  fixture.kept(Value("late"));
  fixture.loop.run_until([&] { return fixture.control->connections() == 0; });
  fixture.loop.run_until([&] { return closed || !answers.empty(); });
  CHECK(answers == "{\"data\":\"late\",\"ok\":true}\n");
}

TEST_CASE("what a client sent incompletely before it closed its sending side is told of, not carried out") {
  Fixture fixture;
  loop::Stream stream = fixture.sent("{\"command\":\"echo\",\"args\":{}}\n{\"command\":\"echo\"}");
  std::string answers;
  bool closed = false;
  stream.read([&](std::string_view bytes) { answers += bytes; }, [&](const std::string&) { closed = true; });
  fixture.loop.run_until([&] { return closed; });
  CHECK(answers.rfind("{\"data\":{},\"ok\":true}\n", 0) == 0);
  CHECK(answers.find("no line break at its end") != std::string::npos);
  CHECK(fixture.asked.size() == 1);
}

TEST_CASE("a client that is gone leaves no connection behind, though its answer is still to come") {
  Fixture fixture;
  {
    loop::Stream stream = fixture.connect();
    stream.write("{\"command\":\"later\"}\n");
    fixture.loop.run_until([&] { return !fixture.asked.empty(); });
  }
  fixture.loop.run_until([&] { return fixture.control->connections() == 0; });
  fixture.kept(Value("late"));
  CHECK(fixture.control->connections() == 0);
}

TEST_CASE("only the owner may connect") {
  Fixture fixture;
  struct stat found {};
  REQUIRE(stat((fixture.folder / ".clade/socket").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
}

TEST_CASE("hostile input is answered with an error and the connection is closed") {
  Fixture fixture;
  for (const std::string& bytes :
       {std::string("garbage\n"), std::string("\n"), std::string("[1,2]\n"), std::string("{}\n"),
        std::string("{\"command\":7}\n"), std::string("{\"command\":\"x\",\"args\":[]}\n"),
        std::string("\x00\xff\xfe\n", 4), std::string(200, '[') + "\n",
        std::string(kControlLineBytes + 10, 'x'), std::string(3 * kControlLineBytes, '{') + "\n"}) {
    INFO(bytes.substr(0, 20));
    const std::string answer = fixture.talk(bytes, 2);
    CHECK(fixture.closed);
    const auto error = decode_json(answer.substr(0, answer.find('\n')));
    REQUIRE(error.has_value());
    CHECK_FALSE((*error)["ok"].as_bool(true));
    const std::string& code = (*error)["error"]["code"].as_string();
    CHECK((code == "invalid" || code == "limit"));
  }
  CHECK(fixture.asked.empty());
  // It still serves.
  CHECK(fixture.talk("{\"command\":\"echo\",\"args\":{}}\n", 1) == "{\"data\":{},\"ok\":true}\n");
}

TEST_CASE("a client that asks and does not read is dropped") {
  Fixture fixture;
  loop::Stream stream = fixture.connect();
  std::string requests;
  for (int i = 0; i < 2000; ++i) requests += "{\"command\":\"much\"}\n";
  stream.write(requests);
  // It takes a few answers to fill the socket and the host's bound.
  fixture.loop.run_until([&] { return !fixture.asked.empty() && fixture.control->connections() == 0; });
  CHECK(fixture.asked.size() < 100);
}

TEST_CASE("too many connections: the one that has been silent longest goes") {
  Fixture fixture;
  loop::Stream busy = fixture.connect();
  bool busy_closed = false;
  busy.read([](std::string_view) {}, [&](const std::string&) { busy_closed = true; });
  busy.write("{\"command\":\"later\"}\n");
  fixture.loop.run_until([&] { return !fixture.asked.empty(); });
  std::vector<loop::Stream> idle;
  idle.reserve(kControlConnections);
  bool first_closed = false;
  for (size_t i = 0; i < kControlConnections; ++i) {
    idle.push_back(fixture.connect());
    if (i == 0) idle[0].read([](std::string_view) {}, [&](const std::string&) { first_closed = true; });
  }
  fixture.loop.run_until([&] { return first_closed; });
  CHECK(fixture.control->connections() == kControlConnections);
  CHECK_FALSE(busy_closed);
}

TEST_CASE("an answer that comes when nobody waits any more does nothing") {
  Fixture fixture;
  {
    loop::Stream stream = fixture.connect();
    stream.write("{\"command\":\"later\"}\n");
    fixture.loop.run_until([&] { return !fixture.asked.empty(); });
    fixture.kept(Value(1));
    fixture.kept(Value(2));  // a second answer is none
  }
  loop::Stream stream = fixture.connect();
  stream.write("{\"command\":\"later\"}\n");
  fixture.loop.run_until([&] { return fixture.asked.size() == 2; });
  const auto kept = fixture.kept;
  fixture.control.reset();
  kept(Value(3));
  SUCCEED();
}

TEST_CASE("a command asks its host and gets data or an error") {
  Fixture fixture;
  std::vector<Result<Value>> answers;
  std::thread client([&] {
    answers.push_back(request(fixture.folder.path(), "echo", {{"text", "grün"}}));
    answers.push_back(request(fixture.folder.path(), "refuse", Value::Map{}));
    (*fixture.loop).post([&] { fixture.loop->stop(); });
  });
  fixture.loop.run();
  client.join();
  REQUIRE(answers.size() == 2);
  REQUIRE(answers[0].has_value());
  CHECK((*answers[0])["text"].as_string() == "grün");
  REQUIRE_FALSE(answers[1].has_value());
  CHECK(answers[1].error() == Error{"refused", "not today"});
}

TEST_CASE("a request that the host would not take is refused before anything is sent") {
  Fixture fixture;
  const auto answer = request(fixture.folder.path(), "echo", {{"text", std::string(kControlLineBytes, 'x')}});
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().code == "limit");
  CHECK(answer.error().message.find("the request echo is larger than 1 MB") == 0);
  CHECK(fixture.control->connections() == 0);
}

TEST_CASE("a request may hold a payload of the full depth") {
  Fixture fixture;
  std::string deep = std::string(CodecLimits{}.depth, '[') + std::string(CodecLimits{}.depth, ']');
  CHECK(fixture.talk("{\"command\":\"echo\",\"args\":{\"payload\":" + deep + "}}\n", 1) ==
        "{\"data\":{\"payload\":" + deep + "},\"ok\":true}\n");
}

// A process that holds the lock of a folder, listens there and never answers.
struct Silent {
  explicit Silent(const std::string& folder) {
    REQUIRE(make_folders(folder + "/.clade", 0700).has_value());
    auto bound = loop::bind_local(folder + "/.clade/socket");
    REQUIRE(bound.has_value());
    std::array<int, 2> ready{};
    REQUIRE(pipe(ready.data()) == 0);
    pid = fork();
    if (pid == 0) {
      const auto lock = Lock::acquire(folder);
      if (!lock || listen(bound->socket.get(), 1) != 0 || ::write(ready[1], "x", 1) != 1) _exit(1);
      for (;;) pause();
    }
    close(ready[1]);
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    close(ready[0]);
  }
  ~Silent() {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  pid_t pid = 0;
};

TEST_CASE("a host that does not answer is named in the end, and how to make it go on if it is stopped") {
  const test::TemporaryFolder folder;
  const Silent silent(folder.path());
  const std::string process = std::to_string(silent.pid);
  const auto hung = request(folder.path(), "status", Value::Map{}, {1, 2});
  REQUIRE_FALSE(hung.has_value());
  CHECK(hung.error().message.find("the host (process " + process + ") has not answered for ") == 0);
  CHECK(hung.error().message.find("`kill -KILL " + process + "`") != std::string::npos);
  CHECK(hung.error().message.find("clade logs") != std::string::npos);

  REQUIRE(kill(silent.pid, SIGSTOP) == 0);
  int status = 0;
  REQUIRE(waitpid(silent.pid, &status, WUNTRACED) == silent.pid);
  // Also once it takes no more connections.
  for (int times = 0; times < 4; ++times) {
    const auto stopped = request(folder.path(), "status", Value::Map{}, {1, 2});
    REQUIRE_FALSE(stopped.has_value());
    CHECK(stopped.error().message.find("is stopped: `kill -CONT " + process + "` lets it go on") !=
          std::string::npos);
  }
}

TEST_CASE("without a host a command is told how to start one") {
  const test::TemporaryFolder folder;
  const auto nothing = request(folder.path(), "status", Value::Map{});
  REQUIRE_FALSE(nothing.has_value());
  CHECK(nothing.error().code == "no_host");
  CHECK(nothing.error().message.find("clade run") != std::string::npos);
  // A socket that a killed host left.
  REQUIRE(make_folders(folder / ".clade", 0700).has_value());
  {
    test::GuardedLoop loop;
    auto listener = loop::Listener::listen(*loop, folder / ".clade/gone", [](loop::Stream) {});
    REQUIRE(listener.has_value());
    REQUIRE(link((folder / ".clade/gone").c_str(), (folder / ".clade/socket").c_str()) == 0);
  }
  const auto stale = request(folder.path(), "status", Value::Map{});
  REQUIRE_FALSE(stale.has_value());
  CHECK(stale.error().code == "no_host");
}

}  // namespace
}  // namespace clade::cli
