#include "queue/schedule.h"

#include <catch2/catch.hpp>

namespace clade::queue {
namespace {

// The id of the first that may be claimed, "" for none.
std::string first(Schedule& schedule, int64_t now, const std::string& type = "") {
  const auto next = schedule.first(now, [&](const std::string& one) { return type.empty() || one == type; });
  return next ? next->id : "";
}

// Its age, of those that the store alone has.
int64_t first_stored(Schedule& schedule) {
  const auto next = schedule.first(0, [](const std::string&) { return true; });
  REQUIRE(next);
  CHECK(next->id.empty());
  return next->order;
}

TEST_CASE("priority comes first, then age") {
  Schedule schedule;
  schedule.add("young", "work", 5, 3, 0);
  schedule.add("old", "work", 5, 1, 0);
  schedule.add("urgent", "work", 9, 9, 0);
  CHECK(first(schedule, 0) == "urgent");
  schedule.remove("urgent");
  CHECK(first(schedule, 0) == "old");
  schedule.add("other", "check", 5, 2, 0);
  CHECK(first(schedule, 0) == "old");
  CHECK(first(schedule, 0, "check") == "other");
  CHECK(first(schedule, 0, "none").empty());
  CHECK(schedule.types() == std::map<std::string, size_t>{{"work", 2}, {"check", 1}});
  schedule.remove("other");
  CHECK(schedule.types() == std::map<std::string, size_t>{{"work", 2}});
}

TEST_CASE("those that the store alone has are in their place by priority and age") {
  Schedule schedule;
  for (const int64_t order : {1, 4, 6}) CHECK(schedule.add_stored("work", 5, order));
  CHECK(schedule.add_stored("check", 5, 3));
  CHECK(schedule.add_stored("work", 2, 2));
  schedule.add("held", "work", 5, 5, 0);
  schedule.add("waits", "work", 9, 7, 100);
  CHECK(schedule.size() == 7);
  CHECK(schedule.stored() == 5);
  CHECK(schedule.types() == std::map<std::string, size_t>{{"work", 6}, {"check", 1}});
  CHECK(first_stored(schedule) == 1);
  schedule.remove_stored("work", 5, 1);
  CHECK(first_stored(schedule) == 3);
  schedule.remove_stored("work", 5, 4);  // not the first of its kind
  schedule.remove_stored("check", 5, 3);
  CHECK(first(schedule, 0) == "held");
  schedule.remove("held");
  CHECK(first_stored(schedule) == 6);
  CHECK(first(schedule, 100) == "waits");
  schedule.remove("waits");
  schedule.remove_stored("work", 5, 6);
  CHECK(first_stored(schedule) == 2);
  SECTION("what is not there changes nothing") {
    schedule.remove_stored("work", 5, 2);
    schedule.remove_stored("work", 2, 3);
    schedule.remove_stored("check", 2, 2);
    CHECK(schedule.size() == 1);
    CHECK(first_stored(schedule) == 2);
  }
  SECTION("one that is older than the last of its kind has to be held") {
    CHECK_FALSE(schedule.add_stored("work", 2, 1));
    CHECK_FALSE(schedule.add_stored("work", 2, 2));
    CHECK(schedule.add_stored("work", 2, 3));
    CHECK(schedule.size() == 2);
  }
  SECTION("without any nothing is left") {
    schedule.remove_stored("work", 2, 2);
    CHECK(schedule.size() == 0);
    CHECK(schedule.types().empty());
    CHECK(first(schedule, 1000).empty());
  }
}

TEST_CASE("a task is not there before it is due, and then in its place by age") {
  Schedule schedule;
  schedule.add("later", "work", 5, 1, 100);
  schedule.add("now", "work", 5, 2, 0);
  CHECK(first(schedule, 99) == "now");
  CHECK(schedule.next_due(99) == 100);
  CHECK(first(schedule, 100) == "later");
  CHECK_FALSE(schedule.next_due(99));
  SECTION("what was due stays due when the clock jumps back") {
    CHECK(first(schedule, 50) == "later");
  }
  SECTION("a wait lasts no longer than a backoff when the clock was set back") {
    schedule.add("later", "work", 5, 1, 1000000);
    CHECK(first(schedule, 1000000 - 60000) == "now");
    CHECK(schedule.next_due(1000000 - 60000) == 1000000);
    CHECK(first(schedule, 1000000 - 60001) == "later");
    CHECK_FALSE(schedule.next_due(1000000 - 60001));
  }
  SECTION("a second entry of an id replaces the first") {
    schedule.add("later", "work", 1, 1, 0);
    CHECK(first(schedule, 100) == "now");
    schedule.remove("later");
    schedule.remove("now");
    CHECK(first(schedule, 1000).empty());
  }
}

TEST_CASE("what is due waits for its time no more, though nobody asked for it yet") {
  Schedule schedule;
  schedule.add("first", "work", 5, 1, 100);
  schedule.add("second", "work", 5, 2, 200);
  CHECK(schedule.next_due(100) == 200);
  CHECK_FALSE(schedule.next_due(200));
  CHECK(first(schedule, 200) == "first");
}

TEST_CASE("the backoff doubles from 1 s to 60 s") {
  CHECK(backoff_ms(1) == 1000);
  CHECK(backoff_ms(2) == 2000);
  CHECK(backoff_ms(3) == 4000);
  CHECK(backoff_ms(6) == 32000);
  CHECK(backoff_ms(7) == 60000);
  CHECK(backoff_ms(1000000) == 60000);
  CHECK(backoff_ms(0) == 1000);
}

}  // namespace
}  // namespace clade::queue
