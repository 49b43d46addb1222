// Result<T>: a value or an Error. The way every expected failure travels in the host; exceptions are for
// bugs.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace clade {

// What went wrong, for a program (`code`) and for a person (`message`).
struct Error {
  // A stable snake_case word: "not_found", "invalid", "refused", "limit", "io", "outcome_unknown",
  // "conflict", …
  std::string code;
  // One sentence: what, where, and what to do next. No trailing newline.
  std::string message;

  bool operator==(const Error&) const = default;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// Makes the failed side of a Result: `return failure("not_found", "no task t7: see `clade task list`");`
inline tl::unexpected<Error> failure(std::string code, std::string message) {
  return tl::unexpected<Error>(Error{std::move(code), std::move(message)});
}
inline tl::unexpected<Error> failure(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace clade
