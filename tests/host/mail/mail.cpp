#include "mail/mail.h"

#include <cstdlib>
#include <filesystem>

#include <catch2/catch.hpp>

#include "base/codec.h"
#include "support/manual_clock.h"

namespace clade::mail {
namespace {

using Names = std::vector<std::string>;

// Mail over a store in a folder of its own, between four agents.
struct Fixture {
  Fixture() {
    std::string form = (std::filesystem::temp_directory_path() / "clade-mail-XXXXXX").string();
    REQUIRE(mkdtemp(form.data()) != nullptr);
    folder = form;
    auto opened = store::Database::open(folder + "/clade.db", store::Database::Mode::read_write);
    REQUIRE(opened.has_value());
    database = std::make_unique<store::Database>(std::move(*opened));
    REQUIRE(store::migrate(*database).has_value());
    REQUIRE(database->execute("PRAGMA synchronous = OFF").has_value());
    restart();
  }
  ~Fixture() {
    mail.reset();
    database.reset();
    std::filesystem::remove_all(folder);
  }

  // A mail that knows what is on disk; a batch that was not committed is lost, as in a crash.
  void restart() {
    batch = store::Batch();
    mail = std::make_unique<Mail>(clock);
    mail->set_recipients({{"pm", "pm", {"task.failed"}},
                          {"tester#2", "tester", {}},
                          {"tester#1", "tester", {"task.failed", "news"}},
                          {"critic", "critic", {}}});
    auto status = mail->load(*database);
    INFO((status ? "" : status.error().message));
    REQUIRE(status.has_value());
  }

  void commit() {
    REQUIRE(database->execute("BEGIN IMMEDIATE").has_value());
    for (const auto& change : batch.changes()) {
      auto status = change(*database);
      INFO((status ? "" : status.error().message));
      REQUIRE(status.has_value());
    }
    REQUIRE(database->execute("COMMIT").has_value());
    batch = store::Batch();
  }

  static Message message(const std::string& address, Value body = 1) {
    Message fresh;
    fresh.sender = "pm";
    fresh.address = address;
    fresh.kind = "note";
    fresh.body = std::move(body);
    return fresh;
  }

  Names send(Message fresh) {
    auto ids = mail->send(std::move(fresh), batch);
    INFO((ids ? "" : ids.error().message));
    REQUIRE(ids.has_value());
    commit();
    return *ids;
  }

  // The bodies that wait for an agent, in order; takes them out.
  std::vector<int64_t> drain(const std::string& agent) {
    std::vector<int64_t> bodies;
    while (const Message* next = mail->next(agent)) {
      bodies.push_back(next->body.as_integer());
      REQUIRE(mail->handled(next->id, batch).has_value());
    }
    commit();
    return bodies;
  }

  template <class T>
  std::string refused(const Result<T>& result, const std::string& code) {
    REQUIRE_FALSE(result.has_value());
    INFO(result.error().message);
    REQUIRE(result.error().code == code);
    return result.error().message;
  }

  std::vector<Value> list(const std::string& agent, int limit = 100) {
    auto messages = list_messages(*database, agent, limit);
    REQUIRE(messages.has_value());
    return *messages;
  }

  test::ManualClock clock;
  std::string folder;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<Mail> mail;
  store::Batch batch;
};

TEST_CASE("an address is an agent, a role, a topic or all") {
  Fixture fixture;
  auto& mail = *fixture.mail;
  CHECK(mail.resolve("agent:pm").value() == Names{"pm"});
  CHECK(mail.resolve("role:tester").value() == Names{"tester#1", "tester#2"});
  CHECK(mail.resolve("topic:task.failed").value() == Names{"pm", "tester#1"});
  CHECK(mail.resolve("all").value() == Names{"critic", "pm", "tester#1", "tester#2"});
  CHECK(fixture.refused(mail.resolve("agent:tester"), "not_found") ==
        "no agent for \"agent:tester\": there are critic, pm, tester#1, tester#2");
  CHECK(fixture.refused(mail.resolve("role:boss"), "not_found") ==
        "no agent has the role of \"role:boss\": there are critic, pm, tester");
  CHECK(fixture.refused(mail.resolve("topic:weather"), "not_found") ==
        "nobody subscribed to \"topic:weather\": there are news, task.failed");
  for (const char* bad : {"", "pm", "agent:", "role:", "team:pm", "ALL", ":pm"}) {
    INFO(bad);
    fixture.refused(mail.resolve(bad), "invalid");
  }
}

TEST_CASE("a message to several is one row for each") {
  Fixture fixture;
  auto fresh = Fixture::message("role:tester", Value{{"a", 1}});
  fresh.id = "r5.1";
  fresh.run = 5;
  fresh.wants_reply = true;
  CHECK(fixture.send(fresh) == Names{"r5.1/tester#1", "r5.1/tester#2"});
  CHECK(fixture.send(Fixture::message("agent:critic")) == Names{"m1"});
  CHECK(fixture.send(Fixture::message("topic:news")) == Names{"m2"});
  CHECK(fixture.mail->waiting() == 4);
  if (GENERATE(false, true)) fixture.restart();
  const Message* message = fixture.mail->next("tester#2");
  REQUIRE(message != nullptr);
  CHECK(message->id == "r5.1/tester#2");
  CHECK(message->sender == "pm");
  CHECK(message->recipient == "tester#2");
  CHECK(message->address == "role:tester");
  CHECK(message->kind == "note");
  CHECK(message->body == Value{{"a", 1}});
  CHECK(message->thread == "r5.1");
  CHECK(message->wants_reply);
  CHECK(message->run == 5);
  CHECK(message->created_at == 1000000);
  CHECK(message->attempt == 0);
  CHECK(fixture.mail->find("m1")->thread == "m1");
  CHECK(fixture.mail->next("pm") == nullptr);
}

TEST_CASE("all means all but the sender") {
  Fixture fixture;
  CHECK(fixture.send(Fixture::message("all")) == Names{"m1/critic", "m1/tester#1", "m1/tester#2"});
  auto from_outside = Fixture::message("all");
  from_outside.sender = "operator";
  CHECK(fixture.send(from_outside).size() == 4);
  fixture.mail->set_recipients({{"pm", "pm", {}}});
  fixture.refused(fixture.mail->send(Fixture::message("all"), fixture.batch), "not_found");
}

TEST_CASE("mail is handled in the order it was sent in, also after a restart") {
  Fixture fixture;
  for (int i = 1; i <= 12; ++i) {
    fixture.clock.now -= 10;  // the clock runs back: order is the order of sending
    fixture.send(Fixture::message(i % 3 ? "agent:critic" : "role:tester", i));
  }
  fixture.restart();
  fixture.send(Fixture::message("agent:critic", 13));
  CHECK(fixture.drain("critic") == std::vector<int64_t>{1, 2, 4, 5, 7, 8, 10, 11, 13});
  CHECK(fixture.drain("tester#1") == std::vector<int64_t>{3, 6, 9, 12});
  CHECK(fixture.mail->waiting() == 4);
  fixture.restart();
  CHECK(fixture.mail->next("critic") == nullptr);
  CHECK(fixture.drain("tester#2") == std::vector<int64_t>{3, 6, 9, 12});
}

TEST_CASE("a message stays first until it is handled, and is a dead letter after three failures") {
  Fixture fixture;
  const std::string first = fixture.send(Fixture::message("agent:critic", 1)).front();
  fixture.send(Fixture::message("agent:critic", 2));
  for (int attempt = 1; attempt <= 2; ++attempt) {
    auto dead = fixture.mail->failed(first, "line 3: broken", fixture.batch);
    REQUIRE(dead.has_value());
    CHECK_FALSE(*dead);
    fixture.commit();
    fixture.restart();
    REQUIRE(fixture.mail->next("critic")->id == first);
    CHECK(fixture.mail->next("critic")->attempt == attempt);
  }
  auto dead = fixture.mail->failed(fixture.mail->next("critic")->id, "still broken", fixture.batch);
  REQUIRE(dead.has_value());
  CHECK(*dead);
  fixture.commit();
  CHECK(fixture.mail->find(first) == nullptr);
  fixture.restart();
  CHECK(fixture.mail->next("critic")->body.as_integer() == 2);
  const auto messages = fixture.list("critic");
  REQUIRE(messages.size() == 2);
  CHECK(messages[1]["state"].as_string() == "dead_letter");
  CHECK(messages[1]["error"].as_string() == "still broken");
  CHECK(messages[1]["attempt"].as_integer() == 3);
  fixture.refused(fixture.mail->failed(first, "", fixture.batch), "not_found");
  fixture.refused(fixture.mail->handled(first, fixture.batch), "not_found");
}

TEST_CASE("what cannot be sent is refused, and nothing is stored") {
  Fixture fixture;
  auto& mail = *fixture.mail;
  auto& batch = fixture.batch;
  const auto message = fixture.refused(
      mail.send(Fixture::message("all", Value{{"deep", Value{{"x", "\xff"}}}}), batch), "invalid");
  CHECK(message.find(".deep.x") != std::string::npos);
  fixture.refused(mail.send(Fixture::message("role:boss"), batch), "not_found");
  auto no_kind = Fixture::message("all");
  no_kind.kind = "";
  fixture.refused(mail.send(no_kind, batch), "invalid");
  CHECK(batch.empty());
  CHECK(mail.waiting() == 0);
}

TEST_CASE("an id is taken once, also over restarts, free ones go on counting") {
  Fixture fixture;
  auto fresh = Fixture::message("role:tester");
  fresh.id = "r1.1";
  fixture.send(fresh);
  CHECK(fixture.send(Fixture::message("role:tester")).front() == "m1/tester#1");
  fixture.drain("tester#1");
  fixture.drain("tester#2");
  if (GENERATE(false, true)) fixture.restart();
  fixture.refused(fixture.mail->send(fresh, fixture.batch), "conflict");
  CHECK(fixture.send(Fixture::message("agent:critic")).front() == "m2");
}

TEST_CASE("a reply keeps the thread") {
  Fixture fixture;
  auto reply = Fixture::message("agent:critic");
  reply.thread = "m7";
  const auto id = fixture.send(reply).front();
  CHECK(fixture.mail->find(id)->thread == "m7");
}

TEST_CASE("lists are newest first, for one agent or all, and bounded") {
  Fixture fixture;
  fixture.send(Fixture::message("agent:critic", Value{{"n", 1}}));
  fixture.send(Fixture::message("agent:pm", 2));
  fixture.send(Fixture::message("agent:critic", 3));
  REQUIRE(fixture.mail->handled("m1", fixture.batch).has_value());
  fixture.commit();
  auto all = fixture.list("");
  REQUIRE(all.size() == 3);
  CHECK(all[0]["id"].as_string() == "m3");
  CHECK(all[2]["id"].as_string() == "m1");
  CHECK(all[2]["state"].as_string() == "handled");
  CHECK(all[2]["body"]["n"].as_integer() == 1);
  CHECK(all[0]["state"].as_string() == "stored");
  CHECK(fixture.list("critic").size() == 2);
  CHECK(fixture.list("critic", 1).size() == 1);
  CHECK(fixture.list("nobody").empty());
}

TEST_CASE("agents may fill a mailbox so far, and all of them, and they empty again") {
  Fixture fixture;
  auto& mail = *fixture.mail;
  SECTION("a mailbox by number") {
    for (size_t n = 0; n < kMostWaiting; ++n)
      REQUIRE(mail.send(Fixture::message("agent:critic"), fixture.batch));
    CHECK(mail.check_room({"critic"}, 0, 0));
    const auto status = mail.check_room({"critic"}, 1, 0);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == "limit");
    CHECK_THAT(status.error().message, Catch::Contains("the mailbox of critic is full: 5000 messages"));
    CHECK(mail.check_room({"pm"}, 1, 0));
    CHECK_FALSE(mail.check_room({"pm", "critic"}, 1, 0));
    REQUIRE(mail.handled(std::string(mail.next("critic")->id), fixture.batch));
    CHECK(mail.check_room({"critic"}, 1, 0));
  }
  SECTION("by what it takes in memory") {
    const auto ids = fixture.send(Fixture::message("agent:critic", std::string(kMostBoxBytes, 'x')));
    CHECK_FALSE(mail.check_room({"critic"}, 1, 0));
    CHECK(mail.check_room({"pm"}, 1, kMostBoxBytes));
    fixture.restart();
    CHECK_FALSE(fixture.mail->check_room({"critic"}, 1, 0));
    REQUIRE(fixture.mail->handled(ids.front(), fixture.batch));
    CHECK(fixture.mail->check_room({"critic"}, 1, kMostBoxBytes));
  }
  SECTION("all of them") {
    CHECK(mail.check_room({"tester#1", "tester#2"}, 1, kMostBoxBytes));
    REQUIRE(mail.send(Fixture::message("all", std::string(kMostMailBytes / 3, 'x')), fixture.batch));
    fixture.batch = store::Batch();
    // The sender has none.
    CHECK_THAT(mail.check_room({"pm"}, 1, 0).error().message, Catch::Contains("the mailboxes are full"));
  }
}

TEST_CASE("ids of old messages are the store's to know, not memory's") {
  Fixture fixture;
  store::Batch uncommitted;
  const auto send_by = [&](store::Batch& batch, const std::string& id, const std::string& address) {
    Message fresh = Fixture::message(address);
    fresh.id = id;
    return fixture.mail->send(std::move(fresh), batch);
  };
  const auto send = [&](const std::string& id) { return send_by(fixture.batch, id, "agent:pm"); };
  REQUIRE(send("first"));
  REQUIRE(send_by(fixture.batch, "spread", "role:tester"));
  fixture.commit();
  REQUIRE(send_by(uncommitted, "late", "agent:pm"));
  for (int number = 0; number < 5000; ++number) REQUIRE(send("e" + std::to_string(number)));
  fixture.commit();
  for (int number = 5000; number < 10000; ++number) REQUIRE(send("e" + std::to_string(number)));
  fixture.commit();
  for (const std::string taken : {"first", "spread", "spread/tester#1", "late"}) {
    INFO(taken);
    fixture.refused(send(taken), "conflict");
  }
  REQUIRE(fixture.database->execute("DELETE FROM message WHERE id = 'first'"));
  CHECK(send("first"));
}

TEST_CASE("numbers of messages that retention took away are not given again") {
  Fixture fixture;
  REQUIRE(fixture.database->execute("INSERT INTO mark VALUES ('message', 41)"));
  fixture.restart();
  CHECK(fixture.send(Fixture::message("agent:pm")) == Names{"m42"});
}

Message ephemeral(const std::string& address, Value body = 1) {
  Message fresh = Fixture::message(address, std::move(body));
  fresh.ephemeral = true;
  return fresh;
}

TEST_CASE("ephemeral mail is in its place among the other, and leaves nothing in the store") {
  Fixture fixture;
  auto& mail = *fixture.mail;
  const auto first = mail.send(ephemeral("agent:critic"), fixture.batch).value().front();
  CHECK(fixture.batch.empty());
  const auto second = fixture.send(Fixture::message("agent:critic")).front();
  const auto third = mail.send(ephemeral("agent:critic"), fixture.batch).value().front();
  CHECK(mail.waiting("critic") == 3);
  CHECK(mail.next("critic")->id == first);
  CHECK(mail.next("critic")->ephemeral);
  REQUIRE(mail.handled(first, fixture.batch));
  CHECK(fixture.batch.empty());
  CHECK(mail.next("critic")->id == second);
  REQUIRE(mail.handled(second, fixture.batch));
  CHECK(mail.next("critic")->id == third);
  SECTION("one that fails is not tried again") {
    const auto dead = mail.failed(third, "boom", fixture.batch);
    REQUIRE(dead);
    CHECK(*dead);
    CHECK(mail.waiting() == 0);
  }
  SECTION("a restart forgets it") {
    fixture.commit();
    fixture.restart();
    CHECK(fixture.mail->waiting() == 0);
  }
  fixture.commit();
  CHECK(fixture.mail->waiting() == 0);
  auto rows = fixture.database->prepare("SELECT count(*) FROM message");
  REQUIRE(rows.step() == true);
  CHECK(rows.integer(0) == 1);
}

TEST_CASE("of ephemeral mail that nobody handles the oldest is dropped, and no other mail") {
  Fixture fixture;
  auto& mail = *fixture.mail;
  std::vector<std::string> ids;
  const auto send = [&](Value body) {
    ids.push_back(mail.send(ephemeral("agent:critic", std::move(body)), fixture.batch).value().front());
  };
  SECTION("by number: but for the first, which may be under way") {
    for (size_t n = 0; n < kMostEphemeral + 3; ++n) send(1);
    const auto durable = fixture.send(Fixture::message("agent:critic")).front();
    CHECK(mail.dropped() == 3);
    CHECK(mail.waiting("critic") == kMostEphemeral + 1);
    CHECK(mail.next("critic")->id == ids.front());
    for (size_t n = 1; n <= 3; ++n) CHECK_FALSE(mail.find(ids[n]));
    CHECK(mail.find(ids[4]));
    // It takes no room from what has to be kept.
    CHECK(mail.check_room({"critic"}, kMostWaiting - 1, 0));
    REQUIRE(mail.handled(ids.front(), fixture.batch));
    for (size_t n = 0; n < 2 * kMostEphemeral; ++n) send(2);
    CHECK(mail.find(durable));
    CHECK(mail.waiting("critic") == kMostEphemeral + 1);
  }
  SECTION("what it takes is not counted with the mail that has to be kept") {
    for (int n = 0; n < 10; ++n)
      REQUIRE(mail.send(ephemeral("all", std::string(kMostEphemeralBytes / 2, 'x')), fixture.batch));
    CHECK(mail.waiting() == 6);
    CHECK(mail.check_room({"pm", "critic", "tester#1", "tester#2"}, 1, kMostMailBytes / 4));
  }
  SECTION("by what it takes in memory") {
    for (int n = 0; n < 10; ++n) send(std::string(kMostEphemeralBytes / 4, 'x'));
    CHECK(mail.waiting("critic") == 3);
    CHECK(mail.find(ids.front()));
    CHECK(mail.find(ids.back()));
    const auto refused =
        mail.send(ephemeral("agent:critic", std::string(kMostEphemeralBytes, 'x')), fixture.batch);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "limit");
    CHECK(mail.waiting("critic") == 3);
  }
}

}  // namespace
}  // namespace clade::mail
