// Those who use the host of a history: they submit, cancel, approve, …, and hold it to what it acknowledged.
#pragma once

#include <string>
#include <vector>

#include "sim/life.h"
#include "sim/plan.h"

namespace sim {

class Clients {
 public:
  explicit Clients(World& world) : world_(world) {}

  // Does what an item says.
  void act(const Item& item, Life& life);
  // Cancels a task whose handler has just returned.
  void cancel_late(const std::string& task, Life& life);
  // Decides and releases whatever waits for a person; true if there was something.
  bool tidy(Life& life);

 private:
  void submit(Random& random, Life& life);
  void submit_publish(Random& random, Life& life);
  void verb(const std::string& verb, const std::string& task, Life& life);
  void decide(Random& random, Life& life);
  void mail(Random& random, Life& life);
  void roll_back(Random& random, Life& life);
  bool release(Life& life);
  std::string next_name() { return "client" + std::to_string(++names_); }

  World& world_;
  std::vector<std::string> tasks_;  // that were submitted, acknowledged or not
  uint64_t names_ = 0;
};

}  // namespace sim
