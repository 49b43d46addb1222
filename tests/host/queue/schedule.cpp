#include "queue/schedule.h"

#include <catch2/catch.hpp>

namespace clade::queue {
namespace {

bool any(const std::string&) {
  return true;
}

TEST_CASE("priority comes first, then age") {
  Schedule schedule;
  schedule.add("young", 5, 3, 0);
  schedule.add("old", 5, 1, 0);
  schedule.add("urgent", 9, 9, 0);
  CHECK(schedule.first(0, any) == "urgent");
  schedule.remove("urgent");
  CHECK(schedule.first(0, any) == "old");
  CHECK(schedule.first(0, [](const std::string& id) { return id != "old"; }) == "young");
  CHECK_FALSE(schedule.first(0, [](const std::string&) { return false; }));
}

TEST_CASE("a task is not there before it is due, and then in its place by age") {
  Schedule schedule;
  schedule.add("later", 5, 1, 100);
  schedule.add("now", 5, 2, 0);
  CHECK(schedule.first(99, any) == "now");
  CHECK(schedule.next_due(99) == 100);
  CHECK(schedule.first(100, any) == "later");
  CHECK_FALSE(schedule.next_due(99));
  SECTION("what was due stays due when the clock jumps back") {
    CHECK(schedule.first(50, any) == "later");
  }
  SECTION("a wait lasts no longer than a backoff when the clock was set back") {
    schedule.add("later", 5, 1, 1000000);
    CHECK(schedule.first(1000000 - 60000, any) == "now");
    CHECK(schedule.next_due(1000000 - 60000) == 1000000);
    CHECK(schedule.first(1000000 - 60001, any) == "later");
    CHECK_FALSE(schedule.next_due(1000000 - 60001));
  }
  SECTION("a second entry of an id replaces the first") {
    schedule.add("later", 1, 1, 0);
    CHECK(schedule.first(100, any) == "now");
    schedule.remove("later");
    schedule.remove("now");
    CHECK_FALSE(schedule.first(1000, any));
  }
}

TEST_CASE("what is due waits for its time no more, though nobody asked for it yet") {
  Schedule schedule;
  schedule.add("first", 5, 1, 100);
  schedule.add("second", 5, 2, 200);
  CHECK(schedule.next_due(100) == 200);
  CHECK_FALSE(schedule.next_due(200));
  CHECK(schedule.first(200, any) == "first");
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
