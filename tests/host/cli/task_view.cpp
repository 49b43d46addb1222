// clade task show: everything about a task on one screen, while it runs and afterwards.
#include <sstream>

#include "cli/app.h"
#include "store/database.h"
#include "swarm_fixture.h"

namespace clade::cli {
namespace {

// Asks, evaluates more often than is shown, runs a program until there is a file, and leaves things behind.
constexpr const char* kAgent = R"lua(
return { api = 1, tasks = { "work", "sub" }, on_task = function(_, task)
  if task.type == "sub" then return true end
  clade.ask { to = "agent:two", kind = "question" }
  for _ = 1, 8 do clade.cell.eval { source = "return 1", entry = nil } end
  clade.process.run { "sh", "wait.sh" }
  clade.queue.add { type = "sub" }
  clade.mail.send { to = "agent:two", kind = "note", body = "done" }
  clade.file.write("report/a.txt", "hello\n")
  clade.file.write("report/b.txt", "no place for it")
  return { answer = 42 }
end }
)lua";

struct Workshop : Swarm {
  Workshop() {
    const std::string grants =
        "[\"queue.add:*\", \"process.run:sh wait.sh\", cell.eval, \"file.write:report/**\", "
        "\"mail.send:**\"]";
    write("swarm.yaml", "swarm: shop\nagents:\n  one: {grants: " + grants + "}\n  two: {grants: []}\n");
    REQUIRE(make_folders(path("agents/one")).has_value());
    REQUIRE(make_folders(path("agents/two")).has_value());
    write("agents/one/agent.yaml", "summary: one\ngrants: " + grants + "\n");
    write("agents/one/init.lua", kAgent);
    write("agents/two/agent.yaml", "summary: two\n");
    write("agents/two/init.lua", "return { api = 1, on_mail = function() return 'yes' end }\n");
    write("wait.sh", "while ! [ -e go ]; do sleep 0.01; done\n");
  }
};

TEST_CASE("a task is shown with its lease and processes while it runs, and with all it did afterwards") {
  Workshop shop;
  shop.start();
  const std::string id =
      shop.json({"task", "add", "work", "--payload", "{\"title\":\"chairs\"}"})["id"].as_string();
  Value running;
  while (running["live"]["programs"].as_array().empty()) running = shop.json({"task", "show", id});
  const Value& live = running["live"];
  CHECK(live["lease"]["run"].as_integer() > 0);
  CHECK(live["lease"]["epoch"] == Value(1));
  CHECK(live["lease"]["until"].as_integer() > running["created_at"].as_integer());
  CHECK(live["programs"].as_array()[0]["command"] == Value("sh wait.sh"));
  const auto is_process = [](const Value& pid) {
    return read_file("/proc/" + std::to_string(pid.as_integer()) + "/stat").has_value();
  };
  CHECK(is_process(live["cell"]));
  CHECK(is_process(live["programs"].as_array()[0]["pid"]));
  const std::string screen = shop.run({"task", "show", id}).out;
  CHECK(contains(screen, "\nlease:      run 1, epoch 1, until 2"));
  CHECK(contains(screen, "\ncell:       pid " + std::to_string(live["cell"].as_integer()) + "\n"));
  CHECK(contains(screen, "  sh wait.sh  "));
  CHECK(contains(screen, "process.run  started  "));

  shop.write("go", "");
  while (shop.json({"task", "show", id})["state"] != Value("completed")) continue;
  shop.run({"stop"});
  shop.started = false;
  REQUIRE(shop.run({"run", "--until-idle"}).exit == kOk);  // what the first host did not come to
  {
    auto database = store::Database::open(shop.path(".clade/clade.db"), store::Database::Mode::read_write);
    REQUIRE(database);
    // As a full disk would leave it.
    REQUIRE(database->execute("UPDATE file_write SET done = 2 WHERE path = 'report/b.txt'"));
  }

  const Value done = shop.json({"task", "show", id});
  REQUIRE(done["runs"].as_array().size() == 1);
  CHECK(done["runs"].as_array()[0]["journal"].as_array().size() == 10);
  CHECK(done["live"].as_map().empty());
  CHECK(done["used"]["effects"] == Value(9));
  const auto& messages = done["messages"].as_array();
  REQUIRE(messages.size() == 2);
  CHECK(messages[0]["ask"] == Value("answered"));
  CHECK(messages[1]["kind"] == Value("note"));
  const auto& files = done["files"].as_array();
  REQUIRE(files.size() == 2);
  CHECK(files[0] == Value{{"path", "report/a.txt"}, {"run", 1}, {"bytes", 6}, {"state", "written"}});
  CHECK(files[1]["state"] == Value("given up"));
  CHECK(files[1]["bytes"] == Value(15));

  const std::string text = shop.run({"task", "show", id}).out;
  CHECK(contains(text, "\nresult:     {\"answer\":42}\n"));
  CHECK(contains(text, "\nchildren:   r1.1\n"));
  CHECK(contains(text, "\nversions:   one "));
  CHECK(contains(text, "\njournal of run 1:\n"));
  CHECK(contains(text, "  … 4 more (clade run show 1)\n"));
  CHECK(contains(text, "asked: answered"));
  CHECK(contains(text, "  report/a.txt  6 bytes  written\n"));
  CHECK(contains(text, "  report/b.txt  15 bytes  given up\n"));
  CHECK_FALSE(contains(text, "\nlease:"));
  CHECK_FALSE(contains(text, "\x1b["));
  std::istringstream lines(text);
  size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) CHECK(line.size() < 200);
  CHECK(count <= 50);
}

TEST_CASE("of a task that nothing has happened to only what there is is shown") {
  Workshop shop;
  shop.start();
  const std::string id = shop.json({"task", "add", "work", "--after",
                                    shop.json({"task", "add", "work"})["id"].as_string()})["id"]
                             .as_string();
  const std::string text = shop.run({"task", "show", id}).out;
  for (const char* absent :
       {"lease:", "journal", "messages:", "files:", "versions:", "used:", "RUN", "result:"}) {
    INFO(absent);
    CHECK_FALSE(contains(text, absent));
  }
  CHECK(contains(text, "\nafter:      t1\n"));
  shop.write("go", "");
}

}  // namespace
}  // namespace clade::cli
