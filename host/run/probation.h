// Installs (script/install.h) at work: their runs are counted, and decide whether they stay.
//
//   on probation ──`runs` of them committed, or `ms` after the first──▶ confirmed
//      │  ▲
//      │  └──the version before failed on it as well, or nobody can tell any more──┐
//      └──a run failed──▶ suspended: new runs get the versions before, and one of them the suspect's task or
//      message
//                              └──it handled what the suspect had failed on──▶ undone
//
// A version that leaves a state of a form which the one before cannot go back to is not suspended: the agents
// of its role stop, as those of a quarantined one (standing.h), and what it failed on waits. A run that
// failed on something that the version before does not take undoes its install at once, and so does what its
// runs take by the rules of experience.h. What a version has been excused for counts as an ordinary failure
// from then on. Thread: the loop's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/value.h"
#include "run/experience.h"
#include "run/kernel.h"
#include "run/run.h"
#include "script/manifest.h"
#include "store/writer.h"

namespace clade::run {

// Something was decided about an install. It is written in the batch that was given; the roles run something
// else from now on, unless it was confirmed.
struct Decision {
  enum class Kind { suspended, resumed, confirmed, undone };
  Kind kind = Kind::confirmed;
  int64_t install = 0;
  std::vector<std::string> roles;    // that it is about
  std::vector<std::string> scripts;  // whose files are to be written back, of one that was undone
  std::string text;                  // for people
};

// What a line about a version tells of an error: its first line, and not all of a long one.
std::string first_line(const std::string& error);

class Probation {
 public:
  explicit Probation(const Kernel& kernel) : kernel_(kernel), rules_(kernel.library.swarm().probation) {}
  // Reads what former hosts have seen. Once. Errors: those of Experience::load.
  Status load(store::Database& database) { return experience_.load(database); }

  // What is wrong with what a run on probation is about to commit, by what the version before does
  // (experience.h); "" if nothing is. To be taken for its failure.
  std::string objection(const Run& run) const;
  // A run was committed, with this batch.
  std::optional<Decision> committed(const Run& run, store::Batch& batch);
  // A run failed, and `error` says how. A decision to suspend means that its task or message goes to the
  // version before, and no attempt is spent.
  std::optional<Decision> failed(const Run& run, const std::string& error);
  // Would `failed` of this run suspend its install?
  bool would_suspend(const Run& run) const;
  // Is this run to be handed over without blame: its install is suspended already?
  bool hands_over(const Run& run) const;
  // The version before takes nothing like what the suspect failed on: nobody can be asked.
  Decision undo_unanswered(int64_t install, store::Batch& batch);
  // Decides what time decides, and takes note of what has ended without the host's doing. `now` in ms;
  // `is_held` says of an install that its roles are stopped, so that time says nothing about it.
  std::vector<Decision> look(int64_t now, const std::function<bool(const Decision&)>& is_held,
                             store::Batch& batch);
  // When `look` has something to decide, in ms.
  std::optional<int64_t> next_due() const;

  // [{install, scripts=[{name, hash, before}], roles, runs, of=<runs that confirm it>, since, suspended,
  // suspect?= {run, trigger, error}}]
  Value status() const;

 private:
  struct Suspicion {
    int64_t run = 0;
    std::string role;
    Trigger trigger = Trigger::task;
    std::string trigger_id;
    std::string versions;  // that failed, for messages
    std::string error;
  };
  struct Record {
    int64_t runs = 0;      // committed
    int64_t first_at = 0;  // of these
    bool is_held = false;  // its time is over, but its roles are stopped
    std::optional<Suspicion> suspicion;
    std::set<std::string> excused;  // tasks and messages that the version before failed on as well
    std::map<std::string, std::deque<Cost>> costs;  // of these runs, by role
  };
  // The install that a run is evidence about: the version before handled what the suspect had failed on.
  int64_t evidence_about(const Run& run) const;
  // Forgets what is decided, or has become part of another install.
  void forget_ended();
  // The install that a run is about, as it is now; nothing if that is decided, or has other versions by now.
  std::optional<int64_t> install_of(const Run& run) const;
  bool is_open(const Suspicion& suspicion) const;
  Decision decide(Decision::Kind kind, int64_t install) const;
  Decision confirm(int64_t install, store::Batch& batch);
  // `reason` goes into the record with `detail`.
  Decision undo(int64_t install, const std::string& reason, Value detail, store::Batch& batch);
  Decision convict(int64_t install, const std::string& proof, store::Batch& batch);
  Decision resume(int64_t install, const std::string& why);
  std::string names_of(int64_t install, bool now) const;

  Kernel kernel_;
  script::ProbationRules rules_;
  std::map<int64_t, Record> records_;  // by install
  Experience experience_;
};

}  // namespace clade::run
