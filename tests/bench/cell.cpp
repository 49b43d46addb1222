// Evaluations of a trivial chunk, each in a fresh process with full isolation: per second, one, two and four
// at a time, and the median time to the first result; beside it, in the same run, bubblewrap starting
// /bin/true. Then what each layer of the isolation adds to a fork, and how late a soft deadline comes. Lines
// "what<TAB>value<TAB>unit<TAB>better".
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cell/landlock.h"
#include "cell/pool.h"
#include "cell/sandbox.h"
#include "cell/system_calls.h"
#include "cell/zygote.h"
#include "loop/loop.h"

namespace {

using clade::cell::EvalRequest;
using clade::cell::EvalResult;

constexpr int kEvaluations = 2000;
constexpr int kStarts = 100;
constexpr int kForks = 1000;
constexpr size_t kStops = 41;

struct Measure {
  double per_second = 0;
  double median_ms = 0;
};

Measure measure(clade::loop::Loop& loop, clade::cell::Zygote& zygote, int parallel) {
  clade::Log log;
  clade::SystemClock clock;
  clade::cell::PoolOptions options;
  options.parallel_evaluations = parallel;
  clade::cell::Pool pool(loop, zygote, options, log);
  std::vector<int64_t> times;
  int started = 0;
  const int64_t begin = clock.steady_us();
  std::function<void()> next = [&] {
    if (started == kEvaluations) return;
    ++started;
    EvalRequest request;
    request.main = {"return 1 + 1", "bench"};
    pool.evaluate(std::move(request), [&, at = clock.steady_us()](EvalResult result) {
      if (!result.ok) {
        std::fprintf(stderr, "an evaluation failed: %s\n", result.error.c_str());
        std::exit(1);
      }
      times.push_back(clock.steady_us() - at);
      if (times.size() == kEvaluations) loop.stop();
      next();
    });
  };
  for (int n = 0; n < parallel; ++n) next();
  loop.run();
  const auto elapsed = static_cast<double>(clock.steady_us() - begin);
  std::nth_element(times.begin(), times.begin() + kEvaluations / 2, times.end());
  return {kEvaluations / elapsed * 1e6, static_cast<double>(times[kEvaluations / 2]) / 1000};
}

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Median milliseconds of a program's start to its end. Exits if it cannot be started.
double start_ms(std::vector<std::string> arguments) {
  const clade::SystemClock clock;
  std::vector<char*> pointers;
  for (auto& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  std::vector<double> times;
  for (int n = 0; n < kStarts; ++n) {
    const int64_t begin = clock.steady_us();
    pid_t child = 0;
    int status = 1;
    if (posix_spawn(&child, pointers[0], nullptr, nullptr, pointers.data(), environ) == 0) {
      waitpid(child, &status, 0);
    }
    if (status != 0) {
      std::fprintf(stderr, "cannot run %s: is bubblewrap installed?\n", pointers[0]);
      std::exit(1);
    }
    times.push_back(static_cast<double>(clock.steady_us() - begin) / 1000);
  }
  return median(times);
}

// Median microseconds of a fork with `namespaces` whose child does `work` and ends.
double fork_us(int namespaces, const std::function<void()>& work) {
  const clade::SystemClock clock;
  std::vector<double> times;
  for (int n = 0; n < kForks; ++n) {
    const int64_t begin = clock.steady_us();
    const auto child =
        static_cast<pid_t>(syscall(SYS_clone, namespaces | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (child == 0) {
      work();
      _exit(0);
    }
    waitpid(child, nullptr, 0);
    times.push_back(static_cast<double>(clock.steady_us() - begin));
  }
  return median(times);
}

void print_layers() {
  const auto filter = clade::cell::system_call_filter();
  const auto ruleset = clade::cell::landlock_deny_all();
  const auto unprivileged = [] { prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); };
  const double bare = fork_us(0, unprivileged);
  const auto print = [&](const char* name, double with) {
    std::printf("layer_%s\t%.0f\tus\tlower\n", name, with - bare);
  };
  std::printf("bare_fork\t%.0f\tus\tlower\n", bare);
  print("namespaces", fork_us(clade::cell::kCellNamespaces, unprivileged));
  if (ruleset) {
    print("landlock", fork_us(0, [&] {
            unprivileged();
            clade::cell::landlock_restrict(*ruleset);
          }));
    close(*ruleset);
  }
  if (filter) {
    print("seccomp", fork_us(0, [&] {
            unprivileged();
            clade::cell::install_filter(*filter);
          }));
  }
  print("rlimits", fork_us(0, [&] {
          unprivileged();
          for (const int resource : {RLIMIT_AS, RLIMIT_CPU, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_FSIZE}) {
            rlimit limit{};
            getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
            setrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
          }
        }));
}

// Median milliseconds from the soft deadline of an endless loop to its report.
double lateness_ms(clade::loop::Loop& loop, clade::cell::Zygote& zygote) {
  constexpr int64_t kDeadlineMs = 50;
  clade::Log log;
  clade::cell::Pool pool(loop, zygote, {}, log);
  std::vector<double> times;
  std::function<void()> next = [&] {
    EvalRequest request;
    request.main = {"while true do end", "bench"};
    request.wall_ms = kDeadlineMs;
    request.cpu_ms = 10000;
    pool.evaluate(std::move(request), [&](const EvalResult& result) {
      times.push_back(static_cast<double>(result.wall_us) / 1000 - kDeadlineMs);
      if (times.size() == kStops) return loop.stop();
      next();
    });
  };
  next();
  loop.run();
  return median(times);
}

}  // namespace

int main() {
  auto zygote = clade::cell::Zygote::start(CLADE_BINARY);
  if (!zygote) {
    std::fprintf(stderr, "%s\n", zygote.error().message.c_str());
    return 1;
  }
  {
    clade::loop::Loop loop;
    clade::cell::Zygote cells = std::move(*zygote);
    cells.attach(loop, [](const std::string& reason) {
      std::fprintf(stderr, "the zygote is gone: %s\n", reason.c_str());
      std::exit(1);
    });
    const Measure one = measure(loop, cells, 1);
    const Measure two = measure(loop, cells, 2);
    const Measure four = measure(loop, cells, 4);
    std::printf("eval_one_at_a_time\t%.0f\t1/s\thigher\n", one.per_second);
    std::printf("eval_two_at_a_time\t%.0f\t1/s\thigher\n", two.per_second);
    std::printf("eval_four_at_a_time\t%.0f\t1/s\thigher\n", four.per_second);
    std::printf("eval_median\t%.2f\tms\tlower\n", one.median_ms);
    std::printf("deadline_lateness\t%.2f\tms\tlower\n", lateness_ms(loop, cells));
  }
  std::printf("bubblewrap_true\t%.2f\tms\tlower\n",
              start_ms({"/usr/bin/bwrap", "--ro-bind", "/", "/", "--unshare-all", "/bin/true"}));
  std::printf("bare_true\t%.2f\tms\tlower\n", start_ms({"/bin/true"}));
  print_layers();
  return 0;
}
