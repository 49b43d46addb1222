#include "sim/counters.h"

#include <algorithm>
#include <iomanip>
#include <istream>
#include <numeric>
#include <ostream>

#include "run/status.h"
#include "sim/disk.h"

namespace sim {

using clade::queue::State;
using clade::queue::Verb;

Counters::Counters() {
  for (int from = 0; from < clade::queue::kStates; ++from) {
    for (int verb = 0; verb < clade::queue::kVerbs; ++verb) {
      if (next_state(static_cast<State>(from), static_cast<Verb>(verb)))
        counts_[edge_name(static_cast<State>(from), static_cast<Verb>(verb))] = 0;
    }
  }
  for (const auto& point : fault_points()) counts_["disk: " + name(point)] = 0;
  for (const char* what : {"all of it lost", "all of it kept", "some of it kept", "a write torn"})
    counts_["power loss, not synced: " + std::string(what)] = 0;
  for (const auto& status : clade::run::run_status_names()) {
    if (status != "running") counts_["run: " + status] = 0;
  }
  for (const char* what : {"ask answered",
                           "ask timed out",
                           "await told again",
                           "clade.all",
                           "clade.any",
                           "clade.any, all failed",
                           "clade.timeout",
                           "group came out again",
                           "given up: a read",
                           "given up: ask",
                           "given up: cell.eval",
                           "given up: process.run",
                           "given up: sleep",
                           "given up, its outcome unknown",
                           "clade.commit",
                           "clade.commit passed again",
                           "clade.commit, and its run failed",
                           "data.set",
                           "data.get",
                           "data.keys",
                           "data.delete",
                           "cell hung beyond a lease",
                           "lease ran out",
                           "lease ran out, after a stall that was longer",
                           "late write of a claimant",
                           "effect cut off, repeated",
                           "effect cut off, unknown",
                           "message: dead letter",
                           "message: handled",
                           "proposal: accepted",
                           "proposal: rejected",
                           "script published",
                           "script rolled back",
                           "script saved",
                           "scripts saved together",
                           "undone text forced",
                           "rejected text installed",
                           "version suspended",
                           "version resumed",
                           "version confirmed",
                           "version undone",
                           "version undone, as worse",
                           "version undone, and nobody could be asked",
                           "version cut off",
                           "version still on probation",
                           "role quarantined",
                           "role released",
                           "file written",
                           "write refused as late",
                           "life: stopped in order",
                           "life: killed",
                           "life: power lost",
                           "life: store failed",
                           "clock jumped",
                           "host stalled",
                           "run taken up again"})
    counts_[what] = 0;
}

std::string Counters::edge_name(State from, Verb verb) {
  const auto to = next_state(from, verb);
  return std::string("edge: ") + name(from) + " " + name(verb) + " " + (to ? name(*to) : "?");
}

void Counters::merge(const Counters& other) {
  for (const auto& [what, count] : other.counts_) counts_[what] += count;
  events_.insert(events_.end(), other.events_.begin(), other.events_.end());
}

void Counters::write(std::ostream& out) const {
  for (const auto& [what, count] : counts_) out << "count\t" << what << '\t' << count << '\n';
  for (const uint64_t events : events_) out << "events\t" << events << '\n';
}

clade::Result<Counters> Counters::read(std::istream& in) {
  Counters counters;
  std::string line;
  while (std::getline(in, line)) {
    const auto first = line.find('\t');
    const auto last = line.rfind('\t');
    if (first == std::string::npos) return clade::failure("invalid", "no line of counters: " + line);
    const uint64_t number = std::stoull(line.substr(last + 1));
    if (line.rfind("count\t", 0) == 0) {
      counters.counts_[line.substr(first + 1, last - first - 1)] += number;
    } else {
      counters.events_.push_back(number);
    }
  }
  return counters;
}

uint64_t Counters::median_events() const {
  if (events_.empty()) return 0;
  auto sorted = events_;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<int64_t>(sorted.size() / 2), sorted.end());
  return sorted[sorted.size() / 2];
}

bool Counters::report(std::ostream& out, bool judge) const {
  std::string rare;
  for (const auto& [what, count] : counts_) {
    out << std::setw(10) << count << "  " << what << '\n';
    if (count < kLeastHits) rare += "\n  " + what + ": " + std::to_string(count);
  }
  const uint64_t all = std::accumulate(events_.begin(), events_.end(), uint64_t{0});
  out << histories() << " histories, " << all << " events, in the median " << median_events()
      << " per history\n";
  if (!judge) return true;
  if (!rare.empty()) out << "Reached less than " << kLeastHits << " times:" << rare << '\n';
  const bool many = median_events() >= kLeastEvents;
  if (!many) out << "The median of events is below " << kLeastEvents << '\n';
  return rare.empty() && many;
}

}  // namespace sim
