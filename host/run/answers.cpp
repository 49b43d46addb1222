#include "run/answers.h"

#include "run/read.h"

namespace clade::run {

Answers::Answers(const Recording& recording, Matching matching)
    : recording_(recording), given_(recording.answers.size()), matching_(matching) {
  for (const auto& answer : recording.answers) {
    if (matching == Matching::exact) {
      by_place_.emplace(Place(answer.strand, answer.position), &answer);
    } else if (answer.known) {
      Same& same = by_request_[{answer.op, answer.args}];
      same.all.answers.push_back(&answer);
      same.by_strand[answer.strand].answers.push_back(&answer);
    }
  }
}

Answers::Choice Answers::choice(const Place& place, const std::string& op, const std::string& bytes) {
  Choice choice;
  if (matching_ == Matching::exact) {
    const auto found = by_place_.find(place);
    if (found != by_place_.end()) choice.exact = found->second;
    return choice;
  }
  const auto found = by_request_.find({op, bytes});
  if (found == by_request_.end()) return choice;
  choice.anyone = &found->second.all;
  const auto own = found->second.by_strand.find(place.first);
  if (own != found->second.by_strand.end()) choice.own = &own->second;
  return choice;
}

const Answers::Answer* Answers::first(const Choice& choice) const {
  if (choice.exact) return choice.exact;
  const Answer* answer = choice.own ? next(*choice.own) : nullptr;
  if (!answer && choice.anyone) answer = next(*choice.anyone);
  if (answer || !choice.anyone) return answer;
  const Answer* last = choice.anyone->answers.back();
  return is_read(last->op) ? last : nullptr;
}

const Answers::Answer* Answers::next(Line& line) const {
  while (line.next < line.answers.size() && given_[index(*line.answers[line.next])]) ++line.next;
  return line.next < line.answers.size() ? line.answers[line.next] : nullptr;
}

}  // namespace clade::run
