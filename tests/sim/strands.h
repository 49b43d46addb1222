// The strands of a played handler, as scripts/strands.lua has them: each waits for the host on its own, or
// for a group of others, which clade.all, clade.any or clade.timeout decides.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sim {

enum class Join { all, any, timeout };
const char* name(Join join);

class Strands {
 public:
  // The handler is strand "0", and ready.
  Strands() : strands_{{"0", {}}}, ready_{"0"} {}

  // The strand that goes on next, if one can; it is out of the line then.
  std::optional<std::string> next();
  bool any_ready() const { return !ready_.empty(); }
  // The strand that goes on waits for the host from now on, and goes on when it was answered.
  void wait(const std::string& strand) { strands_.at(strand).waits = true; }
  void answered(const std::string& strand);
  bool waits(const std::string& strand) const;
  // It waits for so many new ones, at least one. Returns their names.
  std::vector<std::string> join(const std::string& parent, Join kind, size_t count);

  // The handler itself may not, as long as others are there.
  struct End {
    std::vector<std::string> given_up;  // strands that waited for the host, and never go on
    std::string decided;                // the strand whose group is decided, as it goes on now; "" if none is
  };
  // The strand that went on has returned, or raised (`failed`).
  End end(const std::string& strand, bool failed);

  // How the last group of a strand came out: the number of the member that decided it, from 1; 0: none did.
  size_t outcome(const std::string& strand) const { return strands_.at(strand).outcome; }
  Join joined(const std::string& strand) const { return strands_.at(strand).kind; }
  // How many strands it has begun so far.
  size_t children(const std::string& strand) const { return strands_.at(strand).children; }
  bool over() const { return strands_.empty(); }

 private:
  struct Strand {
    std::string parent;
    size_t number = 0;  // in its group, from 1
    bool waits = false;
    size_t children = 0;
    // Of the group that it waits for, or waited for last.
    Join kind = Join::all;
    size_t pending = 0;
    std::vector<std::string> members;
    size_t outcome = 0;
  };
  void withdraw(const std::string& strand, std::vector<std::string>& given_up);

  std::map<std::string, Strand> strands_;
  std::deque<std::string> ready_;
};

}  // namespace sim
