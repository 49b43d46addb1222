#include "sim/runner.h"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>
#include <stdexcept>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/plan.h"
#include "sim/promises.h"

namespace sim {
namespace {

// A process that plays histories and writes lines: "seed N" before each, "broken PROMISE<TAB>HOW" if it broke
// one, and its counters at the end.
class Player {
 public:
  template <class Work>
  explicit Player(Work work) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("no pipe for a player");
    std::fflush(nullptr);
    process_ = fork();
    if (process_ < 0) throw std::runtime_error("no process for a player");
    if (process_ == 0) {
      close(ends[0]);
      std::FILE* out = fdopen(ends[1], "w");
      work(folder_, out);
      std::fflush(nullptr);
      _exit(0);  // the folder is the parent's
    }
    close(ends[1]);
    descriptor_ = ends[0];
  }
  ~Player() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  int descriptor() const { return descriptor_; }
  // What it wrote since; false: it has ended.
  bool read() {
    char bytes[65536];
    const ssize_t count = ::read(descriptor_, bytes, sizeof bytes);
    if (count > 0) text_.append(bytes, static_cast<size_t>(count));
    return count > 0;
  }
  // Once it has ended: what broke, and its counters.
  std::optional<Failure> finish(Counters& counters) {
    int status = 0;
    waitpid(process_, &status, 0);
    std::optional<Failure> failure;
    uint64_t seed = 0;
    std::istringstream lines(text_);
    std::ostringstream counts;
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind("seed ", 0) == 0) {
        seed = std::stoull(line.substr(5));
      } else if (line.rfind("broken ", 0) == 0) {
        const auto tab = line.find('\t');
        failure = Failure{seed, {line.substr(7, tab - 7), line.substr(tab + 1)}};
      } else {
        counts << line << '\n';
      }
    }
    if (WIFSIGNALED(status))
      failure = Failure{seed, {kNoBug, std::string("it died: ") + strsignal(WTERMSIG(status))}};
    std::istringstream read(counts.str());
    if (auto its = Counters::read(read)) counters.merge(*its);
    return failure;
  }

 private:
  SwarmFolder folder_;
  pid_t process_ = -1;
  int descriptor_ = -1;
  std::string text_;
};

void write_broken(std::FILE* out, const Broken& broken) {
  std::string how = broken.how;
  for (char& letter : how) {
    if (letter == '\n') letter = ' ';
  }
  std::fprintf(out, "broken %s\t%s\n", broken.promise.c_str(), how.c_str());
}

// The seeds that one of the jobs plays.
void play_seeds(const RunOptions& options, unsigned job, SwarmFolder& folder, std::FILE* out) {
  Counters counters;
  for (uint64_t number = job; number < options.seeds; number += options.jobs) {
    HistoryOptions history;
    history.seed = options.from + number;
    history.lying_disk = options.lying_disk;
    std::fprintf(out, "seed %llu\n", static_cast<unsigned long long>(history.seed));
    std::fflush(out);
    auto end = play(history, folder, counters);
    if (options.twice && !end.broken) {
      Counters ignored;
      const auto again = play(history, folder, ignored);
      if (again.trace != end.trace) end.broken = Broken{"a seed is always the same history", "it is not"};
    }
    if (end.broken) {
      write_broken(out, *end.broken);
      break;
    }
  }
  std::ostringstream text;
  counters.write(text);
  std::fputs(text.str().c_str(), out);
}

}  // namespace

std::vector<Failure> run(const RunOptions& options, Counters& counters) {
  std::vector<std::unique_ptr<Player>> players;
  std::vector<pollfd> waiting;
  for (unsigned job = 0; job < options.jobs; ++job) {
    players.push_back(std::make_unique<Player>(
        [&](SwarmFolder& folder, std::FILE* out) { play_seeds(options, job, folder, out); }));
    waiting.push_back({players.back()->descriptor(), POLLIN, 0});
  }
  for (size_t open = players.size(); open > 0;) {
    if (poll(waiting.data(), waiting.size(), -1) < 0) continue;
    for (size_t job = 0; job < players.size(); ++job) {
      if (waiting[job].revents == 0 || players[job]->read()) continue;
      waiting[job].fd = -1;
      --open;
    }
  }
  std::vector<Failure> failures;
  for (auto& player : players) {
    if (auto failure = player->finish(counters)) failures.push_back(std::move(*failure));
  }
  return failures;
}

std::optional<Broken> play_apart(const HistoryOptions& options) {
  Player player([&](SwarmFolder& folder, std::FILE* out) {
    Counters ignored;
    const auto end = play(options, folder, ignored);
    if (end.broken) write_broken(out, *end.broken);
  });
  while (player.read()) continue;
  Counters ignored;
  auto failure = player.finish(ignored);
  return failure ? std::optional(failure->broken) : std::nullopt;
}

std::set<size_t> shrink(const HistoryOptions& options, const Broken& broken) {
  HistoryOptions smaller = options;
  const size_t parts = Plan::parts(options.seed);
  auto still_breaks = [&](const std::set<size_t>& without) {
    smaller.without = without;
    const auto other = play_apart(smaller);
    return other && other->promise == broken.promise;
  };
  std::set<size_t> without = options.without;
  // Ever smaller pieces, as long as one can go.
  for (size_t size = parts; size > 0; size /= 2) {
    for (bool any = true; any;) {
      any = false;
      for (size_t first = 0; first < parts; first += size) {
        auto tried = without;
        for (size_t part = first; part < std::min(parts, first + size); ++part) tried.insert(part);
        if (tried == without || !still_breaks(tried)) continue;
        without = std::move(tried);
        any = size == 1;
      }
    }
  }
  return without;
}

}  // namespace sim
