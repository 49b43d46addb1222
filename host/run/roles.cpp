#include "run/roles.h"

#include <algorithm>

#include "queue/queue.h"

namespace clade::run {
namespace {

// Types that a role remembers: scripts make them up.
constexpr size_t kAsked = 1000;
// Combinations that a role remembers: what runs and what it replaced are among the last.
constexpr size_t kSaid = 16;

}  // namespace

void Roles::set(const std::string& role, const std::string& combination, const Value& info) {
  Role entry;
  for (const auto& pattern : info["tasks"].as_array()) entry.tasks.push_back(pattern.as_string());
  entry.mail = info["has"]["on_mail"].as_bool();
  entry.form = {info["schema"].as_integer(1), info["has"]["check"].as_bool(), info["has"]["back"].as_bool()};
  auto& said = said_[role];
  std::erase_if(said, [&](const auto& known) { return known.first == combination; });
  if (said.size() >= kSaid) said.erase(said.begin());
  said.emplace_back(combination, entry);
  roles_[role] = std::move(entry);
}

bool Roles::choose(const std::string& role, const std::string& combination) {
  auto& said = said_[role];
  const auto found =
      std::find_if(said.begin(), said.end(), [&](const auto& known) { return known.first == combination; });
  if (found == said.end()) return false;
  roles_[role] = found->second;
  std::rotate(found, found + 1, said.end());
  return true;
}

const Roles::Role& Roles::find(const std::string& role) const {
  static const Role kNone;
  const auto found = roles_.find(role);
  return found == roles_.end() ? kNone : found->second;
}

bool Roles::takes(const std::string& role, const std::string& type) const {
  const auto found = roles_.find(role);
  if (found == roles_.end()) return false;
  const Role& known = found->second;
  const auto asked = known.asked.find(type);
  if (asked != known.asked.end()) return asked->second;
  if (known.asked.size() >= kAsked) known.asked.clear();
  return known.asked[type] =
             std::any_of(known.tasks.begin(), known.tasks.end(),
                         [&](const std::string& pattern) { return queue::type_matches(pattern, type); });
}

bool Roles::handles(const std::string& type,
                    const std::function<bool(const std::string& role)>& counts) const {
  return std::any_of(roles_.begin(), roles_.end(),
                     [&](const auto& role) { return counts(role.first) && takes(role.first, type); });
}

bool Roles::handles(const std::string& type) const {
  return handles(type, [](const std::string&) { return true; });
}

std::vector<std::string> Roles::names() const {
  std::vector<std::string> names;
  for (const auto& role : roles_) names.push_back(role.first);
  return names;
}

std::string Roles::known_types() const {
  std::string text;
  for (const auto& [name, role] : roles_) {
    for (const auto& pattern : role.tasks) text += (text.empty() ? "" : ", ") + pattern;
  }
  return text;
}

bool Roles::takes_mail(const std::string& role) const {
  return find(role).mail;
}

std::optional<Roles::Form> Roles::form(const std::string& role, const std::string& combination) const {
  const auto said = said_.find(role);
  if (said == said_.end()) return std::nullopt;
  for (const auto& [known, words] : said->second) {
    if (known == combination) return words.form;
  }
  return std::nullopt;
}

}  // namespace clade::run
