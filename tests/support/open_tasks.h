// Every task of a queue that is not final, by id: those on disk, and those that memory alone tells of.
// Pointers are valid until the next change.
#pragma once

#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "queue/queue.h"
#include "store/database.h"

namespace clade::test {

inline std::vector<const queue::Task*> open_tasks(queue::Queue& queue, store::Database& database) {
  using queue::State;
  std::set<std::string> ids;
  for (const State state : {State::assigned, State::executing, State::reviewing, State::awaiting_approval})
    ids.insert(queue.ids(state).begin(), queue.ids(state).end());
  auto query =
      database.prepare("SELECT id FROM task WHERE state NOT IN ('completed', 'dead_letter', 'cancelled')");
  while (true) {
    const auto row = query.step();
    if (!row) throw std::runtime_error(row.error().message);
    if (!*row) break;
    ids.insert(query.text(0));
  }
  std::vector<const queue::Task*> tasks;
  for (const auto& id : ids) {
    if (const auto* task = queue.find(id)) tasks.push_back(task);
  }
  return tasks;
}

}  // namespace clade::test
