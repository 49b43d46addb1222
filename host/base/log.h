// The host's log: one line per event, `time LEVEL subject text`, to `.clade/clade.log` and, when asked, to
// stderr. Never pass secrets or payloads.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace clade {

enum class LogLevel { debug, info, warning, error };

// Thread-safe. A Log without a file drops everything but what goes to stderr.
class Log {
 public:
  // A log that writes nowhere: for tests and short commands.
  Log();
  ~Log();
  Log(Log&&) noexcept;
  Log& operator=(Log&&) noexcept;

  // Appends to `path`, with older parts beside it (clade.1.log …) and no more than about `most_bytes` in all;
  // `echo` writes to stderr too. Errors: "io".
  static Result<Log> open(const std::string& path, bool echo, size_t most_bytes = 64u << 20);

  // `subject` is "host" or an agent's name; line breaks in `text` are escaped.
  void write(LogLevel level, std::string_view subject, std::string_view text);
  void info(std::string_view subject, std::string_view text) { write(LogLevel::info, subject, text); }
  void warning(std::string_view subject, std::string_view text) { write(LogLevel::warning, subject, text); }
  void error(std::string_view subject, std::string_view text) { write(LogLevel::error, subject, text); }

  // From now on lines reach the file with flush(), and at once only from warnings on: for a host, which calls
  // that at every turn of its loop.
  void gather();
  void flush();

 private:
  struct Sink;
  std::unique_ptr<Sink> sink_;
};

}  // namespace clade
