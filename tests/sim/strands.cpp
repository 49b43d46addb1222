#include "sim/strands.h"

#include <algorithm>
#include <array>

namespace sim {

const char* name(Join join) {
  constexpr std::array<const char*, 3> kNames = {"clade.all", "clade.any", "clade.timeout"};
  return kNames.at(static_cast<size_t>(join));
}

std::optional<std::string> Strands::next() {
  if (ready_.empty()) return std::nullopt;
  std::string strand = std::move(ready_.front());
  ready_.pop_front();
  return strand;
}

void Strands::answered(const std::string& strand) {
  strands_.at(strand).waits = false;
  ready_.push_back(strand);
}

bool Strands::waits(const std::string& strand) const {
  const auto found = strands_.find(strand);
  return found != strands_.end() && found->second.waits;
}

std::vector<std::string> Strands::join(const std::string& parent, Join kind, size_t count) {
  std::vector<std::string> members;
  for (size_t number = 1; number <= count; ++number) {
    Strand& waiting = strands_.at(parent);
    members.push_back(parent + "." + std::to_string(++waiting.children));
    Strand& member = strands_[members.back()];
    member.parent = parent;
    member.number = number;
    ready_.push_back(members.back());
  }
  Strand& waiting = strands_.at(parent);
  waiting.kind = kind;
  waiting.pending = count;
  waiting.members = members;
  waiting.outcome = 0;
  return members;
}

Strands::End Strands::end(const std::string& strand, bool failed) {
  End end;
  const Strand ended = strands_.at(strand);
  strands_.erase(strand);
  if (ended.parent.empty()) return end;
  Strand& parent = strands_.at(ended.parent);
  --parent.pending;
  const bool decides = parent.kind == Join::timeout || (parent.kind == Join::any && !failed);
  if (decides) {
    parent.outcome = ended.number;
    for (const auto& member : parent.members) withdraw(member, end.given_up);
  } else if (parent.pending > 0) {
    return end;
  }
  parent.members.clear();
  end.decided = ended.parent;
  ready_.push_back(ended.parent);
  return end;
}

void Strands::withdraw(const std::string& strand, std::vector<std::string>& given_up) {
  const auto found = strands_.find(strand);
  if (found == strands_.end()) return;  // it has ended
  const Strand gone = std::move(found->second);
  strands_.erase(found);
  std::erase(ready_, strand);
  if (gone.waits) given_up.push_back(strand);
  for (const auto& member : gone.members) withdraw(member, given_up);
}

}  // namespace sim
