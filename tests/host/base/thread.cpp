#include "base/thread.h"

#include <future>
#include <string>

#include <catch2/catch.hpp>

TEST_CASE("a thread runs what it is given in order, and everything before it ends", "[thread]") {
  const auto home = std::this_thread::get_id();
  std::string order;
  std::thread::id worked = home;
  {
    std::promise<void> gate;  // outlives what waits for it
    auto thread = clade::make_thread("test");
    thread->run([&] {
      gate.get_future().wait();
      worked = std::this_thread::get_id();
    });
    // From within, too: it comes after what was given before.
    thread->run([&, raw = thread.get()] {
      order += "a";
      raw->run([&] { order += "c"; });
    });
    thread->run([&] { order += "b"; });
    gate.set_value();
  }
  CHECK(worked != home);
  CHECK(order == "abc");
}
