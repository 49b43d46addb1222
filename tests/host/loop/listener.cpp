#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "loop/stream.h"
#include "support/guarded_loop.h"
#include "support/temporary_folder.h"

using clade::loop::Listener;
using clade::loop::Stream;

namespace {

// A listener that answers every connection's bytes with the same bytes.
struct Echo {
  Echo(test::GuardedLoop& loop, const std::string& path)
      : listener(Listener::listen(*loop, path, [this](Stream stream) {
          const size_t index = streams.size();
          streams.emplace_back(std::move(stream));
          streams[index]->read(
              [this, index](std::string_view bytes) { streams[index]->write(std::string(bytes)); },
              [this, index](const std::string&) { streams[index].reset(); });
        })) {}

  std::vector<std::optional<Stream>> streams;
  clade::Result<Listener> listener;
};

void check_echo(test::GuardedLoop& loop, const std::string& path, const std::string& text) {
  auto stream = Stream::connect(*loop, path);
  REQUIRE(stream);
  std::string received;
  stream->read([&](std::string_view bytes) { received += bytes; }, [](const std::string&) {});
  stream->write(text);
  loop.run_until([&] { return received.size() == text.size(); });
  CHECK(received == text);
}

}  // namespace

TEST_CASE("clients connect and talk to a listener", "[listener]") {
  test::GuardedLoop loop;
  const test::TemporaryFolder folder;
  const Echo echo(loop, folder / "socket");
  REQUIRE(echo.listener);
  check_echo(loop, folder / "socket", "one");
  check_echo(loop, folder / "socket", "two");
  CHECK(echo.streams.size() == 2);
}

TEST_CASE("a socket's path may be longer than its address holds", "[listener]") {
  test::GuardedLoop loop;
  const test::TemporaryFolder folder;
  const std::string deep = folder / (std::string(120, 'd') + "/" + std::string(120, 'e'));
  REQUIRE(clade::make_folders(deep));
  const std::string path = deep + "/socket";
  REQUIRE(path.size() > sizeof(sockaddr_un::sun_path));
  {
    const Echo echo(loop, path);
    REQUIRE(echo.listener);
    check_echo(loop, path, "far");
  }
  CHECK_FALSE(std::filesystem::exists(path));

  const auto named = Listener::listen(*loop, folder / std::string(120, 'n'), [](Stream) {});
  REQUIRE_FALSE(named);
  CHECK(named.error().code == "io");
}

TEST_CASE("a socket may be named by a relative path and outlive a change of folder", "[listener]") {
  test::GuardedLoop loop;
  const test::TemporaryFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  {
    const Echo echo(loop, "socket");
    REQUIRE(echo.listener);
    check_echo(loop, "socket", "near");
    std::filesystem::current_path(before);
    check_echo(loop, folder / "socket", "from elsewhere");
  }
  CHECK_FALSE(std::filesystem::exists(folder / "socket"));
}

TEST_CASE("a socket is the owner's alone, whatever the mask says", "[listener]") {
  test::GuardedLoop loop;
  const test::TemporaryFolder folder;
  const mode_t before = umask(0);
  const Echo echo(loop, folder / "socket");
  umask(before);
  REQUIRE(echo.listener);
  struct stat found {};
  REQUIRE(stat((folder / "socket").c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0600);
}

TEST_CASE("a socket that a dead process left is replaced", "[listener]") {
  test::GuardedLoop loop;
  const test::TemporaryFolder folder;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder / "socket").copy(address.sun_path, sizeof address.sun_path - 1);
  const int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  close(left);

  const auto nobody = Stream::connect(*loop, folder / "socket");
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().code == "not_found");

  const Echo echo(loop, folder / "socket");
  REQUIRE(echo.listener);
  check_echo(loop, folder / "socket", "new");
}

TEST_CASE("a socket in use and a file that is no socket are left alone", "[listener]") {
  test::GuardedLoop loop;
  const test::TemporaryFolder folder;
  const Echo echo(loop, folder / "socket");
  REQUIRE(echo.listener);
  const auto second = Listener::listen(*loop, folder / "socket", [](Stream) {});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == "conflict");
  CHECK(second.error().message.find(folder / "socket") != std::string::npos);
  check_echo(loop, folder / "socket", "still here");

  REQUIRE(clade::write_file_atomic(folder / "notes", "mine"));
  const auto file = Listener::listen(*loop, folder / "notes", [](Stream) {});
  REQUIRE_FALSE(file);
  CHECK(file.error().code == "io");
  CHECK(clade::read_file(folder / "notes") == std::string("mine"));
}

TEST_CASE("a listener removes its own socket, and only that", "[listener]") {
  test::GuardedLoop loop;
  const test::TemporaryFolder folder;
  {
    const Echo first(loop, folder / "socket");
    REQUIRE(first.listener);
    std::filesystem::remove(folder / "socket");
    REQUIRE(clade::write_file_atomic(folder / "socket", "another's"));
  }
  CHECK(std::filesystem::exists(folder / "socket"));
}

TEST_CASE("places where no socket can be are named", "[listener]") {
  test::GuardedLoop loop;
  const test::TemporaryFolder folder;
  const auto absent = Stream::connect(*loop, folder / "absent");
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code == "not_found");
  CHECK(absent.error().message.find(folder / "absent") != std::string::npos);
  const auto nowhere = Stream::connect(*loop, folder / "no/such/folder/socket");
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().code == "not_found");
  const auto listener = Listener::listen(*loop, folder / "no/such/folder/socket", [](Stream) {});
  REQUIRE_FALSE(listener);
  CHECK(listener.error().code == "io");
  CHECK_FALSE(Listener::listen(*loop, folder.path() + "/", [](Stream) {}));
}

TEST_CASE("a listener may be destroyed by its own function", "[listener]") {
  test::GuardedLoop loop;
  const test::TemporaryFolder folder;
  std::optional<Listener> listener;
  int connections = 0;
  auto made = Listener::listen(*loop, folder / "socket", [&](Stream) {
    ++connections;
    listener.reset();
    loop->stop();
  });
  REQUIRE(made);
  listener.emplace(std::move(*made));
  const auto first = Stream::connect(*loop, folder / "socket");
  const auto second = Stream::connect(*loop, folder / "socket");
  REQUIRE(second);
  loop.run();
  CHECK(connections == 1);
}
