// Life cycles of tasks through the real `clade run`: its control socket, its dispatcher, its two cells.
// Payloads of about 200 bytes; afterwards plain `sqlite3` counts what is completed with one attempt.
//   socket_add_batch_N     task.add, acknowledged: four connections, each sends N requests at once and waits
//   for N
//                          answers. The control socket takes one task per request and has no claim, so this
//                          is all of a life cycle that it can do; nobody works meanwhile.
//   socket_cycles_batch_N  the same, and 64 Lua agents claim, run and complete what is added: from the first
//   addition
//                          to the last completion
//   agents_cycles          driven by the agents alone: 64 chains, each task adds the next one as it
//   completes, so 64
//                          are in flight; agents_fdatasyncs is the host's meanwhile
//   add_to_start           how long a task waits that is added to an idle host, one at a time. The script
//   cannot look
//                          at a clock, so it lies between two moments that the host tells of as JSON lines:
//                          add_to_delivery (claimed, and on its way to the cell) and add_to_end (the handler,
//                          which only returns, has come back). Both contain the request's way and the
//                          client's own wake-up, but no fdatasync: the host hands out what is on its way to
//                          the disk, and what comes of it is committed after it. The goal is held against
//                          add_to_end.
// Figures of cycles are by the record: times of task_event, in ms.
#include <algorithm>
#include <array>
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

constexpr int kInFlight = 4;          // batches
constexpr int kInstances = 64;        // of the role that works
constexpr int kWarmUp = 400;          // tasks; a role shares cells once it has worked twenty
constexpr int64_t kMostUs = 8000000;  // of adding: a slow disk ends it early
constexpr double kSeconds = 6;        // of chains, about
constexpr int kTrial = 50;            // tasks of a chain, to know how many fit
constexpr int kStarts = 1000;
// Tasks in a batch, and in all.
constexpr std::array<std::pair<int, int64_t>, 3> kBatches = {{{1, 6000}, {50, 20000}, {500, 20000}}};
constexpr const char* kWorkers = "  worker: {instances: 64, grants: [\"queue.add:work\"]}\n";

Value work(int left) {
  return Value{{"left", left}, {"text", bench::filling()}};
}

struct Added {
  int64_t tasks = 0;
  double per_second = 0;  // that were acknowledged
};

// Adds up to so many tasks in batches over kInFlight connections.
Added add(const Swarm& swarm, const std::string& request, int size, int64_t most) {
  struct Connection {
    explicit Connection(const std::string& folder) : client(folder) {}
    Client client;
    bool busy = false;
  };
  std::string requests;
  for (int n = 0; n < size; ++n) requests += request;
  std::vector<Connection> connections;
  for (int n = 0; n < kInFlight; ++n) connections.emplace_back(swarm.folder());
  std::vector<pollfd> watched;
  for (const auto& connection : connections) watched.push_back({connection.client.descriptor(), POLLIN, 0});
  int64_t added = 0;
  int busy = 0;
  const int64_t begun = bench::steady_us();
  const auto send = [&](Connection& connection) {
    connection.busy = added < most && bench::steady_us() < begun + kMostUs;
    if (!connection.busy) return;
    connection.client.send(requests);
    added += size;
    ++busy;
  };
  for (auto& connection : connections) send(connection);
  while (busy > 0) {
    if (::poll(watched.data(), watched.size(), -1) < 0) bench::fail("cannot wait for the host");
    for (size_t n = 0; n < connections.size(); ++n) {
      if (watched[n].revents == 0 || !connections[n].busy) continue;
      connections[n].client.receive(size);
      --busy;
      send(connections[n]);
    }
  }
  return {added, static_cast<double>(added) * 1e6 / static_cast<double>(bench::steady_us() - begun)};
}

void measure_adding() {
  Swarm swarm("agents", "  parker: {}\n");
  swarm.start();
  const std::string request = add_request("park", work(0));
  Client(swarm.folder()).ask(request);  // keeps the only agent busy
  int64_t all = 1;
  for (const auto& [size, most] : kBatches) {
    const Added added = add(swarm, request, size, most);
    print("socket_add_batch_" + std::to_string(size), added.per_second, "1/s", "higher");
    all += added.tasks;
    if (swarm.count("SELECT count(*) FROM task") != all) bench::fail("not every task is in the store");
  }
}

int64_t last_event(const Swarm& swarm) {
  return swarm.count("SELECT coalesce(max(seq), 0) FROM task_event");
}

// Waits for the end of the tasks that were added after event `since`, makes sure that it was so many, and
// returns how many were completed per second.
double completed_per_second(const Swarm& swarm, int64_t since, int64_t tasks) {
  swarm.settle();
  const std::string after = " FROM task_event WHERE seq > " + std::to_string(since);
  const int64_t done = swarm.count(
      "SELECT count(*) FROM task WHERE state = 'completed' AND attempt = 1 AND id IN (SELECT task" + after +
      ")");
  if (done != tasks) bench::fail(std::to_string(done) + " tasks are completed, not " + std::to_string(tasks));
  return static_cast<double>(done) * 1000 /
         static_cast<double>(swarm.count("SELECT max(at) - min(at)" + after));
}

void warm_up(const Swarm& swarm) {
  add(swarm, add_request("work", work(0)), 50, kWarmUp);
  swarm.settle();
}

// Has kInstances chains of so many tasks worked off.
double chains_per_second(const Swarm& swarm, int length) {
  const int64_t since = last_event(swarm);
  add(swarm, add_request("work", work(length - 1)), kInstances / kInFlight, kInstances);
  return completed_per_second(swarm, since, int64_t{kInstances} * length);
}

void measure_cycles() {
  Swarm swarm("agents", kWorkers);
  swarm.start();
  warm_up(swarm);
  for (const auto& [size, most] : kBatches) {
    const int64_t since = last_event(swarm);
    const Added added = add(swarm, add_request("work", work(0)), size, most);
    print("socket_cycles_batch_" + std::to_string(size), completed_per_second(swarm, since, added.tasks),
          "1/s", "higher");
  }
  const double trial = chains_per_second(swarm, kTrial);
  const uint64_t synced = swarm.syncs();
  const int64_t begun = bench::steady_us();
  print("agents_cycles", chains_per_second(swarm, static_cast<int>(trial * kSeconds / kInstances) + 1), "1/s",
        "higher");
  print("agents_fdatasyncs",
        static_cast<double>(swarm.syncs() - synced) * 1e6 / static_cast<double>(bench::steady_us() - begun),
        "1/s", "higher");
}

// Microseconds.
double percentile(std::vector<int64_t>& times, double part) {
  std::sort(times.begin(), times.end());
  return static_cast<double>(times[static_cast<size_t>(part * static_cast<double>(times.size() - 1))]);
}

struct Start {
  int64_t delivered_us = 0;
  int64_t ended_us = 0;
};

// Adds a task to an idle host and follows it to its end: until then all events are its own.
Start add_and_follow(Swarm& swarm, Client& client, const std::string& request) {
  const int64_t begun = bench::steady_us();
  client.send(request);
  Start start;
  while (start.ended_us == 0) {
    const std::string line = swarm.event();
    const int64_t took = bench::steady_us() - begun;
    if (line.find(R"("verb":"start")") != std::string::npos) start.delivered_us = took;
    if (line.find(R"("verb":"complete")") != std::string::npos) start.ended_us = took;
  }
  client.receive();
  return start;
}

void measure_starts() {
  Swarm swarm("agents", kWorkers);
  swarm.start(true);
  Client client(swarm.folder());
  const std::string request = add_request("work", work(0));
  for (int n = 0; n < kWarmUp; ++n) add_and_follow(swarm, client, request);
  std::vector<int64_t> delivered;
  std::vector<int64_t> ended;
  for (int n = 0; n < kStarts; ++n) {
    const Start start = add_and_follow(swarm, client, request);
    delivered.push_back(start.delivered_us);
    ended.push_back(start.ended_us);
  }
  print("add_to_delivery_p50", percentile(delivered, 0.5) / 1000, "ms", "lower", 3);
  print("add_to_end_p50", percentile(ended, 0.5) / 1000, "ms", "lower", 3);
  print("add_to_end_p99", percentile(ended, 0.99) / 1000, "ms", "lower", 3);
}

}  // namespace

int main() {
  bench::print_disk("agents");
  measure_adding();
  measure_cycles();
  measure_starts();
  return 0;
}
