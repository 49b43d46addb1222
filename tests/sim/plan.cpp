#include "sim/plan.h"

#include <array>

#include "sim/random.h"

namespace sim {
namespace {

constexpr std::array<const char*, 15> kDeeds = {"submit", "publish",   "cancel", "retry",     "decide",
                                                "mail",   "roll back", "save",   "install",   "release",
                                                "stall",  "jump",      "claim",  "come back", "compare"};
constexpr std::array<const char*, 3> kEnds = {"stopped in order", "killed", "power lost"};

Item draw_item(Random& random) {
  struct Weight {
    Deed deed;
    uint64_t weight;
  };
  static constexpr Weight kWeights[] = {{Deed::submit, 40},   {Deed::submit_publish, 5}, {Deed::cancel, 9},
                                        {Deed::retry, 9},     {Deed::decide, 10},        {Deed::mail, 8},
                                        {Deed::roll_back, 4}, {Deed::save, 12},          {Deed::install, 4},
                                        {Deed::release, 4},   {Deed::stall, 3},          {Deed::jump, 3},
                                        {Deed::claim, 4},     {Deed::come_back, 1},      {Deed::compare, 5}};
  uint64_t sum = 0;
  for (const auto& [deed, weight] : kWeights) sum += weight;
  uint64_t left = random.below(sum);
  Item item;
  for (const auto& [deed, weight] : kWeights) {
    item.deed = deed;
    if (left < weight) break;
    left -= weight;
  }
  item.gap_us = static_cast<int64_t>(random.below(random.percent(15) ? 8000000 : 400000));
  item.seed = random.next();
  return item;
}

// How many operations of this kind a life has, more or less.
uint64_t usual_count(const FaultPoint& point) {
  const bool log = point.part == Part::log;
  switch (point.op) {
    case Op::read:
      return log ? 250 : 60;
    case Op::write:
      return log ? 400 : 30;
    case Op::sync:
      return log ? 80 : 1;
    default:
      return 1;
  }
}

Fault draw_fault(Random& random, LifePlan& life) {
  Fault fault;
  fault.point = random.below(fault_points().size());
  const FaultPoint& point = fault_points()[fault.point];
  const bool at_any_time =
      point.op == Op::read || (point.part == Part::log && (point.op == Op::write || point.op == Op::sync));
  // The others come when the host stops in order.
  if (!at_any_time) life.end = End::stop;
  fault.skip = static_cast<int64_t>(random.below(usual_count(point)));
  return fault;
}

}  // namespace

const char* name(Deed deed) {
  return kDeeds.at(static_cast<size_t>(deed));
}

const char* name(End end) {
  return kEnds.at(static_cast<size_t>(end));
}

Plan::Plan(uint64_t seed, const std::set<size_t>& without) {
  Random random(mix(seed, "plan"));
  const uint64_t item_count = 8 + random.below(12);
  const uint64_t life_count = 1 + random.below(4);
  deaths = random.percent(50) ? random.below(random.percent(20) ? 150 : 30) : 0;
  hangs = random.percent(25) ? 1 + random.below(8) : 0;
  approve_auto = random.percent(25);
  odd_tasks = random.percent(6);
  size_t part = 0;
  for (uint64_t number = 0; number < item_count; ++number) {
    const Item item = draw_item(random);
    if (!without.count(part++)) items.push_back(item);
  }
  for (uint64_t number = 0; number < life_count; ++number) {
    LifePlan life;
    life.items = 2 + random.below(2 * item_count / (life_count + 1));
    life.linger_us = static_cast<int64_t>(random.below(random.percent(30) ? 10000000 : 500000));
    life.end = static_cast<End>(random.below(3));
    if (random.percent(80)) life.fault = draw_fault(random, life);
    life.power_lost_after = random.percent(40);
    life.early = random.percent(30);
    if (!without.count(part++)) lives.push_back(life);
  }
}

size_t Plan::parts(uint64_t seed) {
  const Plan whole(seed, {});
  return whole.items.size() + whole.lives.size();
}

}  // namespace sim
