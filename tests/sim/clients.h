// Those who use the host of a history: they submit, cancel, approve, …, and hold it to what it acknowledged.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/claimant.h"
#include "sim/life.h"
#include "sim/plan.h"

namespace sim {

class Clients {
 public:
  explicit Clients(World& world) : world_(world), claimant_(world) {}

  // Does what an item says.
  void act(const Item& item, Life& life);
  // Cancels a task whose handler has just returned.
  void cancel_late(const std::string& task, Life& life);
  // To be called for every edge of every task.
  void observe(const clade::queue::Task& task, clade::queue::Verb verb) { claimant_.observe(task, verb); }
  // Decides and releases whatever waits for a person; true if there was something.
  bool tidy(Life& life);

 private:
  void stall(int64_t us);
  void submit(Random& random, Life& life);
  void submit_publish(Random& random, Life& life);
  void verb(const std::string& verb, const std::string& task, Life& life);
  void decide(Random& random, Life& life);
  void mail(Random& random, Life& life);
  void roll_back(Random& random, Life& life);
  void save(Random& random, Life& life);
  // Has what a file holds installed, though it was rejected before.
  void install(Random& random, Life& life);
  bool release(Life& life);
  // What a person has seen of the queue.
  std::vector<const clade::queue::Task*> open_tasks(Life& life);
  std::string next_name() { return "client" + std::to_string(++names_); }

  World& world_;
  Claimant claimant_;
  std::vector<std::string> tasks_;                         // that were submitted, acknowledged or not
  std::map<std::string, std::vector<std::string>> texts_;  // that were saved, by script
  uint64_t names_ = 0;
};

}  // namespace sim
