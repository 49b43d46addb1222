// Evaluations of a trivial chunk, each in a fresh process with full isolation: per second, one at a time and
// two at a time, and the median time to the first result. Lines "what<TAB>value<TAB>unit<TAB>better".
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "cell/pool.h"
#include "cell/zygote.h"
#include "loop/loop.h"

namespace {

using clade::cell::EvalRequest;
using clade::cell::EvalResult;

constexpr int kEvaluations = 2000;

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
    std::printf("eval_one_at_a_time\t%.0f\t1/s\thigher\n", one.per_second);
    std::printf("eval_two_at_a_time\t%.0f\t1/s\thigher\n", two.per_second);
    std::printf("eval_median\t%.2f\tms\tlower\n", one.median_ms);
  }
  return 0;
}
