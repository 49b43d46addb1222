// What the checks of promises see: what is stored, what was witnessed, and what of each run has to be there.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/stored.h"
#include "sim/witness.h"

namespace sim {

// What of a run is in the store: all that it wanted if it was committed, else what it wanted at the last
// clade.commit that its journal has.
using Kept = std::map<int64_t, const Intent*>;

// What one check sees.
struct View {
  const Stored& stored;
  Witness& witness;
  const Kept& kept;
  const char* promise;
  // What is kept of a run, or nullptr.
  const Intent* kept_of(int64_t run) const {
    const auto found = kept.find(run);
    return found == kept.end() ? nullptr : found->second;
  }
  void broken(std::string how) const { witness.broken(promise, std::move(how)); }
};

// Finds that out.
Kept kept_intents(const Stored& stored, const Witness& witness);
// Is there such a message? One that went to several has an id for each.
bool is_there(const std::map<std::string, Stored::Message>& messages, const std::string& id);

// Calls take(from, event) for each edge of a task.
template <class Take>
void for_edges(const std::vector<Stored::Event>& events, Take take) {
  std::string state;
  for (const auto& event : events) {
    const bool edge = event.verb != "note" && event.verb != "late" && event.verb != "submit";
    if (edge) take(state, event);
    state = event.state;
  }
}

// The promises about what runs leave. Each notes the first breach that it finds.
void what_scripts_saw_is_there(const View& view);
void handlers_are_all_or_none(const View& view);
void states_are_the_last(const View& view);
void data_is_of_the_runs(const View& view);
void losers_are_ended(const View& view);
void files_are_written(const View& view);
void same_scripts_never_diverge(const View& view);

// … and those about versions on probation.
void scripts_are_in_force(const View& view);
void verdicts_are_proved(const View& view);
void suspicions_are_free(const View& view);

}  // namespace sim
