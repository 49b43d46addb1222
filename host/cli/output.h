// What commands print: tables, JSON, errors. Data goes to stdout, errors to stderr as "clade: what, where,
// what to do".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace clade::cli {

// True if the descriptor is a terminal that takes colours and NO_COLOR is not set.
bool colour_wanted(int descriptor);

// True if stdout is /dev/null, as a detached host's is.
bool output_is_dropped();

enum class Colour { bold, dim, red, green, yellow, blue };
// `text` in a colour when `wanted`, otherwise as it is.
std::string paint(bool wanted, Colour colour, std::string_view text);

// The text with control characters (line breaks too) shown as "\xNN" or "\n": what scripts and mail say must
// not drive the terminal. Bytes that are no UTF-8 become U+FFFD.
std::string plain(std::string_view text);
// The same, but line breaks stay.
std::string plain_lines(std::string_view text);
// At most `columns` characters, the last "…" when something was cut.
std::string shortened(std::string_view text, size_t columns);
// Characters, as columns of a terminal (one per code point).
size_t width(std::string_view text);

// Columns separated by two blanks, as wide as their widest cell; the last one is not padded.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  // Cells are passed through `plain`.
  void row(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // Headings bold when `colour`. Ends with a line break.
  std::string text(bool colour) const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
};

// Writes to stdout.
void print(std::string_view text);
void print_line(std::string_view text);
// Writes out what has been printed. Returns the errno of the first write that failed, 0 if none did.
int flush_output();
// What scripts made: byte for byte into a pipe or file, through plain_lines on a terminal.
void print_foreign(std::string_view text);
// A text of unified_diff: in colours on a terminal, byte for byte otherwise.
void print_diff(std::string_view text);
// "name:  text", for the fields of one thing; nothing if the text is empty. Its further lines stand below the
// first.
void print_field(const std::string& name, std::string_view text);
// The table, or `nothing` as a line when it has no rows.
void print_table(const Table& table, std::string_view nothing);
// JSON with a line break: indented on a terminal, one line otherwise.
void print_json(const Value& value);
// Says the error on stderr and returns its exit status: 3 for "no_host", 2 for "usage", otherwise 1.
int fail(const Error& error);

// Says on stderr what a command that goes on has to say, as "clade: …".
void note(std::string_view text);

// "12 s", "5 min", "3 h", "2 d": a span of `ms`, rounded down.
std::string format_span(int64_t ms);
// A value as a person reads it: text as it is, anything else as JSON.
std::string readable(const Value& value);
// "3.98": a number with `digits` after the point; integers too.
std::string format_number(double number, int digits);

}  // namespace clade::cli
