// How far an execution of a handler has come: what it asked for, what it was handed, and what is ready for
// it. Begins anew with every execution; kept by Handover.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace clade::run {

struct Run;

// A step of a run: strand and position.
using Place = std::pair<std::string, int64_t>;

struct Course {
  // What a call gets, made when its turn has come; puts it into the journal, unless that has it.
  using Make = std::function<Result<Value>(Run&)>;

  // True if the handler has come to this call.
  bool has_reached(const Place& place) const {
    const auto strand = reached.find(place.first);
    return strand != reached.end() && strand->second >= place.second;
  }

  std::map<std::string, int64_t> reached;    // strand → the position of its last call
  std::set<std::string> withdrawn;           // strands that clade.any gave up while they waited
  int64_t known = 0;                         // the last turn that a former execution left in the journal
  int64_t turn = 0;                          // of what was handed last
  int64_t now_ms = 0;                        // the run's time
  std::map<Place, Make> ready;               // what has a turn in the journal; without Make, what that says
  std::deque<std::pair<Place, Make>> fresh;  // what gets its turn when it is handed
  std::vector<Place> cut_off;                // called, and without a result from a former execution
};

}  // namespace clade::run
