// How a state comes to the form of another version, and what a program makes of a state when it is asked.
#include <string>

#include <catch2/catch.hpp>

#include "host/cell/vm/cell_fixture.h"

using Catch::Matchers::Contains;
using clade::Value;
using clade::test::CellProcess;

namespace {

TEST_CASE("state moves to a new version through migrate") {
  CellProcess cell;
  REQUIRE(cell.load(R"lua(
    return { api = 1, tasks = { "x" }, state = { fresh = true },
      on_task = function(self) return self.state end,
      migrate = function(from, state) return { from = from, total = state.count } end,
    })lua")["ok"]
              .as_bool());
  CHECK(cell.run(1, {})[0]["value"] == Value{{"fresh", true}});
  CHECK(cell.run(2, {}, {{"count", 3}})[0]["value"] == Value{{"count", 3}});
  CHECK(cell.run(3, {}, {{"count", 3}}, "beef")[0]["state"] == Value{{"from", "beef"}, {"total", 3}});
}

// An agent's source with these fields, whose handler returns its state.
std::string agent_with(const std::string& fields) {
  return "return { api = 1, tasks = { 'x' }, on_task = function(self) return self.state end,\n" + fields +
         " }";
}

TEST_CASE("a state of another schema goes through the numbered steps, up in order and down at once") {
  CellProcess cell;
  const Value loaded = cell.load(agent_with(R"lua(schema = 4, state = { way = "new" }, migrate = {
      [2] = function(state) return { way = state.way .. " 2" } end,
      [3] = function(state) state.way = state.way .. " 3" return state end,
      [4] = function(state) state.way = state.way .. " 4" return state end,
      back = function(from, state) return { way = state.way .. " back from " .. from } end,
    })lua"));
  REQUIRE(loaded["ok"].as_bool());
  CHECK(loaded["info"]["schema"] == Value(4));
  CHECK(loaded["info"]["has"]["migrate"] == Value(true));
  const auto way = [&](int64_t run, int64_t from_schema, const std::string& from = "beef") {
    return cell.run(run, {}, {{"way", "was"}}, from, from_schema)[0]["state"]["way"].as_string();
  };
  CHECK(way(1, 1) == "was 2 3 4");
  CHECK(way(2, 3) == "was 4");
  CHECK(way(3, 4) == "was");
  CHECK(way(4, 0) == "was");  // not known: taken as its own
  CHECK(way(5, 6) == "was back from 6");
  CHECK(way(6, 2, "") == "was 3 4");  // it is the form that counts, whoever wrote it
  CHECK(cell.run(7, {}, {}, "beef", 1)[0]["state"]["way"] == Value("new"));
}

TEST_CASE("a state that no step leads to this version is an error that names what is missing") {
  CellProcess cell;
  const auto error = [&](const std::string& fields, int64_t from_schema) {
    REQUIRE(cell.load(agent_with(fields))["ok"].as_bool());
    const Value end = cell.run(1, {}, Value{{"way", "was"}}, "beef", from_schema)[0];
    CHECK(end["t"] == Value("failed"));
    CHECK(cell.examine(Value{{"way", "was"}}, "beef", from_schema)["error"] == end["error"]);
    return end["error"].as_string();
  };
  CHECK(error("schema = 3, migrate = { [2] = function() error('no step may run') end }", 1) ==
        "the state has schema 1, this version knows 3 and has no migrate[3]");
  CHECK(error("schema = 2", 1) == "the state has schema 1, this version knows 2 and has no migrate[2]");
  CHECK(error("schema = 2, migrate = {}", 3) ==
        "the state has schema 3, this version knows 2 and has no migrate.back");
  CHECK(error("", 3) == "the state has schema 3, this version knows 1 and has no migrate.back");
  CHECK(error("schema = 2, migrate = { [2] = function() return 5 end }", 1) ==
        "migrate[2] must return the new state, not number");
  CHECK(error("migrate = { back = function() end }", 2) == "migrate.back must return the new state, not nil");
  CHECK_THAT(error("schema = 2, migrate = { [2] = function(state) return state.a.b end }", 1),
             Contains("agents/tester/init.lua@cafe:2: attempt to index field 'a'"));
}

TEST_CASE("a migrate that is a function is called at every change of version, whatever the schema") {
  CellProcess cell;
  REQUIRE(
      cell.load(agent_with("schema = 3, migrate = function(from, state) return { from = from } end"))["ok"]
          .as_bool());
  const Value moved{{"from", "beef"}};
  for (const int64_t from_schema : {0, 1, 3, 5})
    CHECK(cell.run(1, {}, Value{{"way", "was"}}, "beef", from_schema)[0]["state"] == moved);
  CHECK(cell.run(1, {}, Value{{"way", "was"}})[0]["state"] == Value{{"way", "was"}});
}

TEST_CASE("an agent's schema and steps are checked when it is loaded") {
  CellProcess cell;
  const auto problem = [&](const std::string& fields) {
    return cell.load(agent_with(fields))["error"].as_string();
  };
  for (const char* schema : {"0", "-1", "1.5", "0/0", "1/0", "'2'", "{}", "false", "1e300"})
    CHECK_THAT(problem(std::string("schema = ") + schema),
               Contains("`schema` must be a whole number, 1 or more"));
  CHECK_THAT(problem("migrate = 5"),
             Contains("`migrate` must be a function or a table of steps, not number"));
  CHECK_THAT(problem("schema = 2, migrate = { [2] = 'x' }"),
             Contains("`migrate[2]` must be a function, not string"));
  CHECK_THAT(problem("schema = 2, migrate = { back = true }"),
             Contains("`migrate.back` must be a function, not boolean"));
  for (const char* step : {"1", "4", "2.5"})
    CHECK_THAT(
        problem(std::string("schema = 3, migrate = { [") + step + "] = print }"),
        Contains(std::string("`migrate[") + step + "]` is no step: they go from 2 to `schema`, which is 3"));
  CHECK_THAT(problem("schema = 3, migrate = { forward = print }"),
             Contains("`migrate[forward]` is neither a numbered step nor `back`"));
}

TEST_CASE("a program is asked what it makes of a state, and nothing else comes of it") {
  CellProcess cell;
  REQUIRE(cell.load(agent_with(R"lua(schema = 2, state = { count = 7 }, migrate = {
      [2] = function(state)
        clade.log("moving")
        return { count = state.count + 1, at = clade.now(), drawn = clade.random(3, 3) }
      end,
    },
    check = function(state)
      local count = state.count
      state.count = "changed"
      if count == 3 then return false, "it is three" end
      if count == 4 then error("four") end
      return count < 100
    end)lua"))["ok"]
              .as_bool());
  const Value ok = cell.examine(Value{{"count", 1}}, "beef", 1);
  CHECK(ok ==
        Value{{"t", "result"}, {"ok", true}, {"value", Value{{"count", 2}, {"at", 1000}, {"drawn", 3}}}});
  CHECK(cell.examine(Value{{"count", 5}}, "", 2)["value"] == Value{{"count", 5}});
  CHECK(cell.examine({}, "", 0)["value"] == Value{{"count", 7}});
  CHECK(cell.examine(Value{{"count", 2}}, "beef", 1)["error"] ==
        Value("check refuses the state: it is three"));
  const Value raised = cell.examine(Value{{"count", 3}}, "beef", 1);
  CHECK(raised["code"] == Value("error"));
  CHECK_THAT(raised["error"].as_string(), Contains("agents/tester/init.lua@cafe:12: four\nstack traceback:"));
  CHECK(cell.examine(Value{{"count", 200}}, "", 0)["error"] ==
        Value("check refuses the state: it returned false"));
  // A run is none the worse for it.
  CHECK(cell.run(1, {}, Value{{"count", 5}})[0]["value"]["count"] == Value("changed"));
}

}  // namespace
