// What is in force and on probation by what happened to scripts, event after event: told apart from the
// host's own way to know.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/stored.h"

namespace sim {

class InForce {
 public:
  struct Script {
    std::string newest;              // hash
    std::string confirmed;           // what is in force if the newest fails, or its host is killed
    int64_t install = 0;             // that the newest is part of; 0: it is confirmed
    std::set<std::string> undone;    // texts that are accepted from nobody but who forces them
    std::set<std::string> rejected;  // … and those that no file makes current again by itself
  };

  // `forced`: names of people who forced what they installed.
  InForce(const std::vector<Stored::ScriptEvent>& events, const std::set<std::string>& forced);

  const std::map<std::string, Script>& scripts() const { return scripts_; }
  // What is wrong with the first event that could not be, or "".
  const std::string& wrong() const { return wrong_; }
  // What was in force when this event happened, before it.
  static InForce before(const std::vector<Stored::ScriptEvent>& events, size_t event);
  // The scripts of an install, in order.
  std::vector<std::string> names_of(int64_t install) const;
  // Was the run one of what an install replaced? What was rolled back meanwhile is no part of it any more.
  bool is_before(int64_t install, const Stored::Run& run) const;

 private:
  void take(const Stored::ScriptEvent& event, const std::set<std::string>& forced);
  void adopt(const Stored::ScriptEvent& event, const std::set<std::string>& forced);
  void decide(const Stored::ScriptEvent& event);

  std::map<std::string, Script> scripts_;
  std::string wrong_;
};

// The role whose agents run a script of the simulated swarm.
std::string role_of(const std::string& script);
// Has the run a version of this hash?
bool runs_version(const Stored::Run& run, const std::string& hash);

}  // namespace sim
