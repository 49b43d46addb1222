// The storm: the real binary under load and faults. storm --help says how to call it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <map>

#include "episode.h"
#include "main_job.h"

namespace storm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHelp =
    "usage: storm [--rounds N] [--seed S] [--faults NAME,…] [--folder DIR]\n"
    "       storm main-job [--kills N] [--seed S] [--evaluations N] [--folder DIR]\n"
    "\n"
    "A swarm under load, struck by faults; afterwards the store is held against what its effects witnessed.\n"
    "Only a round that struck uncommitted work counts; any other is repeated.\n"
    "\n"
    "  --rounds N       counted rounds (100), spread evenly over the faults\n"
    "  --seed S         of which fault strikes when (1)\n"
    "  --faults NAME,…  only these, or those of these groups (all)\n"
    "  --folder DIR     keep everything in this new folder; without it only what went wrong is kept\n"
    "\n"
    "main-job runs the shipped swarm, killed N times (10), and compares what it publishes.\n"
    "\n"
    "faults:\n";

struct Arguments {
  bool main_job = false;
  std::string folder;
  int64_t rounds = 100;
  int64_t kills = 10;
  int64_t evaluations = 0;
  uint64_t seed = 1;
  std::vector<const Fault*> chosen;
};

// The faults of this name or group.
std::vector<const Fault*> faults_called(const std::string& name) {
  std::vector<const Fault*> found;
  for (const auto& fault : faults()) {
    if (name == fault.name || name == fault.group) found.push_back(&fault);
  }
  if (found.empty()) throw Failure("no fault is called " + name + "; see storm --help");
  return found;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char letter : text) {
    if (letter == ',') {
      parts.emplace_back();
    } else {
      parts.back() += letter;
    }
  }
  return parts;
}

Arguments parse(const std::vector<std::string>& words) {
  Arguments arguments;
  for (size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    const auto number = [&]() -> int64_t {
      char* end = nullptr;
      const char* text = at + 1 < words.size() ? words[++at].c_str() : "";
      const int64_t value = std::strtoll(text, &end, 10);
      if (end == text || *end != '\0' || value < 0) throw Failure(word + " needs a number");
      return value;
    };
    if (word == "main-job" && at == 0) {
      arguments.main_job = true;
    } else if (word == "--rounds") {
      arguments.rounds = number();
    } else if (word == "--kills") {
      arguments.kills = number();
    } else if (word == "--evaluations") {
      arguments.evaluations = number();
    } else if (word == "--seed") {
      arguments.seed = static_cast<uint64_t>(number());
    } else if (word == "--folder" && at + 1 < words.size()) {
      arguments.folder = words[++at];
    } else if (word == "--faults" && at + 1 < words.size()) {
      for (const auto& name : split(words[++at])) {
        const auto found = faults_called(name);
        arguments.chosen.insert(arguments.chosen.end(), found.begin(), found.end());
      }
    } else {
      throw Failure("what is " + word + "? See storm --help");
    }
  }
  if (arguments.chosen.empty()) {
    for (const auto& fault : faults()) {
      if (!fault.needs_double || *STORM_DOUBLE) arguments.chosen.push_back(&fault);
    }
  }
  return arguments;
}

constexpr size_t kRoundsOfEpisode = 25;
constexpr int kSkipped = 77;  // the exit status of a test that this machine cannot run

// Which fault strikes in which round, in which episode.
std::vector<EpisodeOptions> plan(const Arguments& arguments, const std::string& folder) {
  std::mt19937_64 random(arguments.seed);
  std::vector<const Fault*> bag;
  std::vector<const Fault*> rounds[2];  // the second kind needs a small disk
  for (int64_t round = 0; round < arguments.rounds; ++round) {
    if (bag.empty()) {
      bag = arguments.chosen;
      std::shuffle(bag.begin(), bag.end(), random);
    }
    rounds[bag.back()->needs_small_disk ? 1 : 0].push_back(bag.back());
    bag.pop_back();
  }
  std::vector<EpisodeOptions> episodes;
  for (const bool small_disk : {false, true}) {
    const auto& all = rounds[small_disk ? 1 : 0];
    for (size_t begin = 0; begin < all.size(); begin += kRoundsOfEpisode) {
      EpisodeOptions episode;
      episode.folder = folder + "/" + std::to_string(episodes.size() + 1);
      episode.seed = random();
      episode.small_disk = small_disk;
      const size_t end = std::min(all.size(), begin + kRoundsOfEpisode);
      episode.rounds.assign(all.begin() + static_cast<ptrdiff_t>(begin),
                            all.begin() + static_cast<ptrdiff_t>(end));
      episodes.push_back(std::move(episode));
    }
  }
  return episodes;
}

// The folder that was asked for, or a fresh one.
std::string folder_for(const Arguments& arguments) {
  if (!arguments.folder.empty()) {
    if (!fs::create_directories(arguments.folder)) throw Failure(arguments.folder + " is there already");
    return fs::absolute(arguments.folder).string();
  }
  std::string name = (fs::temp_directory_path() / "clade-storm-XXXXXX").string();
  if (!mkdtemp(name.data())) throw Failure("cannot make a folder " + name);
  return name;
}

struct Tally {
  int64_t counted = 0;
  int64_t repeated = 0;
};

void print_table(const std::map<std::string, Tally>& tallies, const std::vector<const Fault*>& chosen) {
  std::printf("%-12s %8s %9s  %s\n", "fault", "counted", "repeated", "what");
  Tally sum;
  for (const auto& fault : faults()) {
    if (std::find(chosen.begin(), chosen.end(), &fault) == chosen.end()) continue;
    const auto found = tallies.find(fault.name);
    const Tally tally = found == tallies.end() ? Tally() : found->second;
    std::printf("%-12s %8lld %9lld  %s\n", fault.name, static_cast<long long>(tally.counted),
                static_cast<long long>(tally.repeated), fault.what);
    sum.counted += tally.counted;
    sum.repeated += tally.repeated;
  }
  std::printf("%-12s %8lld %9lld\n", "all", static_cast<long long>(sum.counted),
              static_cast<long long>(sum.repeated));
}

int run_load(Arguments arguments) {
  const auto needs = [&](auto member) {
    return std::any_of(arguments.chosen.begin(), arguments.chosen.end(),
                       [&](const Fault* fault) { return fault->*member; });
  };
  if (needs(&Fault::needs_double) && !*STORM_DOUBLE)
    throw Failure("a build with sanitizers has no double of the system's calls: choose other --faults");
  if (needs(&Fault::needs_small_disk) && !may_mount()) {
    std::printf(
        "left out: this machine lets nobody mount a small file system, which the fault \"disk\" needs\n");
    std::erase_if(arguments.chosen, [](const Fault* fault) { return fault->needs_small_disk; });
    if (arguments.chosen.empty()) return kSkipped;
  }
  const std::string folder = folder_for(arguments);
  std::map<std::string, Tally> tallies;
  const int64_t begun_us = steady_us();
  for (auto& episode : plan(arguments, folder)) {
    std::string last = "the start";
    episode.struck = [&](const Fault& fault, bool counted) {
      ++(counted ? tallies[fault.name].counted : tallies[fault.name].repeated);
      last = fault.name;
    };
    try {
      run_episode(episode);
    } catch (const std::exception& problem) {
      print_table(tallies, arguments.chosen);
      std::string names;
      for (const Fault* fault : arguments.chosen)
        names += (names.empty() ? "" : ",") + std::string(fault->name);
      std::printf(
          "\n%s\n\nafter %s, in %s, which is kept.\nThe same schedule: storm --rounds %lld --seed %llu "
          "--faults %s\n",
          problem.what(), last.c_str(), episode.folder.c_str(), static_cast<long long>(arguments.rounds),
          static_cast<unsigned long long>(arguments.seed), names.c_str());
      return 1;
    }
    if (arguments.folder.empty()) fs::remove_all(episode.folder);
  }
  print_table(tallies, arguments.chosen);
  std::printf("no promise was broken, in %.0f s (seed %llu)\n",
              static_cast<double>(steady_us() - begun_us) / 1e6,
              static_cast<unsigned long long>(arguments.seed));
  if (arguments.folder.empty()) fs::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace storm

int main(int count, char** words) {
  using namespace storm;
  const std::vector<std::string> given(words + 1, words + count);
  if (!given.empty() && (given[0] == "--help" || given[0] == "-h" || given[0] == "help")) {
    std::cout << kHelp;
    for (const auto& fault : faults()) std::printf("  %-7s %-10s %s\n", fault.group, fault.name, fault.what);
    return 0;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    const Arguments arguments = parse(given);
    return arguments.main_job ? run_main_job({folder_for(arguments), arguments.kills, arguments.seed,
                                              arguments.evaluations, !arguments.folder.empty()})
                              : run_load(arguments);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "storm: %s\n", problem.what());
    return 2;
  }
}
