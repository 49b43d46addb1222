#include "cli/progress.h"

#include <cstdio>

#include <unistd.h>

#include "base/clock.h"
#include "cli/output.h"

namespace clade::cli {
namespace {

constexpr int64_t kIntervalUs = 100000;
constexpr size_t kColumns = 78;
constexpr const char* kClearLine = "\r\x1b[K";

}  // namespace

Progress::Progress(bool wanted) : shown_(wanted && isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (!any_) return;
  std::fputs(kClearLine, stderr);
  std::fflush(stderr);
}

void Progress::show(const std::string& text) {
  if (!shown_) return;
  const int64_t now = SystemClock().steady_us();
  if (now < next_at_us_) return;
  next_at_us_ = now + kIntervalUs;
  any_ = true;
  std::fputs((kClearLine + shortened(plain(text), kColumns)).c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace clade::cli
