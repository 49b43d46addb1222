// The texts of played scripts: what a version does that another does not is written in it.
#pragma once

#include <cstdint>
#include <string>

#include "base/value.h"
#include "run/executor.h"

namespace sim {

enum class Nature {
  calm,     // it never fails by itself
  fragile,  // it raises on some tasks and messages
  broken,   // it raises on all
  deadly,   // it takes its cell down, on some
  costly,   // it takes ten times the processor time, or thirty times the memory
  fresh,    // it also takes tasks that others do not, and raises on some of these
  mangled,  // it does not load
};
inline constexpr uint64_t kNatures = 7;

// The text that a script has at first: an agent's fails as the habits of its history have it.
std::string first_text(const std::string& script);
// One of this nature. Texts of different numbers behave alike, but on other tasks and messages.
std::string text_of(const std::string& script, Nature nature, uint64_t number);
// The role whose agent's script this is, "" of a skill's.
std::string role_in(const std::string& text);
// A task that only fresh ones take.
inline constexpr const char* kFreshTask = "fresh_a";

// What a program does by the texts that it is made of.
struct Traits {
  bool moody = false;   // by the habits of its history
  bool raises = false;  // on this task or message
  bool kills = false;   // its cell
  bool fresh = false;
  clade::run::Usage usage;
};
Traits traits_of(const clade::run::Program& program, const clade::Value& task_or_message);
bool takes_fresh(const clade::run::Program& program);
bool loads(const clade::run::Program& program);
// By the text alone.
bool has_nature(const std::string& text, Nature nature);

}  // namespace sim
