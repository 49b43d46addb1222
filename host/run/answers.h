// Which answer of a recording a replayed call gets.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "run/journal.h"
#include "run/recording.h"

namespace clade::run {

// As in the original (handover.h), what the host can answer at once it does; results are handed one by one,
// when all strands wait, in the order of their turns.
enum class Matching {
  exact,  // the one of its strand and position; it must ask for the same
  loose,  // one to the same operation and arguments, for another version: of those that wait, the one whose
          // turn came first. A read may be answered several times, and a pause that was not there is over
          // when nothing else goes on
};

class Answers {
 public:
  using Answer = Recording::Answer;
  // Answers that may be given in this order, each once.
  struct Line {
    std::vector<const Answer*> answers;
    size_t next = 0;  // those before it have been given
  };
  // What there is for one call; as long as the Answers.
  struct Choice {
    const Answer* exact = nullptr;
    Line* own = nullptr;     // of its strand
    Line* anyone = nullptr;  // of all strands
  };

  // The recording must outlive this.
  Answers(const Recording& recording, Matching matching);

  // Of a call: `bytes` are its canonical arguments.
  Choice choice(const Place& place, const std::string& op, const std::string& bytes);
  // What it would get now; null if nothing. Takes no longer for many answers than for few.
  const Answer* first(const Choice& choice) const;
  // It was given.
  void give(const Answer& answer) { given_[index(answer)] = true; }

 private:
  // Those to the same operation and arguments.
  struct Same {
    Line all;
    std::map<std::string, Line> by_strand;
  };
  size_t index(const Answer& answer) const {
    return static_cast<size_t>(&answer - recording_.answers.data());
  }
  const Answer* next(Line& line) const;

  const Recording& recording_;
  std::vector<bool> given_;  // by index
  std::map<Place, const Answer*> by_place_;
  std::map<std::pair<std::string, std::string>, Same> by_request_;  // only for Matching::loose
  Matching matching_;
};

}  // namespace clade::run
