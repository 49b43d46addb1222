// The rules by which a version on probation is compared with the one before.
#include "run/experience.h"

#include <string>

#include <catch2/catch.hpp>

namespace clade::run {
namespace {

constexpr int64_t kMb = 1 << 20;

std::deque<Cost> runs(size_t count, const Cost& each) {
  return std::deque<Cost>(count, each);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a version that takes as much as the one before is not worse") {
  const Cost usual{"a", 2000, 10, 3 * kMb, 2};
  CHECK(worse_than(runs(20, usual), runs(20, usual)).empty());
  // What a fresh VM takes while it compiles.
  CHECK(worse_than(runs(20, {"a", 7000, 20, 5 * kMb, 2}), runs(20, usual)).empty());
  // Of tiny handlers nothing is said.
  CHECK(worse_than(runs(20, {"a", 600, 1, kMb, 0}), runs(20, {"a", 50, 0, kMb, 0})).empty());
}

TEST_CASE("ten times the processor time is worse, by the median") {
  const auto before = runs(20, {"a", 2000, 10, kMb, 0});
  CHECK(has(worse_than(runs(5, {"a", 20000, 10, kMb, 0}), before),
            "20.0 ms of processor time, and 2.0 ms before"));
  CHECK(worse_than(runs(4, {"a", 20000, 10, kMb, 0}), before).empty());
  auto mixed = runs(5, {"a", 2000, 10, kMb, 0});
  mixed[1].cpu_us = mixed[3].cpu_us = 90000;
  CHECK(worse_than(mixed, before).empty());
  mixed[4].cpu_us = 90000;
  CHECK_FALSE(worse_than(mixed, before).empty());
  CHECK(worse_than(runs(5, {"a", 20000, 10, kMb, 0}), runs(4, {"a", 2000, 10, kMb, 0})).empty());
}

TEST_CASE("a version that waits ten times as long is worse") {
  const auto before = runs(20, {"a", 2000, 300, kMb, 0});
  CHECK(has(worse_than(runs(5, {"a", 2000, 3000, kMb, 0}), before), "3000 ms, and 300 ms before"));
  CHECK(worse_than(runs(5, {"a", 2000, 2000, kMb, 0}), before).empty());
}

TEST_CASE("a version that holds much more memory is worse") {
  const auto before = runs(20, {"a", 2000, 10, 2 * kMb, 0});
  CHECK(has(worse_than(runs(5, {"a", 2000, 10, 40 * kMb, 0}), before),
            "40.0 MB of memory after a run, and 2.0 MB"));
  CHECK(worse_than(runs(5, {"a", 2000, 10, 15 * kMb, 0}), before).empty());
}

TEST_CASE("a leak is what grows with every run of an agent") {
  std::deque<Cost> costs;
  for (int64_t n = 0; n < 10; ++n) {
    costs.push_back({"a", 2000, 10, kMb + n * kMb / 8, 0});
    costs.push_back({"b", 2000, 10, kMb, 0});
  }
  costs.push_back({"a", 2000, 10, 3 * kMb, 0});
  CHECK(has(worse_than(costs, {}), "grew with each of the last 10 runs of a"));
  costs.push_back({"b", 2000, 10, kMb, 0});
  CHECK(worse_than(costs, {}).empty());
  costs.push_back({"a", 2000, 10, 3 * kMb, 0});  // not this time
  CHECK(worse_than(costs, {}).empty());
}

TEST_CASE("a flood is far more than any run of the version before sent") {
  const auto before = runs(5, {"a", 2000, 10, kMb, 7});
  CHECK(floods(70, before).empty());
  CHECK(has(floods(71, before), "71 tasks and messages in one run, and at most 7 before"));
  CHECK(floods(50, runs(5, {"a", 2000, 10, kMb, 0})).empty());
  CHECK_FALSE(floods(51, runs(5, {"a", 2000, 10, kMb, 0})).empty());
  CHECK(floods(5000, runs(4, {"a", 2000, 10, kMb, 0})).empty());
}

TEST_CASE("of many combinations those that ran last are remembered") {
  Experience experience;
  experience.add("first", {"a", 1, 1, 1, 0});
  for (size_t n = 1; n < kCombinations; ++n) experience.add(std::to_string(n), {"a", 1, 1, 1, 0});
  experience.add("first", {"a", 1, 1, 1, 0});
  experience.add("last", {"a", 1, 1, 1, 0});
  CHECK(experience.of("first").size() == 2);
  CHECK(experience.of("last").size() == 1);
  CHECK(experience.of("1").empty());
  for (size_t n = 0; n < 30; ++n) experience.add("last", {"a", 1, 1, 1, 0});
  CHECK(experience.of("last").size() == kRemembered);
}

}  // namespace clade::run
