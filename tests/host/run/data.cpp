#include "run/data.h"

#include "fixture.h"

namespace clade::run {
namespace {

int64_t begin(PlayedHost& host) {
  host.add("work_a");
  return host.next_start().invocation.run;
}

Value keys_of(const Result<Value>& list) {
  REQUIRE(list);
  return *list;
}

// What is set, by key, in the store.
std::string stored(PlayedHost& host) {
  host.settle();
  auto query = host.reader->prepare(
      "SELECT coalesce(group_concat(agent || '/' || key || '=' || bytes, ' '), '') FROM (SELECT * FROM data "
      "ORDER BY "
      "agent, key)");
  REQUIRE(query.step());
  return query.text(0);
}

}  // namespace

TEST_CASE("data is committed with its run, and seen by it before") {
  const Folder folder;
  PlayedHost host(folder);
  const int64_t run = begin(host);
  REQUIRE(host.call(run, 1, "data.set", {{"key", "page/a"}, {"value", Value{{"n", 1}}}}));
  REQUIRE(host.call(run, 2, "data.set", {{"key", "page/b"}, {"value", "text"}}));
  REQUIRE(host.call(run, 3, "data.set", {{"key", "other"}, {"value", false}}));
  CHECK(host.call(run, 4, "data.get", {{"key", "page/a"}})->operator[]("n").as_integer() == 1);
  CHECK(keys_of(host.call(run, 5, "data.keys", {{"prefix", "page/"}})) ==
        Value(Value::Array{"page/a", "page/b"}));
  CHECK(stored(host).empty());
  SECTION("the run commits") {
    host.dispatcher->finished(run, Value(), Value());
    CHECK(stored(host) == "worker/other=1 worker/page/a=4 worker/page/b=5");
    const int64_t next = begin(host);
    CHECK(host.call(next, 1, "data.get", {{"key", "page/b"}})->as_string() == "text");
    CHECK(host.call(next, 2, "data.delete", {{"key", "page/b"}})->as_bool());
    CHECK_FALSE(host.call(next, 3, "data.delete", {{"key", "page/b"}})->as_bool());
    REQUIRE(host.call(next, 4, "data.set", {{"key", "page/a"}, {"value", "changed"}}));
    CHECK(host.call(next, 5, "data.get", {{"key", "page/b"}}).error().code == "not_found");
    CHECK(host.call(next, 6, "data.get", {{"key", "page/a"}})->as_string() == "changed");
    CHECK(keys_of(host.call(next, 7, "data.keys", Value(Value::Map()))) ==
          Value(Value::Array{"other", "page/a"}));
    host.dispatcher->finished(next, Value(), Value());
    CHECK(stored(host) == "worker/other=1 worker/page/a=8");
  }
  SECTION("the run fails") {
    host.dispatcher->failed(run, "played");
    CHECK(stored(host).empty());
    CHECK(keys_of(host.data.keys("worker", {}, "", "", 10)) == Value(Value::Array{}));
  }
}

TEST_CASE("each instance has its own data, which outlives its host and its place in swarm.yaml") {
  const Folder folder;
  {
    PlayedHost host(folder);
    const int64_t run = begin(host);
    REQUIRE(host.call(run, 1, "data.set", {{"key", "mine"}, {"value", 1}}));
    host.dispatcher->finished(run, Value(), Value());
    host.settle();
    host.dispatcher->stop();
  }
  folder.write("swarm.yaml", "swarm: played\nagents:\n  other: {grants: ['mail.send:**']}\n");
  {
    PlayedHost host(folder);
    CHECK(host.data.get(*host.reader, "other", {}, "mine").error().code == "not_found");
    CHECK(host.data.get(*host.reader, "worker", {}, "mine")->as_integer() == 1);
  }
  const auto totals = [&] {
    PlayedHost host(folder);
    return data_totals(*host.reader, "worker");
  }();
  REQUIRE(totals);
  CHECK(*totals == Value{{"keys", 1}, {"bytes", 5}});
}

TEST_CASE("lists of keys come in pages") {
  Data data;
  DataChanges changes;
  for (const char* key : {"b", "a/2", "a/1", "a/3", "a", "c"})
    REQUIRE(data.set("one", key, Value(1), changes));
  CHECK(Value(data.keys("one", changes, "", "", 100)) ==
        Value(Value::Array{"a", "a/1", "a/2", "a/3", "b", "c"}));
  CHECK(Value(data.keys("one", changes, "a/", "", 2)) == Value(Value::Array{"a/1", "a/2"}));
  CHECK(Value(data.keys("one", changes, "a/", "a/2", 2)) == Value(Value::Array{"a/3"}));
  CHECK(Value(data.keys("one", changes, "a/", "a/3", 2)) == Value(Value::Array{}));
  CHECK(Value(data.keys("one", changes, "a/", "0", 1)) == Value(Value::Array{"a/1"}));
  CHECK(Value(data.keys("one", changes, "", "b", 1)) == Value(Value::Array{"c"}));
  CHECK(Value(data.keys("two", {}, "", "", 100)) == Value(Value::Array{}));
}

TEST_CASE("data is bounded: each value, all of them, and their number") {
  const Folder folder;
  PlayedHost host(folder);
  Data& data = host.data;
  DataChanges changes;
  SECTION("keys") {
    for (const std::string& key : {std::string(), std::string(kDataKeyBytes + 1, 'k'), std::string("\xff")})
      CHECK(data.set("one", key, Value(1), changes).error().code == "invalid");
    CHECK(data.set("one", std::string(kDataKeyBytes, 'k'), Value(1), changes));
  }
  SECTION("a value") {
    const auto status = data.set("one", "key", Value(std::string(kDataValueBytes, 'x')), changes);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == "limit");
    CHECK(status.error().message.find("1048576") != std::string::npos);
    CHECK(changes.values.empty());
  }
  SECTION("all values, committed or not") {
    const Value large(std::string(kDataValueBytes - 1000, 'x'));
    for (int n = 0; n < 64; ++n) {
      REQUIRE(data.set("one", "key" + std::to_string(n), large, changes));
      if (n == 40) {
        store::Batch batch;
        data.commit("one", changes, 1, batch);
        host.dispatcher->commit(std::move(batch), nullptr);
        changes = DataChanges();
      }
    }
    CHECK(data.set("one", "one more", large, changes).error().message.find("67108864 (64 MB) are allowed") !=
          std::string::npos);
    CHECK(data.set("one", "key3", large, changes));  // instead of what is there
    CHECK(data.set("two", "one more", large, changes));
    REQUIRE(data.erase("one", "key7", changes));
    CHECK(data.set("one", "one more", large, changes));
    CHECK_FALSE(data.set("one", "another", large, changes));
  }
  SECTION("their number") {
    for (size_t n = 0; n < kDataKeys; ++n) REQUIRE(data.set("one", std::to_string(n), Value(1), changes));
    CHECK(data.set("one", "one more", Value(1), changes).error().message.find("10000 keys") !=
          std::string::npos);
    CHECK(data.set("one", "5", Value(2), changes));
    REQUIRE(data.erase("one", "5", changes));
    CHECK(data.set("one", "one more", Value(1), changes));
  }
}

TEST_CASE("an execution sees the data that the one before saw") {
  const Folder folder;
  int64_t run = 0;
  {
    PlayedHost host(folder);
    run = begin(host);
    CHECK(host.call(run, 1, "data.get", {{"key", "k"}}).error().code == "not_found");
    REQUIRE(host.call(run, 2, "data.set", {{"key", "k"}, {"value", 1}}));
    CHECK(host.call(run, 3, "data.get", {{"key", "k"}})->as_integer() == 1);
    host.dispatcher->called(run, "0", 4, "cell.eval", Value{{"source", "x"}});
    host.settle();
  }
  PlayedHost host(folder);
  REQUIRE(host.next_start().invocation.run == run);
  CHECK(host.call(run, 1, "data.get", {{"key", "k"}}).error().code == "not_found");
  REQUIRE(host.call(run, 2, "data.set", {{"key", "k"}, {"value", 1}}));
  CHECK(host.call(run, 3, "data.get", {{"key", "k"}})->as_integer() == 1);
  host.dispatcher->called(run, "0", 4, "cell.eval", Value{{"source", "x"}});
  host.settle();
  host.evaluation.finish(Value(1));
  REQUIRE(host.next_answer());
  host.dispatcher->finished(run, Value(), Value());
  CHECK(stored(host) == "worker/k=1");
}

}  // namespace clade::run
