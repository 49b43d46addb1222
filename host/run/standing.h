// The standing of what agents run: a combination of an agent's script and its skills at exact versions. It
// decides where its runs are placed, and whether there are any.
//
//   unconfirmed ──kConfirmRuns committed, or two kConfirmMs apart──▶ confirmed
//       │  ▲ └─────────────────────one death─────────────────────────┘
//       │  └──released by an operator──┐
//       └──kDeaths within kDeathsMs──▶ quarantined: its agents stop, what waits for them stays
//
// Quarantined is also what failed on probation and has no way back, because of its state (probation.h).
//
// Unconfirmed ones are alone in a cell, confirmed ones share cells. A death is a cell taken down by its run,
// not an error. Who is to blame is the host's own knowledge: it executes one run of a cell at a time. Stored
// as events of the agent's script (history.h), so that it outlives the host. Thread: the loop's.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "run/run.h"
#include "script/catalogue.h"
#include "store/database.h"
#include "store/writer.h"

namespace clade::run {

inline constexpr int64_t kConfirmRuns = 20;
inline constexpr int64_t kConfirmMs = 60000;
inline constexpr size_t kDeaths = 3;
inline constexpr int64_t kDeathsMs = 600000;

// What a person is told of a quarantined version.
std::string quarantine_text(const std::string& role, const std::string& version, const std::string& why);

// What a person is told if what a role would run now is quarantined, "" if it is not. From the store and the
// manifests, with a host or without. Errors: those of Statement, "corrupt", "not_found" (a skill is missing).
Result<std::string> stopped_advice(store::Database& database, const script::Catalogue& catalogue,
                                   const std::string& role);

class Standing {
 public:
  explicit Standing(const Clock& clock) : clock_(clock) {}
  // Reads what former hosts have seen. Once. Errors: those of Statement, "corrupt".
  Status load(store::Database& database);

  // May its programs share cells with others?
  bool confirmed(const std::string& combination) const;
  // Must it not run?
  bool quarantined(const std::string& combination) const;
  // False: nothing is, and nobody needs to ask for one.
  bool any_quarantined() const { return quarantined_ > 0; }

  // A run was committed, with this batch.
  void worked(const Run& run, store::Batch& batch);
  // A run took its cell down. True if its combination is quarantined for that, from now on.
  bool died(const Run& run, const std::string& reason, store::Batch& batch);
  // Quarantines a run's combination for another reason, worded as what the version did ("took …").
  void stop(const Run& run, const std::string& why, store::Batch& batch);
  // Why a combination is quarantined, "" if it is not.
  std::string why(const std::string& combination) const;
  // Lets a quarantined combination run again. Errors: "unchanged" (it is not quarantined).
  Status release(const std::string& role, const std::string& version, const std::string& combination,
                 const std::string& by, store::Batch& batch);

 private:
  enum class State { unconfirmed, confirmed, quarantined };
  struct Record {
    State state = State::unconfirmed;
    int64_t runs = 0;      // committed since it became unconfirmed, or died
    int64_t first_at = 0;  // of these
    std::deque<int64_t> deaths;
    std::string why;  // it was quarantined
  };
  void set(Record& record, State state);
  void note_death(Record& record, int64_t at);

  const Clock& clock_;
  std::map<std::string, Record> records_;  // by combination
  size_t quarantined_ = 0;
};

}  // namespace clade::run
