#include "cli/instances.h"

#include <catch2/catch.hpp>

namespace clade::cli {
namespace {

TEST_CASE("specifications of instances that have the form") {
  for (const char* good : {"weibull:3:45:100", "weibull:3:45:100:5000", "weibull:2.5:0.5:1",
                           "uniform:20-100:150", "uniform:1-1:1:1000000"}) {
    INFO(good);
    CHECK(check_instances(good).has_value());
  }
}

TEST_CASE("specifications that have not say what is wrong") {
  for (const auto& [text, reason] : std::initializer_list<std::pair<const char*, const char*>>{
           {"", "unknown distribution"},
           {"normal:1:2:3", "unknown distribution normal"},
           {"weibull:3:45", "wrong number of parts"},
           {"weibull:3:45:100:5:6", "wrong number of parts"},
           {"weibull:-3:45:100", "the shape -3"},
           {"weibull:nan:45:100", "the shape nan"},
           {"weibull:3:0:100", "the scale 0"},
           {"weibull:3:45:0", "the capacity 0"},
           {"weibull:3:45:1e3", "the capacity 1e3"},
           {"weibull:3:45:100:0", "the number of items 0"},
           {"uniform:20:150", "the sizes 20"},
           {"uniform:100-20:150", "the sizes 100-20"},
           {"uniform:20-151:150", "the sizes 20-151"},
           {"uniform:0-20:150", "the sizes 0-20"},
           {"uniform:20-100:150:1000001", "the number of items 1000001"},
       }) {
    INFO(text);
    const auto form = check_instances(text);
    REQUIRE_FALSE(form.has_value());
    CHECK(form.error().code == "usage");
    CHECK(form.error().message.find(reason) != std::string::npos);
    CHECK(form.error().message.find("weibull:3:45:100:5000") != std::string::npos);
  }
}

}  // namespace
}  // namespace clade::cli
