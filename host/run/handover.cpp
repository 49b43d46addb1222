#include "run/handover.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace clade::run {

Handover::Handover(Executor& executor, Find find, Diverged diverged, TakeUp take_up)
    : executor_(executor),
      find_(std::move(find)),
      diverged_(std::move(diverged)),
      take_up_(std::move(take_up)) {}

void Handover::begin(Run& run) {
  run.course = Course();
  run.course.known = run.journal.last_turn();
  run.course.now_ms = run.started_at;
}

void Handover::at_once(Run& run, const std::string& strand, Result<Value> result) {
  executor_.answer(run.id, strand, std::move(result), run.course.now_ms);
}

void Handover::ready(Run& run, const Place& place, Course::Make make) {
  Course& course = run.course;
  if (!course.has_reached(place) || course.withdrawn.count(place.first) > 0) return;
  if (run.awaiting.count(place) > 0) return;  // it is being stored
  const Journal::Entry* entry = run.journal.at(place);
  if (entry && entry->turn != 0) {
    course.ready.insert_or_assign(place, std::move(make));
  } else {
    course.fresh.emplace_back(place, std::move(make));
  }
}

void Handover::withdraw(Run& run, const std::string& strand) {
  Course& course = run.course;
  course.withdrawn.insert(strand);
  // It waits for its last call.
  const Place place(strand, course.reached[strand]);
  course.ready.erase(place);
  std::erase_if(course.fresh, [&](const auto& item) { return item.first == place; });
  std::erase(course.cut_off, place);
}

void Handover::go_on(int64_t number) {
  for (Run* run = find_(number); run && executor_.at_rest(number); run = find_(number)) {
    Course& course = run->course;
    auto next = run->journal.turn_after(course.turn);
    // What a strand that was given up did not live to see is skipped.
    while (next && course.withdrawn.count(next->second.first) > 0)
      next = run->journal.turn_after(course.turn = next->first);
    const bool again = next && next->first <= course.known;
    if (again && !course.has_reached(next->second)) {
      diverged_(*run, run->journal.not_called(next->second));
      return;
    }
    if (!again && !course.cut_off.empty()) {
      for (const auto& place : std::exchange(course.cut_off, {})) {
        if (Run* live = find_(number)) take_up_(*live, place);
      }
      continue;
    }
    Place place;
    Course::Make make;
    if (next) {
      const auto found = course.ready.find(next->second);
      if (found == course.ready.end()) return;  // it is being stored, or tried once more
      place = found->first;
      make = std::move(found->second);
      course.ready.erase(found);
    } else if (!course.fresh.empty()) {
      std::tie(place, make) = std::move(course.fresh.front());
      course.fresh.pop_front();
    } else {
      return;
    }
    auto result = make ? make(*run) : run->journal.at(place)->result;
    const Journal::Entry& entry = *run->journal.at(place);
    course.turn = std::max(course.turn, entry.turn);
    course.now_ms = std::max(course.now_ms, entry.finished_at);
    at_once(*run, place.first, std::move(result));
  }
}

std::string Handover::left_out(const Run& run) {
  for (const auto& [place, entry] : run.journal.entries()) {
    if (!run.course.has_reached(place) && run.course.withdrawn.count(place.first) == 0)
      return run.journal.not_called(place);
  }
  return "";
}

}  // namespace clade::run
