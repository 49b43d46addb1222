// What the scripts of roles handle, by their own words (protocol.h, "loaded"). Thread: the loop's.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/value.h"

namespace clade::run {

class Roles {
 public:
  // What a role's script says of itself when it runs as this combination (program.h). It is in force from now
  // on.
  void set(const std::string& role, const std::string& combination, const Value& info);
  // What it said as this combination is in force again. False, with no change, if nothing is known of it.
  bool choose(const std::string& role, const std::string& combination);

  // Does the role take tasks of this type; does any?
  bool takes(const std::string& role, const std::string& type) const;
  bool handles(const std::string& type) const;
  // Does any of those that `counts`?
  bool handles(const std::string& type, const std::function<bool(const std::string& role)>& counts) const;
  std::vector<std::string> names() const;
  // The patterns there are, for messages.
  std::string known_types() const;
  bool takes_mail(const std::string& role) const;
  // How a combination keeps its state.
  struct Form {
    int64_t schema = 1;      // the number of its form
    bool checks = false;     // it has a `check`
    bool goes_back = false;  // it takes a state of a higher number back to its own, or says that it does
  };
  // Nothing of a combination that nothing is known of.
  std::optional<Form> form(const std::string& role, const std::string& combination) const;

 private:
  struct Role {
    std::vector<std::string> tasks;  // patterns
    bool mail = false;
    Form form;
    mutable std::unordered_map<std::string, bool> asked;  // types, and whether it takes them
  };
  const Role& find(const std::string& role) const;

  std::map<std::string, Role> roles_;  // in force
  // By role: combinations, the one that was in force last at the end.
  std::map<std::string, std::vector<std::pair<std::string, Role>>> said_;
};

}  // namespace clade::run
