#include "script/grants.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/codec.h"
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

// A part of a pattern, or of what it is to match: a letter, `*` (no letter then) or `**`.
struct Step {
  char letter;
  bool star;
  bool crosses;  // `**`
};

std::vector<Step> steps_of(std::string_view pattern) {
  std::vector<Step> steps;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const bool star = pattern[i] == '*';
    const bool twice = star && i + 1 < pattern.size() && pattern[i + 1] == '*';
    steps.push_back({pattern[i], star, twice});
    if (twice) ++i;
  }
  return steps;
}

std::vector<Step> letters_of(std::string_view text) {
  std::vector<Step> letters;
  letters.reserve(text.size());
  for (const char letter : text) letters.push_back({letter, false, false});
  return letters;
}

// May `star` stand for this part? For a star of the other pattern only as a whole: what that stands for is
// unknown.
bool takes(const Step& star, const Step& part) {
  if (part.star) return star.crosses || !part.crosses;
  return star.crosses || part.letter != '/';
}

// Follows all ways through the pattern at once, so that no pattern is slow: |steps| x |subject| steps.
bool matches(const std::vector<Step>& steps, const std::vector<Step>& subject) {
  // reached[i]: the subject so far matches the first i steps.
  std::vector<char> reached(steps.size() + 1, 0);
  const auto skip_stars = [&] {
    for (size_t i = 0; i < steps.size(); ++i) {
      if (reached[i] && steps[i].star) reached[i + 1] = 1;
    }
  };
  reached[0] = 1;
  skip_stars();
  std::vector<char> next;
  for (const Step& part : subject) {
    next.assign(steps.size() + 1, 0);
    for (size_t i = 0; i < steps.size(); ++i) {
      if (!reached[i]) continue;
      if (steps[i].star) {
        if (takes(steps[i], part)) next[i] = 1;
      } else if (!part.star && steps[i].letter == part.letter) {
        next[i + 1] = 1;
      }
    }
    reached.swap(next);
    skip_stars();
  }
  return reached.back() != 0;
}

// What stands after the first colon.
std::string_view pattern_of(std::string_view grant) {
  return grant.substr(grant.find(':') + 1);
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
  return matches(steps_of(pattern_of(grant)), letters_of(subject));
}

bool grant_includes(std::string_view wide, std::string_view narrow) {
  const std::string_view name = narrow.substr(0, narrow.find(':'));
  if (name.size() == narrow.size()) return wide == narrow;
  if (wide.substr(0, wide.find(':')) != name || wide.size() == name.size()) return false;
  return matches(steps_of(pattern_of(wide)), steps_of(pattern_of(narrow)));
}

Grants::Grants(std::string agent, std::vector<std::string> asked, std::vector<GivenGrant> given,
               std::string role)
    : agent_(std::move(agent)), role_(std::move(role)), asked_(std::move(asked)) {
  if (role_.empty()) role_ = agent_.substr(0, agent_.find('#'));  // "builder#2" is an instance of builder
  for (auto& entry : given) {
    auto bucket = entry.rate ? std::optional<Bucket>(*entry.rate) : std::nullopt;
    given_.push_back({std::move(entry), std::move(bucket)});
  }
}

void Grants::ask(std::vector<std::string> asked) {
  asked_ = std::move(asked);
}

Status Grants::check(std::string_view capability, std::string_view subject) const {
  if (subject.size() > kSubjectBytes) {
    return failure("refused", who_may_not(capability, std::string(subject.substr(0, 40)) + "…") + ": " +
                                  std::to_string(subject.size()) + " bytes are too long a name, at most " +
                                  std::to_string(kSubjectBytes) + " are compared with grants");
  }
  const bool asked = std::any_of(asked_.begin(), asked_.end(), [&](const std::string& grant) {
    return grant_covers(grant, capability, subject);
  });
  const bool given = std::any_of(given_.begin(), given_.end(), [&](const Given& one) {
    return grant_covers(one.entry.grant, capability, subject);
  });
  if (asked && given) return {};
  const Capability* known = find_capability(capability);
  const std::string who = who_may_not(capability, subject) + ": ";
  if (known && known->subject == Subject::path && is_stray_path(subject)) {
    return failure("refused", who + "a path must be relative and without \"..\"");
  }
  const std::string asks = "agents/" + role_ + "/agent.yaml does not ask for it";
  const std::string gives = "swarm.yaml does not give it to the agent";
  const std::string add = ": add a grant that covers it under `grants` ";
  const std::string hint = hint_at_stars(capability, subject);
  if (given) return failure("refused", who + asks + add + "there" + hint);
  const std::string again = " (the host reads swarm.yaml when it starts)";
  if (asked) return failure("refused", who + gives + add + "there" + again + hint);
  return failure("refused", who + asks + " and " + gives + add + "in both" + again + hint);
}

std::string Grants::hint_at_stars(std::string_view capability, std::string_view subject) const {
  auto grants = asked_;
  for (const auto& given : given_) grants.push_back(given.entry.grant);
  for (const auto& grant : grants) {
    std::string wide;
    for (const char letter : grant) wide += letter == '*' ? "**" : std::string(1, letter);
    if (grant_covers(grant, capability, subject) || !grant_covers(wide, capability, subject)) continue;
    return "; \"" + grant + "\" does not cover it: * stands for anything but /, ** for that too";
  }
  return "";
}

std::string Grants::who_may_not(std::string_view capability, std::string_view subject) const {
  const Capability* known = find_capability(capability);
  std::string grant(capability);
  if (known && known->subject != Subject::none) grant += ":" + std::string(subject);
  return "agent \"" + agent_ + "\" may not " + grant;
}

Call::Call(Grants& grants, const Value& args, int64_t now_us)
    : grants_(grants), args_(args), now_us_(now_us) {}

Call::~Call() {
  if (kept_) return;
  for (Bucket* bucket : taken_) bucket->give_back();
}

int64_t Call::bytes() {
  if (!bytes_) bytes_ = static_cast<int64_t>(encode_msgpack(args_).size());
  return *bytes_;
}

Status Call::check(std::string_view capability, std::string_view subject) {
  if (auto status = grants_.check(capability, subject); !status || waived_) return status;
  std::vector<Grants::Given*> with_rate;
  std::string reasons;
  const auto add_reason = [&](const GivenGrant& entry, const std::string& reason) {
    reasons += (reasons.empty() ? "the grant \"" : "; the grant \"") + entry.grant + "\" in swarm.yaml has " +
               reason;
  };
  for (auto& given : grants_.given_) {
    if (!grant_covers(given.entry.grant, capability, subject)) continue;
    if (given.entry.size && bytes() > *given.entry.size) {
      add_reason(given.entry, "size " + size_text(*given.entry.size) + ", and this call takes " +
                                  std::to_string(bytes()) + " bytes");
    } else if (given.bucket) {
      with_rate.push_back(&given);
    } else {
      return {};
    }
  }
  bool may_wait = false;
  for (auto* given : with_rate) {
    if (given->bucket->take(now_us_)) {
      taken_.push_back(&*given->bucket);
      return {};
    }
    const std::string rate = "rate " + rate_text(*given->entry.rate);
    if (std::count(taken_.begin(), taken_.end(), &*given->bucket) == given->entry.rate->calls) {
      add_reason(given->entry, rate + ", and this call alone needs more");
    } else {
      add_reason(given->entry,
                 rate + ", and these are used up; next in " + wait_text(given->bucket->wait_us(now_us_)));
      may_wait = true;
    }
  }
  const std::string advice = may_wait            ? ": wait with clade.sleep, or raise the rate there"
                             : with_rate.empty() ? ": make the call smaller, or raise the size there"
                                                 : ": split it, or raise the rate there";
  return failure("refused", grants_.who_may_not(capability, subject) + (with_rate.empty() ? ": " : " now: ") +
                                reasons + advice);
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
