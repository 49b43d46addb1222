#include "run/file_write.h"

#include <filesystem>

#include "fixture.h"

namespace clade::run {
namespace {

namespace fs = std::filesystem;

// Runs one handler that asks for one file, to its commit. `meanwhile` happens between the two.
void write(PlayedHost& host, const std::string& path, const std::string& text,
           const std::function<void()>& meanwhile) {
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  REQUIRE(host.call(run, 1, "file.write", {{"path", path}, {"text", text}}));
  meanwhile();
  host.dispatcher->finished(run, Value(), Value());
  host.settle();
}

std::string refusal(const PlayedHost& host, const std::string& path) {
  auto status = check_file(*host.kernel, path);
  if (status) return "";
  CHECK(status.error().code == "refused");
  return status.error().message;
}

}  // namespace

TEST_CASE("a file is not written through a link, wherever it leads") {
  const Folder folder;
  const Folder elsewhere;
  PlayedHost host(folder);
  const auto plant = [&] {
    fs::create_directories(folder.path + "/report");
    fs::create_directory_symlink(elsewhere.path, folder.path + "/report/out");
    fs::create_directory_symlink("../agents", folder.path + "/report/in");
  };
  for (const char* path : {"report/out/x.md", "report/out/deep/x.md", "report/in/x.md"}) {
    CAPTURE(path);
    fs::remove_all(folder.path + "/report");
    write(host, path, "planted", plant);
    CHECK(refusal(host, path).find("is a symbolic link") != std::string::npos);
  }
  CHECK_FALSE(fs::exists(elsewhere.path + "/x.md"));
  CHECK_FALSE(fs::exists(elsewhere.path + "/deep"));
  CHECK_FALSE(fs::exists(folder.path + "/agents/x.md"));
}

TEST_CASE("a report folder that is a link itself leads nowhere") {
  const Folder folder;
  const Folder elsewhere;
  PlayedHost host(folder);
  write(host, "report/x.md", "planted",
        [&] { fs::create_directory_symlink(elsewhere.path, folder.path + "/report"); });
  CHECK_FALSE(fs::exists(elsewhere.path + "/x.md"));
  // The operator's own choice is another matter.
  fs::create_directory_symlink(elsewhere.path, folder.path + "/own");
  host.kernel->report = folder.path + "/own";
  REQUIRE(write_file(*host.kernel, "report/x.md", "wanted"));
  CHECK(*read_file(elsewhere.path + "/x.md") == "wanted");
}

TEST_CASE("a file that cannot be written is given up, counted, and its content kept") {
  const Folder folder;
  {
    PlayedHost host(folder);
    write(host, "report/taken", "lost?", [&] { fs::create_directories(folder.path + "/report/taken"); });
    write(host, "report/fine", "fine", [] {});
    CHECK(host.count("SELECT count(*) FROM file_write WHERE done = 0") == 0);
    CHECK(host.count("SELECT count(*) FROM file_write WHERE done = 2 AND content = CAST('lost?' AS BLOB)") ==
          1);
    auto files = unwritten_files(*host.reader);
    REQUIRE(files);
    CHECK(files->given_up == 1);
    CHECK(files->open == 0);
  }
  // The next host does not try it again.
  fs::remove(folder.path + "/report/taken");
  PlayedHost next(folder);
  next.settle();
  CHECK_FALSE(fs::exists(folder.path + "/report/taken"));
}

TEST_CASE("what can never be a file is refused beforehand") {
  const Folder folder;
  PlayedHost host(folder);
  fs::create_directories(folder.path + "/report/taken");
  CHECK(refusal(host, "report/x.md").empty());
  CHECK(refusal(host, "report/new/deep/x.md").empty());
  CHECK(refusal(host, "report/taken/x.md").empty());
  CHECK(refusal(host, "report/taken").find("it is a folder") != std::string::npos);
  CHECK(refusal(host, "report").find("it is a folder") != std::string::npos);
  CHECK(refusal(host, "swarm.yaml/x").find("\"swarm.yaml\" is no folder") != std::string::npos);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  const auto asked = host.call(run, 1, "file.write", {{"path", "report/taken"}, {"text", ""}});
  REQUIRE_FALSE(asked);
  CHECK(asked.error().code == "refused");
  for (const char* path :
       {"report/x/", "report//x", "/report/x", "", "/", "report/./x", "report/../x", ".."}) {
    CAPTURE(path);
    CHECK_FALSE(refusal(host, path).empty());
  }
}

}  // namespace clade::run
