#include "loop/stream.h"

#include <array>
#include <optional>
#include <string>

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "support/guarded_loop.h"

using clade::loop::Stream;

namespace {

std::array<int, 2> socket_pair() {
  std::array<int, 2> ends{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  return ends;
}

// A stream on one end of a pair and what it received.
struct End {
  End(clade::loop::Loop& loop, int descriptor) : stream(loop, descriptor) {}
  void read() {
    stream.read([this](std::string_view bytes) { received += bytes; },
                [this](const std::string& text) {
                  ++closes;
                  reason = text;
                });
  }
  Stream stream;
  std::string received;
  std::string reason;
  int closes = 0;
};

std::string numbered(size_t size) {
  std::string bytes(size, '\0');
  for (size_t index = 0; index < size; ++index) bytes[index] = static_cast<char>(index * 31 + index / 251);
  return bytes;
}

}  // namespace

TEST_CASE("bytes arrive in order, whatever the socket's buffer holds", "[stream]") {
  test::GuardedLoop loop;
  const auto ends = socket_pair();
  End one(*loop, ends[0]);
  End two(*loop, ends[1]);
  two.read();
  const std::string large = numbered(8u << 20);
  one.stream.write("first ");
  one.stream.write("");
  one.stream.write(large);
  one.stream.write(" last");
  CHECK(one.stream.unwritten() > 0);
  loop.run_until([&] { return two.received.size() == large.size() + 11; });
  CHECK(two.received == "first " + large + " last");
  CHECK(one.stream.unwritten() == 0);
}

TEST_CASE("a paused stream leaves bytes and the end in the socket", "[stream]") {
  test::GuardedLoop loop;
  const auto ends = socket_pair();
  auto one = std::make_optional<End>(*loop, ends[0]);
  End two(*loop, ends[1]);
  two.read();
  one->stream.write("a");
  loop.run_until([&] { return two.received == "a"; });
  two.stream.pause();
  two.stream.pause();
  one->stream.write("b");
  one.reset();
  int turns = 0;
  loop.run_until([&] { return ++turns == 5; });
  CHECK(two.received == "a");
  CHECK(two.closes == 0);
  two.stream.resume();
  two.stream.resume();
  loop.run_until([&] { return two.closes > 0; });
  CHECK(two.received == "ab");
  CHECK(two.reason.empty());
}

TEST_CASE("a full socket holds the writer back until the reader goes on", "[stream]") {
  test::GuardedLoop loop;
  const auto ends = socket_pair();
  End one(*loop, ends[0]);
  End two(*loop, ends[1]);
  one.stream.write(numbered(4u << 20));
  int turns = 0;
  loop.run_until([&] { return ++turns == 5; });
  CHECK(one.stream.unwritten() > 1u << 20);
  two.read();
  loop.run_until([&] { return one.stream.unwritten() == 0; });
}

TEST_CASE("the end of the peer is told once, and writes behind it are dropped", "[stream]") {
  test::GuardedLoop loop;
  const auto ends = socket_pair();
  End one(*loop, ends[0]);
  one.read();
  REQUIRE(write(ends[1], "bye", 3) == 3);
  close(ends[1]);
  loop.run_until([&] { return one.closes > 0; });
  CHECK(one.received == "bye");
  CHECK(one.reason.empty());
  one.stream.write("into the void");
  one.stream.resume();
  CHECK(one.stream.unwritten() == 0);
  int turns = 0;
  loop.run_until([&] { return ++turns == 3; });
  CHECK(one.closes == 1);
}

TEST_CASE("a write to a peer that is gone breaks the stream, after what the peer said last", "[stream]") {
  test::GuardedLoop loop;
  const auto ends = socket_pair();
  End one(*loop, ends[0]);
  REQUIRE(write(ends[1], "last words", 10) == 10);
  close(ends[1]);
  one.stream.write("too late");
  one.stream.write("and again");
  int turns = 0;
  loop.run_until([&] { return ++turns == 3; });
  CHECK(one.stream.unwritten() == 0);
  one.read();
  loop.run_until([&] { return one.closes > 0; });
  CHECK(one.received == "last words");
  CHECK_FALSE(one.reason.empty());
  CHECK(one.closes == 1);
}

TEST_CASE("a peer that leaves with queued bytes unread breaks the stream", "[stream]") {
  test::GuardedLoop loop;
  const auto ends = socket_pair();
  End one(*loop, ends[0]);
  one.read();
  one.stream.write(numbered(4u << 20));
  int turns = 0;
  loop.run_until([&] { return ++turns == 3; });
  CHECK(one.stream.unwritten() > 0);
  close(ends[1]);
  loop.run_until([&] { return one.closes > 0; });
  CHECK_FALSE(one.reason.empty());
  CHECK(one.closes == 1);
}

TEST_CASE("a peer that stops reading but stays breaks the stream too", "[stream]") {
  test::GuardedLoop loop;
  const auto ends = socket_pair();
  End one(*loop, ends[0]);
  one.read();
  REQUIRE(shutdown(ends[1], SHUT_RD) == 0);
  one.stream.write("nobody listens");
  loop.run_until([&] { return one.closes > 0; });
  CHECK_FALSE(one.reason.empty());
  close(ends[1]);
}

TEST_CASE("a peer that only closed its sending side can be written to, one that is gone has closed",
          "[stream]") {
  test::GuardedLoop loop;
  for (const bool gone : {false, true}) {
    const auto ends = socket_pair();
    const std::string large = numbered(1u << 20);
    Stream one(*loop, ends[0]);
    std::string received;
    int closes = 0;
    int read_ends = 0;
    one.read([&](std::string_view bytes) { received += bytes; }, [&](const std::string&) { ++closes; },
             [&] { ++read_ends; });
    REQUIRE(::send(ends[1], "last", 4, 0) == 4);
    REQUIRE((gone ? ::close(ends[1]) : ::shutdown(ends[1], SHUT_WR)) == 0);
    loop.run_until([&] { return closes + read_ends > 0; });
    CHECK(received == "last");
    CHECK(closes == (gone ? 1 : 0));
    CHECK(read_ends == (gone ? 0 : 1));
    if (gone) continue;
    End two(*loop, ends[1]);
    two.read();
    one.resume();  // there is nothing to go on with
    one.write(large);
    one.close_after_writes();
    loop.run_until([&] { return two.closes > 0; });
    CHECK(two.received == large);
    CHECK(read_ends == 1);
    CHECK(closes == 0);
  }
}

TEST_CASE("a stream may be destroyed by either of its functions", "[stream]") {
  test::GuardedLoop loop;
  std::optional<Stream> stream;
  bool after = false;

  auto ends = socket_pair();
  stream.emplace(*loop, ends[0]);
  stream->read(
      [&, owned = std::string(100, 'x')](std::string_view) {
        stream.reset();
        after = owned.size() == 100;
        loop->stop();
      },
      [&](const std::string&) { FAIL("a destroyed stream called back"); });
  REQUIRE(write(ends[1], "x", 1) == 1);
  close(ends[1]);
  loop.run();
  CHECK(after);

  ends = socket_pair();
  after = false;
  stream.emplace(*loop, ends[0]);
  stream->read([](std::string_view) {},
               [&, owned = std::string(100, 'x')](const std::string&) {
                 stream.reset();
                 after = owned.size() == 100;
                 loop->stop();
               });
  close(ends[1]);
  loop.run();
  CHECK(after);
}

TEST_CASE("reading may be handed on from within", "[stream]") {
  test::GuardedLoop loop;
  const auto ends = socket_pair();
  End one(*loop, ends[0]);
  std::string greeting;
  one.stream.read(
      [&](std::string_view bytes) {
        greeting = bytes;
        one.read();
      },
      [](const std::string&) {});
  REQUIRE(write(ends[1], "hello", 5) == 5);
  loop.run_until([&] { return !greeting.empty(); });
  REQUIRE(write(ends[1], "world", 5) == 5);
  loop.run_until([&] { return !one.received.empty(); });
  CHECK(greeting == "hello");
  CHECK(one.received == "world");
  close(ends[1]);
}

TEST_CASE("close_after_writes sends everything first, without its owner", "[stream]") {
  test::GuardedLoop loop;
  const auto ends = socket_pair();
  const std::string large = numbered(3u << 20);
  End two(*loop, ends[1]);
  {
    End one(*loop, ends[0]);
    one.read();
    one.stream.write(large);
    one.stream.close_after_writes();
    one.stream.write("dropped");
    one.stream.pause();
    one.stream.resume();
    CHECK(one.stream.unwritten() == 0);
  }
  two.read();
  loop.run_until([&] { return two.closes > 0; });
  CHECK(two.received == large);
  CHECK(two.reason.empty());
}

TEST_CASE("close_after_writes ends when the peer does, or the loop", "[stream]") {
  SECTION("the peer") {
    test::GuardedLoop loop;
    const auto ends = socket_pair();
    Stream stream(*loop, ends[0]);
    stream.write(numbered(3u << 20));
    stream.close_after_writes();
    close(ends[1]);
    int turns = 0;
    loop.run_until([&] { return ++turns == 3; });
  }
  SECTION("the loop") {
    const auto ends = socket_pair();
    {
      test::GuardedLoop loop;
      Stream stream(*loop, ends[0]);
      stream.write("answer" + numbered(3u << 20));
      stream.close_after_writes();
    }
    std::array<char, 6> start{};
    REQUIRE(read(ends[1], start.data(), start.size()) == 6);
    CHECK(std::string(start.data(), start.size()) == "answer");
    close(ends[1]);
  }
}

TEST_CASE("destroying a stream with queued bytes drops them", "[stream]") {
  test::GuardedLoop loop;
  const auto ends = socket_pair();
  {
    Stream stream(*loop, ends[0]);
    stream.write(numbered(3u << 20));
  }
  End two(*loop, ends[1]);
  two.read();
  loop.run_until([&] { return two.closes > 0; });
  CHECK(two.received.size() < 3u << 20);
}

TEST_CASE("a descriptor that is no stream is refused", "[stream]") {
  test::GuardedLoop loop;
  CHECK_THROWS_AS(Stream(*loop, -1), std::runtime_error);
}
