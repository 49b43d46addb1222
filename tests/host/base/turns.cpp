#include "base/turns.h"

#include <map>
#include <string>

#include <catch2/catch.hpp>

using clade::TurnBounds;
using clade::Turns;

namespace {

// A line in which every item is known by its text.
struct Line {
  explicit Line(TurnBounds bounds) : turns(bounds) {}

  uint64_t add(const std::string& owner, const std::string& text) {
    turns.wait(owner, ++last, text);
    return last;
  }
  // Everything that may start now, in this order.
  std::string start() {
    std::string texts;
    while (auto turn = turns.next()) {
      texts += (texts.empty() ? "" : " ") + turn->item;
      handles[turn->item] = turn->handle;
    }
    return texts;
  }
  // What starts once this one has ended.
  std::string after(const std::string& text) {
    turns.end(handles.at(text));
    return start();
  }

  Turns<std::string> turns;
  std::map<std::string, uint64_t> handles;
  uint64_t last = 0;
};

}  // namespace

TEST_CASE("an owner's own go first come first served, so many at once") {
  Line line({2, 2, 0});
  for (const char* text : {"a1", "a2", "a3", "a4"}) line.add("a", text);
  CHECK(line.start() == "a1 a2");
  CHECK(line.turns.running() == 2);
  CHECK(line.turns.waiting() == 2);
  CHECK(line.after("a2") == "a3");
  CHECK(line.after("a1") == "a4");
  CHECK(line.after("a3").empty());
  CHECK(line.after("a4").empty());
  CHECK(line.turns.running() == 0);
}

TEST_CASE("the next free place goes to whoever holds the fewest") {
  Line line({2, 2, 0});
  for (const char* text : {"a1", "a2", "a3", "a4", "a5"}) line.add("a", text);
  CHECK(line.start() == "a1 a2");
  line.add("b", "b1");
  line.add("b", "b2");
  line.add("c", "c1");
  CHECK(line.after("a1") == "b1");
  CHECK(line.after("b1") == "c1");
  CHECK(line.after("a2") == "b2");
  CHECK(line.after("c1") == "a3");
}

TEST_CASE("owners that have one after the other do not pass one that waits") {
  Line line({1, 1, 0});
  line.add("a", "a1");
  CHECK(line.start() == "a1");
  line.add("a", "a2");
  line.add("b", "b1");
  line.add("c", "c1");
  CHECK(line.after("a1") == "b1");
  line.add("d", "d1");  // has nothing running, like c, but came later
  CHECK(line.after("b1") == "c1");
  CHECK(line.after("c1") == "a2");
  CHECK(line.after("a2") == "d1");
}

TEST_CASE("no owner has more than its share, and some places are for whoever has none") {
  Line line({3, 2, 1});
  for (const char* text : {"a1", "a2", "a3"}) line.add("a", text);
  CHECK(line.start() == "a1 a2");
  for (const char* text : {"b1", "b2"}) line.add("b", text);
  CHECK(line.start() == "b1");
  line.add("c", "c1");
  CHECK(line.start() == "c1");
  line.add("d", "d1");
  CHECK(line.start().empty());
  CHECK(line.after("c1") == "d1");
  CHECK(line.after("a1").empty());  // three run still: that place is for somebody else
  CHECK(line.after("d1") == "b2");
}

TEST_CASE("what is not wanted any more leaves the line, or its place") {
  Line line({1, 1, 0});
  line.add("a", "a1");
  const uint64_t unwanted = line.add("a", "a2");
  line.add("a", "a3");
  CHECK(line.start() == "a1");
  line.turns.end(unwanted);
  line.turns.end(unwanted);
  line.turns.end(12345);
  CHECK(line.turns.waiting() == 1);
  CHECK(line.after("a1") == "a3");
}
