#include "base/clock.h"

#include <catch2/catch.hpp>

namespace clade {

TEST_CASE("what is left of a wait is no more than the wait, whatever the clock did") {
  CHECK(left_of_wait(100, 1000, 1000) == 100);
  CHECK(left_of_wait(100, 1000, 1040) == 60);
  CHECK(left_of_wait(100, 1000, 1100) == 0);
  CHECK(left_of_wait(100, 1000, 5000) == 0);
  CHECK(left_of_wait(100, 1000, 10) == 100);
  CHECK(left_of_wait(-1, 1000, 1000) == 0);
}

}  // namespace clade
