// Messages between Lua agents in the real `clade run`, of three fields and about 200 bytes. All of them are
// durable: each is committed before it is delivered, and its handling is a run.
//   messages_one_way       16 senders, each to a sink of its own, 250 messages in a run; the sink asks for
//   the next 250
//                          when it has handled these
//   ephemeral_one_way      the same with ephemeral ones; rounds are tasks, and so durable. By the times of
//   these tasks ask_64_one_cell        64 agents ask 64 others, each one question after the other: both in
//   the same cell, two cells ask_64_across_cells    the same, asker and asked never in the same cell
//   ask_across_cells_mean one agent asks one other in the other cell, nothing else happens: elapsed time by
//   questions.
//                          A mean: the script sees no clock finer than the record's ms.
// Figures are by the record: from the first message to the end of the last run, in ms.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>

#include "base/value.h"
#include "support/disk.h"
#include "support/print.h"
#include "support/swarm.h"

namespace {

using bench::add_request;
using bench::Client;
using bench::print;
using bench::Swarm;
using clade::Value;

constexpr int kPairs = 16;      // of senders and sinks
constexpr int kMessages = 250;  // per run of a sender
constexpr int kAskers = 64;
constexpr double kSeconds = 5;        // of a measure, about
constexpr int kTrial = 8;             // questions of each asker, to know how many fit
constexpr int kMostQuestions = 4000;  // of a run: it keeps the answers in its journal
constexpr int kLookMs = 100;
constexpr int kRunsToShare = 20;  // until a role shares cells

std::string instance(const std::string& name, int number) {
  return number == 1 ? name : name + "#" + std::to_string(number);
}

// What ran after run `since`: how long it took, in seconds.
double seconds(const Swarm& swarm, int64_t since) {
  return static_cast<double>(swarm.count("SELECT max(finished_at) - min(started_at) FROM run WHERE id > " +
                                         std::to_string(since))) /
         1000;
}

int64_t last_run(const Swarm& swarm) {
  return swarm.count("SELECT coalesce(max(id), 0) FROM run");
}

// Makes sure that so many messages of a kind were handled, without a second attempt.
void check_handled(const Swarm& swarm, const std::string& kind, int64_t expected) {
  const int64_t handled = swarm.count(
      "SELECT count(*) FROM message WHERE state = 'handled' AND attempt = 1 AND kind = '" + kind + "'");
  if (handled != expected)
    bench::fail(std::to_string(handled) + " messages are handled, not " + std::to_string(expected));
}

void measure_one_way() {
  Swarm swarm("mail",
              "  sender: {instances: 16, grants: [\"mail.send:**\"]}\n"
              "  sink: {instances: 16, grants: [\"queue.add:send\"]}\n");
  swarm.start();
  const auto send = [&](int messages, int rounds, bool ephemeral = false) {
    Client client(swarm.folder());
    for (int n = 1; n <= kPairs; ++n) {
      client.ask(add_request("send", Value{{"to", "agent:" + instance("sink", n)},
                                           {"messages", messages},
                                           {"rounds", rounds},
                                           {"ephemeral", ephemeral},
                                           {"text", bench::filling()}}));
    }
    swarm.settle();
    return int64_t{kPairs} * messages * rounds;
  };
  int64_t all = send(kRunsToShare, 3);
  const auto per_second = [&](int rounds) {
    const int64_t since = last_run(swarm);
    const int64_t sent = send(kMessages, rounds);
    all += sent;
    check_handled(swarm, "item", all);
    return static_cast<double>(sent) / seconds(swarm, since);
  };
  const auto rounds = [](double trial) {
    return static_cast<int>(trial * kSeconds / (kPairs * kMessages)) + 1;
  };
  print("messages_one_way", per_second(rounds(per_second(1))), "1/s", "higher");

  int64_t all_ephemeral = 0;
  const auto ephemeral_per_second = [&](int count) {
    const int64_t since = swarm.count("SELECT max(seq) FROM task_event");
    const int64_t sent = send(kMessages, count, true);
    all_ephemeral += sent;
    // What is under way shows nowhere. Each sink tells at the end how many it has handled so far.
    const std::string ends =
        "FROM task WHERE json_extract(payload, '$.messages') = 0 AND id IN (SELECT task FROM "
        "task_event WHERE seq > " +
        std::to_string(since) + ")";
    while (swarm.count("SELECT count(*) " + ends) < kPairs) ::poll(nullptr, 0, kLookMs);
    swarm.settle();
    const int64_t handled = swarm.count("SELECT sum(json_extract(payload, '$.handled')) " + ends);
    if (handled != all_ephemeral)
      bench::fail(std::to_string(handled) + " ephemeral messages are handled, not " +
                  std::to_string(all_ephemeral));
    return static_cast<double>(sent) * 1000 /
           static_cast<double>(
               swarm.count("SELECT max(at) - min(at) FROM task_event WHERE seq > " + std::to_string(since)));
  };
  print("ephemeral_one_way", ephemeral_per_second(rounds(ephemeral_per_second(1))), "1/s", "higher");
}

// Has one run after the other: an agent gets its place in a cell, of two by turns, with its first run after
// its role may share cells.
void run_in_order(const Swarm& swarm, const std::vector<std::string>& agents) {
  for (const auto& agent : agents) {
    swarm.mail("agent:" + agent, Value{{"questions", 0}});
    swarm.settle();
  }
}

void measure_asking(bool across) {
  Swarm swarm("mail",
              "  asker: {instances: 64, grants: [\"mail.send:**\"]}\n"
              "  oracle: {instances: 64}\n"
              "  first_asker: {role: asker, grants: [\"mail.send:**\"]}\n"
              "  first_oracle: {role: oracle}\n");
  swarm.start();
  run_in_order(swarm, std::vector<std::string>(kRunsToShare, "first_asker"));
  run_in_order(swarm, std::vector<std::string>(kRunsToShare, "first_oracle"));
  std::vector<std::string> order;
  for (int n = 1; n <= kAskers; n += 2) {
    const std::string left = instance("asker", n);
    const std::string right = instance("asker", n + 1);
    const std::string left_asked = instance("oracle", n);
    const std::string right_asked = instance("oracle", n + 1);
    if (across) {
      order.insert(order.end(), {left, left_asked, right, right_asked});
    } else {
      order.insert(order.end(), {left, right, left_asked, right_asked});
    }
  }
  run_in_order(swarm, order);

  int64_t asked = 0;
  const auto ask = [&](int askers, int questions) {
    const int64_t since = last_run(swarm);
    for (int n = 1; n <= askers; ++n) {
      swarm.mail("agent:" + instance("asker", n), Value{{"to", "agent:" + instance("oracle", n)},
                                                        {"questions", questions},
                                                        {"text", bench::filling()}});
    }
    swarm.settle();
    asked += int64_t{askers} * questions;
    check_handled(swarm, "question", asked);
    return askers * questions / seconds(swarm, since);
  };
  // With as many questions as fit, going by a trial.
  const auto per_second = [&](int askers) {
    const double trial = ask(askers, kTrial);
    return ask(askers, std::clamp(static_cast<int>(trial * kSeconds / askers), 1, kMostQuestions));
  };
  print(across ? "ask_64_across_cells" : "ask_64_one_cell", per_second(kAskers), "1/s", "higher");
  if (across) print("ask_across_cells_mean", 1e6 / per_second(1), "us", "lower");
}

}  // namespace

int main() {
  bench::print_disk("mail");
  measure_one_way();
  measure_asking(false);
  measure_asking(true);
  return 0;
}
