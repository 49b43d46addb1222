#include "run/shadow.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "run/program.h"

namespace clade::run {
namespace {

// Runs that are looked through for some of a role.
constexpr int64_t kLookedThrough = 2000;
// Of a line that differs.
constexpr size_t kShown = 120;

Program as_agent(Program program, const std::string& agent) {
  program.agent = agent;
  program.key = content_hash(program.key + agent);
  program.confirmed = false;
  return program;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, std::min(end - at, kShown)));
    at = end + 1;
  }
  return lines;
}

// The first line that is another: "result 1, not result 2".
std::string first_difference(const std::string& before, const std::string& now) {
  const auto was = lines_of(before);
  const auto is = lines_of(now);
  const auto [old_line, new_line] = std::mismatch(was.begin(), was.end(), is.begin(), is.end());
  const auto shown = [](auto line, auto end) { return line == end ? std::string("nothing") : *line; };
  return shown(new_line, is.end()) + ", not " + shown(old_line, was.end());
}

}  // namespace

std::string shadow_text(const ShadowReport& report) {
  if (report.differences.empty()) return "";
  const auto& first = report.differences.front();
  return "of its last " + std::to_string(report.runs) + " runs " + std::to_string(report.differences.size()) +
         " would have ended otherwise, run " + std::to_string(first.run) + ": " +
         first_difference(first.before, first.now);
}

Shadow::Shadow(EventLoop& loop, store::Database& reader, const store::Blobs& blobs, Executor& executor,
               ReportTo report_to)
    : loop_(loop), reader_(reader), blobs_(blobs), executor_(executor), report_to_(std::move(report_to)) {}

Shadow::~Shadow() {
  *alive_ = false;
  report_to_(nullptr);
}

void Shadow::compare(const std::string& role, Program program, std::function<void(ShadowReport)> done) {
  waiting_.push_back({role, std::move(program), std::move(done), last_runs(role), {}});
  if (waiting_.size() > 1) return;
  loop_.post([this, alive = alive_] {
    if (*alive) next();
  });
}

std::deque<int64_t> Shadow::last_runs(const std::string& role) {
  std::deque<int64_t> runs;
  auto rows = reader_.prepare(
      "SELECT id FROM (SELECT id, role, status, recorded FROM run ORDER BY id DESC LIMIT ?1) AS last WHERE "
      "role = ?2 AND "
      "status = 'committed' AND recorded = 1 AND (SELECT coalesce(sum(length(result)), 0) FROM journal WHERE "
      "run = "
      "last.id AND result_blob = '') <= ?3 ORDER BY id DESC LIMIT ?4");
  rows.bind(1, kLookedThrough).bind(2, role).bind(3, kShadowBytes).bind(4, kShadowRuns);
  for (;;) {
    auto row = rows.step();
    if (!row || !*row) return runs;
    runs.push_back(rows.integer(0));
  }
}

void Shadow::next() {
  if (waiting_.empty()) return;
  Comparison& comparison = waiting_.front();
  if (comparison.runs.empty()) {
    Comparison ended = std::move(comparison);
    waiting_.pop_front();
    ended.done(std::move(ended.report));
    return next();
  }
  const int64_t run = comparison.runs.front();
  comparison.runs.pop_front();
  auto recording = read_recording(reader_, blobs_, run);
  auto before = recording ? pinned_program(reader_, recording->role, recording->agent, recording->version,
                                           recording->pins)
                          : Result<Program>(failure(recording.error()));
  if (!before) return next();
  recording_ = std::move(*recording);
  // Both under the same rule, whichever order the original's strands had.
  replay(as_agent(std::move(*before), recording_.agent), [this, run](Replayed was) {
    replay(as_agent(waiting_.front().program, recording_.agent),
           [this, run, was = std::move(was)](Replayed is) {
             Comparison& current = waiting_.front();
             ++current.report.runs;
             std::string text = replayed_text(was);
             std::string other = replayed_text(is);
             if (text != other)
               current.report.differences.push_back({run, std::move(text), std::move(other)});
             next();
           });
  });
}

void Shadow::replay(const Program& program, std::function<void(Replayed)> done) {
  // Its end comes from within an event of the executor, which must find it there.
  replay_ = std::make_unique<Replay>(recording_, executor_, Matching::loose,
                                     [this, alive = alive_, done = std::move(done)](Replayed replayed) {
                                       loop_.post([alive, done, replayed = std::move(replayed)]() mutable {
                                         if (*alive) done(std::move(replayed));
                                       });
                                     });
  report_to_(replay_.get());
  replay_->start(program);
}

}  // namespace clade::run
