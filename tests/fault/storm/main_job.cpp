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
constexpr double kSpread = 0.6;  // of the job: its end must not come before the last kill
constexpr int64_t kLatestUs = 250000;

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

// Runs the job with up to `kills` kills; adds those that struck work in flight to `counted`. `calm` is the
// job undisturbed.
Outcome struck_job(const Options& program, const Places& places, const Outcome& calm, int64_t kills,
                   std::mt19937_64& random, int64_t& counted) {
  Host host(program, places);
  host.start();
  int64_t left = kills;
  while (left > 0 && host.running()) {
    // Spread over the job: as many awaits pass before each kill as are left for it, on average.
    const int64_t finished = count(places.swarm, kFinished);
    const double share = kSpread * static_cast<double>(calm.finished - finished) / static_cast<double>(left);
    const auto awaits = static_cast<int64_t>(std::uniform_real_distribution<double>(0, 1)(random) + share);
    const int64_t enough = finished + std::max<int64_t>(0, awaits);
    wait_until("the job to go on", [&] {
      return !host.running() || (count(places.swarm, kFinished) >= enough && in_flight(places.swarm) > 0);
    });
    pause_us(std::uniform_int_distribution<int64_t>(0, kLatestUs)(random));
    if (!host.running()) break;
    ::kill(host.pid(), SIGKILL);
    host.wait_for_end();
    if (in_flight(places.swarm) > 0) {
      --left;
      ++counted;
    }
    host.start();
  }
  host.work_off();
  expect_end(host);
  return outcome_of(places.swarm);
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
    host.work_off();
    expect_end(host);
    calm = outcome_of(places.swarm);
  }
  if (calm.hash.empty()) throw Failure("the undisturbed job published nothing");

  std::mt19937_64 random(options.seed);
  int64_t counted = 0;
  int64_t jobs = 0;
  // A job may be over before it has been killed so often: then another one is.
  while (counted < options.kills) {
    const Places places = places_in(options.folder + "/struck-" + std::to_string(++jobs));
    const Outcome struck = struck_job(program, places, calm, options.kills - counted, random, counted);
    std::printf("job %lld: killed %lld times in all with work in flight, seed %llu, %.0f s\n",
                static_cast<long long>(jobs), static_cast<long long>(counted),
                static_cast<unsigned long long>(options.seed),
                static_cast<double>(steady_us() - begun_us) / 1e6);
    if (calm.hash != struck.hash || calm.ledger != struck.ledger) {
      std::printf("undisturbed:\n%s%sstruck:\n%s%sthey differ; %s is kept\n", calm.hash.c_str(),
                  calm.ledger.c_str(), struck.hash.c_str(), struck.ledger.c_str(), options.folder.c_str());
      return 1;
    }
  }
  std::printf("%s%sthe same as undisturbed: nothing was done twice\n", calm.hash.c_str(),
              calm.ledger.c_str());
  if (!options.keep) fs::remove_all(options.folder);
  return 0;
}

}  // namespace storm
