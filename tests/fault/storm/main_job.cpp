#include "main_job.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <random>

#include "host.h"

namespace storm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFinished = "SELECT count(*) FROM journal WHERE status = 'done'";
constexpr int64_t kLatestUs = 60000;

struct Outcome {
  std::string hash;
  std::string ledger;    // per kind of effect and type of task: how often, and how many units
  int64_t finished = 0;  // awaits
};

Places places_in(const std::string& folder) {
  const Places places{folder,           folder + "/swarm",    folder + "/witness",
                      folder + "/sent", folder + "/host.out", folder + "/orders"};
  fs::create_directories(places.swarm);
  for (const char* part : {"swarm.yaml", "agents", "skills", "scripts", "knowledge"})
    fs::copy(std::string(CLADE_SOURCE) + "/" + part, places.swarm + "/" + part, fs::copy_options::recursive);
  return places;
}

Outcome outcome_of(const std::string& swarm) {
  Outcome outcome;
  outcome.finished = count(swarm, kFinished);
  for (const auto& line : rows(swarm,
                               "SELECT name || ' ' || hash FROM script_event WHERE verb = 'published' "
                               "ORDER BY seq"))
    outcome.hash += line + "\n";
  for (const auto& line :
       rows(swarm,
            "SELECT ledger.kind || ' of ' || task.type || ': ' || count(*) || ' with ' || sum(units) || "
            "' units' FROM ledger JOIN task ON task.id = ledger.task GROUP BY ledger.kind, task.type "
            "ORDER BY 1"))
    outcome.ledger += line + "\n";
  return outcome;
}

std::vector<std::string> arguments_of(const MainJobOptions& options) {
  std::vector<std::string> arguments = {"--until-idle", "--approve", "auto", "--seed",
                                        std::to_string(options.seed)};
  if (options.evaluations > 0) {
    arguments.emplace_back("--evaluations");
    arguments.push_back(std::to_string(options.evaluations));
  }
  return arguments;
}

void expect_end(Host& host) {
  if (const int status = host.wait_for_end(); status != 0)
    throw Failure("the host ended with status " + std::to_string(status) + ": " + host.said());
}

}  // namespace

int run_main_job(const MainJobOptions& options) {
  const Options program{CLADE_BINARY, "", arguments_of(options)};
  const int64_t begun_us = steady_us();
  Outcome calm;
  {
    const Places places = places_in(options.folder + "/calm");
    Host host(program, places);
    host.start();
    while (host.running()) pause_us(20000);
    expect_end(host);
    calm = outcome_of(places.swarm);
  }
  if (calm.hash.empty()) throw Failure("the undisturbed job published nothing");

  const Places places = places_in(options.folder + "/struck");
  std::mt19937_64 random(options.seed);
  // Spread over the whole job: a kill comes some awaits after the last one, and then a moment later.
  const int64_t most_awaits = std::max<int64_t>(1, 2 * calm.finished / (options.kills + 1));
  int64_t counted = 0;
  int64_t repeated = 0;
  Host host(program, places);
  host.start();
  while (counted < options.kills && host.running()) {
    const int64_t awaits = std::uniform_int_distribution<int64_t>(0, most_awaits)(random);
    const int64_t enough = count(places.swarm, kFinished) + awaits;
    wait_until("the job to go on",
               [&] { return !host.running() || count(places.swarm, kFinished) >= enough; });
    pause_us(std::uniform_int_distribution<int64_t>(0, kLatestUs)(random));
    if (!host.running()) break;
    ::kill(host.pid(), SIGKILL);
    host.wait_for_end();
    ++(in_flight(places.swarm) > 0 ? counted : repeated);
    host.start();
  }
  while (host.running()) pause_us(20000);
  expect_end(host);
  const Outcome struck = outcome_of(places.swarm);

  std::printf("killed %lld times with work in flight (%lld more without), seed %llu, %.0f s\n",
              static_cast<long long>(counted), static_cast<long long>(repeated),
              static_cast<unsigned long long>(options.seed),
              static_cast<double>(steady_us() - begun_us) / 1e6);
  std::printf("undisturbed:\n%s%sstruck:\n%s%s", calm.hash.c_str(), calm.ledger.c_str(), struck.hash.c_str(),
              struck.ledger.c_str());
  const bool same = calm.hash == struck.hash && calm.ledger == struck.ledger;
  if (!same || counted < options.kills) {
    std::printf(same ? "the job was over before it had been killed often enough; %s is kept\n"
                     : "they differ; %s is kept\n",
                options.folder.c_str());
    return 1;
  }
  std::printf("the same was published, and nothing was done twice\n");
  if (!options.keep) fs::remove_all(options.folder);
  return 0;
}

}  // namespace storm
