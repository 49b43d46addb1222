#include "script/grants.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "script/nearest.h"

namespace clade::script {
namespace {

// What follows the colon of a grant.
enum class Subject { none, text, path };

struct Capability {
  std::string_view name;
  Subject subject;
  std::string_view example;
};

// Every capability there is.
constexpr std::array<Capability, 15> kCapabilities = {{
    {"queue.add", Subject::text, "queue.add:test_*"},
    {"queue.read", Subject::none, "queue.read"},
    {"mail.send", Subject::text, "mail.send:role:reviewer"},
    {"proposal.open", Subject::text, "proposal.open:code"},
    {"proposal.read", Subject::none, "proposal.read"},
    {"vote.cast", Subject::none, "vote.cast"},
    {"script.publish", Subject::text, "script.publish:skill:*"},
    {"file.write", Subject::path, "file.write:report/**"},
    {"rule.set", Subject::text, "rule.set:vote.*"},
    {"rule.read", Subject::none, "rule.read"},
    {"knowledge.read", Subject::path, "knowledge.read:packing/**"},
    {"skill.read", Subject::text, "skill.read:*"},
    {"ledger.read", Subject::none, "ledger.read"},
    {"cell.eval", Subject::none, "cell.eval"},
    {"process.run", Subject::text, "process.run:git status"},
}};

const Capability* find_capability(std::string_view name) {
  const auto* found = std::find_if(kCapabilities.begin(), kCapabilities.end(),
                                   [&](const Capability& capability) { return capability.name == name; });
  return found == kCapabilities.end() ? nullptr : found;
}

// Absolute, or climbing: such a path may lead out of the folder that the pattern names.
bool is_stray_path(std::string_view path) {
  if (path.starts_with('/') || path.find('\0') != std::string_view::npos) return true;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    if (path.substr(0, slash) == "..") return true;
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return false;
}

// Follows all ways through the pattern at once, so that no pattern is slow: |pattern| x |subject| steps.
bool matches(std::string_view pattern, std::string_view subject) {
  struct Step {
    char letter;
    bool star;
    bool crosses;  // `**`
  };
  std::vector<Step> steps;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const bool star = pattern[i] == '*';
    const bool twice = star && i + 1 < pattern.size() && pattern[i + 1] == '*';
    steps.push_back({pattern[i], star, twice});
    if (twice) ++i;
  }
  // reached[i]: the subject so far matches the first i steps.
  std::vector<char> reached(steps.size() + 1, 0);
  const auto skip_stars = [&] {
    for (size_t i = 0; i < steps.size(); ++i) {
      if (reached[i] && steps[i].star) reached[i + 1] = 1;
    }
  };
  reached[0] = 1;
  skip_stars();
  for (const char letter : subject) {
    std::vector<char> next(steps.size() + 1, 0);
    for (size_t i = 0; i < steps.size(); ++i) {
      if (!reached[i]) continue;
      if (!steps[i].star) {
        if (steps[i].letter == letter) next[i + 1] = 1;
      } else if (letter != '/' || steps[i].crosses) {
        next[i] = 1;
      }
    }
    reached.swap(next);
    skip_stars();
  }
  return reached.back() != 0;
}

bool any_covers(const std::vector<std::string>& grants, std::string_view capability,
                std::string_view subject) {
  return std::any_of(grants.begin(), grants.end(),
                     [&](const std::string& grant) { return grant_covers(grant, capability, subject); });
}

}  // namespace

bool grant_covers(std::string_view grant, std::string_view capability, std::string_view subject) {
  const size_t colon = grant.find(':');
  if (grant.substr(0, colon) != capability) return false;
  const Capability* known = find_capability(capability);
  if (!known) return false;
  if (known->subject == Subject::none) return colon == std::string_view::npos;
  if (colon == std::string_view::npos) return false;
  if (known->subject == Subject::path && is_stray_path(subject)) return false;
  return matches(grant.substr(colon + 1), subject);
}

Grants::Grants(std::string agent, std::vector<std::string> asked, std::vector<std::string> given,
               std::string role)
    : agent_(std::move(agent)), role_(std::move(role)), asked_(std::move(asked)), given_(std::move(given)) {
  if (role_.empty()) role_ = agent_.substr(0, agent_.find('#'));  // "builder#2" is an instance of builder
}

Status Grants::check(std::string_view capability, std::string_view subject) const {
  const bool asked = any_covers(asked_, capability, subject);
  const bool given = any_covers(given_, capability, subject);
  if (asked && given) return {};
  const Capability* known = find_capability(capability);
  std::string grant(capability);
  if (known && known->subject != Subject::none) grant += ":" + std::string(subject);
  const std::string who = "agent \"" + agent_ + "\" may not " + grant + ": ";
  if (known && known->subject == Subject::path && is_stray_path(subject)) {
    return failure("refused", who + "a path must be relative and without \"..\"");
  }
  const std::string asks = "agents/" + role_ + "/agent.yaml does not ask for it";
  const std::string gives = "swarm.yaml does not give it to the agent";
  const std::string add = ": add a grant that covers it under `grants` ";
  if (given) return failure("refused", who + asks + add + "there");
  if (asked) return failure("refused", who + gives + add + "there");
  return failure("refused", who + asks + " and " + gives + add + "in both");
}

Status check_grant_form(const std::string& grant) {
  const size_t colon = grant.find(':');
  const std::string name = grant.substr(0, colon);
  const std::string start = "the grant \"" + grant + "\" ";
  const Capability* known = find_capability(name);
  if (!known) {
    std::vector<std::string> names;
    names.reserve(kCapabilities.size());
    for (const auto& capability : kCapabilities) names.emplace_back(capability.name);
    const std::string hint = did_you_mean(name, names);
    return failure("invalid",
                   start + "names no capability" + (hint.empty() ? "; known: " + join_words(names) : hint));
  }
  const std::string example = "write it like \"" + std::string(known->example) + "\"";
  if (known->subject == Subject::none) {
    if (colon != std::string::npos) return failure("invalid", start + "takes no pattern: " + example);
    return {};
  }
  if (colon == std::string::npos)
    return failure("invalid", start + "needs a pattern after a colon: " + example);
  const std::string pattern = grant.substr(colon + 1);
  const bool blank_ends = pattern.empty() || pattern.front() == ' ' || pattern.back() == ' ';
  if (blank_ends)
    return failure("invalid",
                   start + "has a pattern that is empty or begins or ends with a blank: " + example);
  if (known->subject == Subject::path && is_stray_path(pattern)) {
    return failure("invalid", start + "matches nothing: its path must be relative and without \"..\"");
  }
  return {};
}

}  // namespace clade::script
