// The simulator as a program: plays histories of a host (history.h) and says which promise one broke.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "sim/file_system.h"
#include "sim/plan.h"
#include "sim/runner.h"

namespace {

constexpr const char* kUsage = R"text(usage: tests_sim [OPTION…]

Plays histories of a host: the real core over a simulated loop, clock, disk and cells, each from a seed.

  --seed N            play this one, and say what became of it
  --seeds N           play so many, from --from on (default 1), in --jobs processes
  --from N, --jobs N
  --verbose           print all that happens, with --seed
  --shrink            find the parts of a failing history without which it still fails, and print what is left
  --without 1,2,…     leave these parts out
  --twice             play each history twice: is it the same?
  --counters FILE     write what was reached
  --judge FILE…       add up what such files say; fail if something was reached too rarely. Last option
  --lying-disk        syncs do nothing: a planted bug that the simulator must find
)text";

struct Options {
  sim::RunOptions run;
  sim::HistoryOptions history;
  bool one = false;
  bool shrink = false;
  std::string counters;
  std::vector<std::string> judged;
};

[[noreturn]] void wrong(const std::string& what) {
  std::fprintf(stderr, "tests_sim: %s\n%s", what.c_str(), kUsage);
  std::exit(2);
}

uint64_t number(const std::string& text) {
  char* end = nullptr;
  const uint64_t value = std::strtoull(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0') wrong("\"" + text + "\" is no number");
  return value;
}

std::set<size_t> numbers(const std::string& text) {
  std::set<size_t> all;
  std::istringstream list(text);
  for (std::string item; std::getline(list, item, ',');) all.insert(number(item));
  return all;
}

Options parse(int count, char** arguments) {
  Options options;
  for (int at = 1; at < count; ++at) {
    const std::string name = arguments[at];
    auto value = [&]() -> std::string {
      if (++at >= count) wrong(name + " needs a value");
      return arguments[at];
    };
    if (name == "--help" || name == "-h") {
      std::fputs(kUsage, stdout);
      std::exit(0);
    } else if (name == "--seed") {
      options.one = true;
      options.history.seed = number(value());
    } else if (name == "--seeds") {
      options.run.seeds = number(value());
    } else if (name == "--from") {
      options.run.from = number(value());
    } else if (name == "--jobs") {
      options.run.jobs = static_cast<unsigned>(number(value()));
      if (options.run.jobs < 1) wrong("--jobs needs one at least");
    } else if (name == "--verbose") {
      options.history.print = true;
    } else if (name == "--shrink") {
      options.shrink = true;
    } else if (name == "--without") {
      options.history.without = numbers(value());
    } else if (name == "--twice") {
      options.run.twice = true;
    } else if (name == "--lying-disk") {
      options.run.lying_disk = options.history.lying_disk = true;
    } else if (name == "--counters") {
      options.counters = value();
    } else if (name == "--judge") {
      while (++at < count) options.judged.emplace_back(arguments[at]);
      if (options.judged.empty()) wrong("--judge needs files");
    } else {
      wrong("there is no option " + name);
    }
  }
  return options;
}

std::string joined(const std::set<size_t>& parts) {
  std::string text;
  for (const size_t part : parts) text += (text.empty() ? "" : ",") + std::to_string(part);
  return text;
}

// What to type to see a history again.
std::string command(uint64_t seed, const std::set<size_t>& without, bool lying_disk) {
  return "tests_sim --seed " + std::to_string(seed) + (lying_disk ? " --lying-disk" : "") +
         (without.empty() ? "" : " --without " + joined(without));
}

int play_one(const Options& options) {
  sim::HistoryOptions history = options.history;
  if (options.shrink) {
    history.print = false;
    const auto broken = sim::play_apart(history);
    if (!broken) {
      std::printf("Seed %llu breaks no promise: there is nothing to shrink.\n",
                  static_cast<unsigned long long>(history.seed));
      return 0;
    }
    history.without = sim::shrink(history, *broken);
    const size_t parts = sim::Plan::parts(history.seed);
    std::printf("It takes %zu of the %zu parts of this history:\n\n", parts - history.without.size(), parts);
    history.print = true;
    std::fflush(stdout);
    if (const auto again = sim::play_apart(history))
      std::printf("\nBroken: %s\n  %s\n", again->promise.c_str(), again->how.c_str());
    std::printf("Again: %s --verbose\n", command(history.seed, history.without, history.lying_disk).c_str());
    return 1;
  }
  sim::SwarmFolder folder;
  sim::Counters counters;
  const auto end = sim::play(history, folder, counters);
  std::printf("seed %llu: %llu events, trace %016llx\n", static_cast<unsigned long long>(history.seed),
              static_cast<unsigned long long>(end.events), static_cast<unsigned long long>(end.trace));
  if (!end.broken) return 0;
  std::printf("Broken: %s\n  %s\n", end.broken->promise.c_str(), end.broken->how.c_str());
  return 1;
}

int play_many(const Options& options) {
  sim::Counters counters;
  const auto failures = sim::run(options.run, counters);
  if (!options.counters.empty()) {
    std::ofstream out(options.counters);
    counters.write(out);
    if (!out.flush()) wrong("cannot write " + options.counters);
  }
  counters.report(std::cout, false);
  for (const auto& [seed, broken] : failures) {
    const std::string again = command(seed, {}, options.run.lying_disk);
    std::printf("\nSeed %llu breaks: %s\n  %s\n  again: %s --verbose\n  smaller: %s --shrink\n",
                static_cast<unsigned long long>(seed), broken.promise.c_str(), broken.how.c_str(),
                again.c_str(), again.c_str());
  }
  return failures.empty() ? 0 : 1;
}

int judge(const Options& options) {
  sim::Counters all;
  for (const auto& file : options.judged) {
    std::ifstream in(file);
    if (!in) wrong("cannot read " + file);
    const auto counters = sim::Counters::read(in);
    if (!counters) wrong(file + ": " + counters.error().message);
    all.merge(*counters);
  }
  return all.report(std::cout, true) ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  const Options options = parse(count, arguments);
  if (!options.judged.empty()) return judge(options);
  sim::register_file_system();
  return options.one ? play_one(options) : play_many(options);
}
