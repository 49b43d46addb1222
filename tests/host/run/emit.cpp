#include "run/emit.h"

#include "fixture.h"

namespace clade::run {

TEST_CASE("bad arguments and missing grants are refused when the operation is called") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  int64_t position = 0;
  auto code = [&](const std::string& op, Value args) {
    auto answer = host.call(run, ++position, op, std::move(args));
    return answer ? std::string("accepted") : answer.error().code;
  };
  CHECK(code("queue.add", {{"payload", 1}}) == "invalid");
  CHECK(code("queue.add", {{"type", "nobody_does_this"}}) == "unknown_type");
  CHECK(code("queue.add", {{"type", "work_b"}, {"priority", 11}}) == "invalid");
  CHECK(code("queue.add", {{"type", "work_b"}, {"priority", "high"}}) == "invalid");
  CHECK(code("queue.add", {{"type", "work_b"}, {"after", Value::Array{"t77"}}}) == "not_found");
  CHECK(code("queue.add", {{"type", "work_b"}, {"payload", Value{{"x", "\xff"}}}}) == "invalid");
  CHECK(code("mail.send", {{"to", "agent:ghost"}, {"kind", "x"}}) == "not_found");
  CHECK(code("mail.send", {{"to", "carrier pigeon"}, {"kind", "x"}}) != "accepted");
  CHECK(code("knowledge.read", {{"path", "packing/figures.yaml"}}) == "refused");
  CHECK(code("file.write", {{"path", "report/../../etc/x"}, {"text", ""}}) == "refused");
  CHECK(code("file.write", {{"path", "/etc/x"}, {"text", ""}}) == "refused");
  CHECK(code("file.write", {{"path", "agents/worker/init.lua"}, {"text", ""}}) == "refused");
  CHECK(code("file.write", {{"path", "elsewhere/x"}, {"text", ""}}) == "refused");
  CHECK(code("file.write", {{"path", "report/x.md"}, {"text", "fine"}}) == "accepted");
}

TEST_CASE("what was refused leaves no gap in the ids, so that a second execution gives the same") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  const auto handle = [&] {
    CHECK_FALSE(host.call(run, 1, "queue.add", {{"type", "nobody_does_this"}}));
    return host.call(run, 2, "queue.add", {{"type", "work_b"}})->as_string();
  };
  const std::string first = handle();
  host.dispatcher->lost(run, false, "played");
  REQUIRE(host.next_start().invocation.run == run);
  CHECK(handle() == first);
}

TEST_CASE("a circle of dependencies is refused and named") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  auto answer = host.call(
      run, 1, "queue.add_all",
      {{"tasks", Value::Array{Value{{"key", "a"}, {"type", "work_b"}, {"after", Value::Array{"b"}}},
                              Value{{"key", "b"}, {"type", "work_b"}, {"after", Value::Array{"a"}}}}}});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == "cycle");
}

TEST_CASE("files are written after the commit, and at the next start if the host died in between") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  REQUIRE(host.call(run, 1, "file.write", {{"path", "report/a/note.md"}, {"text", "hello"}}));
  CHECK_FALSE(std::filesystem::exists(folder.path + "/report/a/note.md"));
  host.dispatcher->finished(run, Value(), Value());
  CHECK(host.count("SELECT count(*) FROM file_write") == 1);
  CHECK(*read_file(folder.path + "/report/a/note.md") == "hello");
  CHECK(host.count("SELECT count(*) FROM file_write WHERE done = 0") == 0);
}

TEST_CASE("a published version is current for the next run, in the store and in its file") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");  // an operator's task: has the mandate
  const int64_t run = host.next_start().invocation.run;
  const std::string before = host.library.current("agent:other")->hash;
  auto hash = host.call(run, 1, "script.publish",
                        {{"name", "agent:other"}, {"source", "return { api = 1, better = true }\n"}});
  REQUIRE(hash);
  CHECK(host.library.current("agent:other")->hash == before);
  host.dispatcher->finished(run, Value(), Value());
  host.settle();
  CHECK(host.library.current("agent:other")->hash == hash->as_string());
  CHECK(*read_file(folder.path + "/agents/other/init.lua") == "return { api = 1, better = true }\n");
  CHECK(host.library.changed().empty());
}

}  // namespace clade::run
