// Versions on probation. Those that became current together, or that an agent runs together, are one install:
// it is confirmed as a whole, or undone as a whole.
//
//   began ──▶ on probation ──▶ confirmed: what its versions replaced is forgotten
//                 │  ▲ │
//                 │  │ └─────▶ undone: what they replaced is in force again
//          suspended │ resumed
//                 ▼  │
//             suspended: what they replaced is in force for the time being
//
// A host that is killed leaves its installs cut off: the next one begins with what they replaced. One that
// ends in order pauses them. Thread: the loop's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "script/version.h"
#include "store/writer.h"

namespace clade::script {

struct Install {
  // By name: the confirmed version that was in force; nothing for a name's first version.
  std::map<std::string, std::optional<Version>> before;
  bool suspended = false;
};

class Installs {
 public:
  // By number, from 1.
  const std::map<int64_t, Install>& all() const { return installs_; }
  // The install that a name is part of, 0 if it is confirmed.
  int64_t of(const std::string& name) const;
  // The install that another one has become part of; itself if it has not, 0 if it is decided.
  int64_t now(int64_t id) const;
  // What is in force instead of the name's current version, or nullptr. Borrowed.
  const Version* instead_of(const std::string& name) const;

  // As the store has it. Numbers that are given out are higher than `last`.
  void restore(int64_t id, const std::string& name, std::optional<Version> before);
  void count_from(int64_t last);

  // Begins one with these names; those in `joined` become part of it, and what they are suspected of is
  // forgotten: it has to prove itself as a whole. To be recorded once the names have their rows.
  int64_t begin(std::map<std::string, std::optional<Version>> before, const std::set<int64_t>& joined);
  void record(int64_t id, store::Batch& batch) const;
  // The name is part of its install no more.
  void leave(const std::string& name, store::Batch& batch);
  // Forgets one that is decided.
  void end(int64_t id, store::Batch& batch);
  void suspend(int64_t id, bool on);
  // The host ends in order.
  void pause(store::Batch& batch) const;

 private:
  void forget(int64_t id);

  std::map<int64_t, Install> installs_;
  std::map<std::string, int64_t> of_;
  std::map<int64_t, int64_t> joined_;  // those that became part of one that is not decided
  int64_t last_ = 0;
};

}  // namespace clade::script
