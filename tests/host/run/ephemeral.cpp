// Mail that memory alone keeps, as runs see it.
#include "fixture.h"
#include "run/dispatcher.h"
#include "run/recording.h"

namespace clade::run {
namespace {

// A run of "worker" that sends one such message to "other", and its commit.
void send(PlayedHost& host, const Value& body = 1) {
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  REQUIRE(host.call(run, 1, "mail.send",
                    {{"to", "agent:other"}, {"kind", "progress"}, {"body", body}, {"ephemeral", true}}));
  CHECK(host.executor.starts.empty());  // not before the commit
  host.dispatcher->finished(run, true, Value(Value::Map()));
}

}  // namespace

TEST_CASE("an ephemeral message is handled without a trace when nothing comes of it") {
  const Folder folder;
  PlayedHost host(folder);
  send(host, 7);
  const auto start = host.next_start();
  CHECK(start.invocation.handler == "on_mail");
  CHECK(start.invocation.argument["body"].as_integer() == 7);
  CHECK(start.invocation.argument["ephemeral"].as_bool());
  // The first run of an agent writes that it has a state.
  host.dispatcher->finished(start.invocation.run, Value(), Value(Value::Map()));
  host.settle();
  const int64_t runs = host.count("SELECT count(*) FROM run");
  send(host, 8);
  host.dispatcher->finished(host.next_start().invocation.run, Value(), Value(Value::Map()));
  host.settle();
  CHECK(host.count("SELECT count(*) FROM run") == runs + 1);  // the sender's
  CHECK(host.count("SELECT count(*) FROM message") == 0);
  CHECK(host.dispatcher->idle());
}

TEST_CASE("what comes of an ephemeral message is kept like everything else") {
  const Folder folder;
  PlayedHost host(folder);
  send(host);
  const int64_t run = host.next_start().invocation.run;
  REQUIRE(host.call(run, 1, "queue.add", {{"type", "work_b"}}));
  host.dispatcher->finished(run, Value(), Value{{"seen", 1}});
  host.settle();
  CHECK(host.count("SELECT count(*) FROM task WHERE type = 'work_b'") == 1);
  CHECK(host.count("SELECT count(*) FROM agent WHERE state = '{\"seen\":1}'") == 1);
  CHECK(host.count("SELECT count(*) FROM run WHERE trigger_kind = 'ephemeral' AND status = 'committed'") ==
        1);

  const auto recording = read_recording(*host.reader, host.blobs, run);
  REQUIRE_FALSE(recording);
  CHECK(recording.error().code == "not_recorded");
  CHECK(recording.error().message ==
        "run 2 cannot be replayed: it handled an ephemeral message, r1.1, which no store keeps; mail that is "
        "sent "
        "without `ephemeral` is kept, and so its runs can be replayed");
}

TEST_CASE("an ephemeral message whose handler fails is gone, and the failure is recorded") {
  const Folder folder;
  PlayedHost host(folder);
  send(host);
  host.dispatcher->failed(host.next_start().invocation.run, "boom");
  host.settle();
  CHECK(host.executor.starts.empty());
  CHECK(host.mail.waiting() == 0);
  CHECK(host.count("SELECT count(*) FROM run WHERE trigger_kind = 'ephemeral' AND status = 'failed'") == 1);
  CHECK(host.dispatcher->idle());
}

TEST_CASE("a run on an ephemeral message that a host left behind is lost, and says so") {
  const Folder folder;
  {
    PlayedHost host(folder);
    send(host);
    const int64_t run = host.next_start().invocation.run;
    host.dispatcher->called(run, "0", 1, "cell.eval", Value{{"source", "return 1"}});
    host.settle();
    REQUIRE(host.count("SELECT count(*) FROM run WHERE status = 'running'") == 1);
  }
  PlayedHost host(folder);
  host.settle();
  CHECK(host.executor.starts.empty());
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'lost' AND finished_at > 0") == 1);
  CHECK(host.dispatcher->idle());
}

TEST_CASE("`ephemeral` is true or false, and such a message has a size") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  const auto send_with = [&](int64_t position, Value ephemeral, size_t bytes) {
    const Value args{{"to", "agent:other"},
                     {"kind", "note"},
                     {"body", std::string(bytes, 'x')},
                     {"ephemeral", std::move(ephemeral)}};
    return host.call(run, position, "mail.send", args);
  };
  CHECK(send_with(1, "yes", 1).error().code == "invalid");
  CHECK(send_with(2, true, mail::kMostEphemeralBytes).error().code == "limit");
  CHECK(send_with(3, false, mail::kMostEphemeralBytes));
}

}  // namespace clade::run
