#include "cli/output.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "cli/app.h"

namespace clade::cli {
namespace {

// The errno of the first write to stdout that failed: later calls overwrite errno itself.
int& output_error() {
  static int reason = 0;
  return reason;
}

void note_output_error() {
  if (output_error() == 0) output_error() = errno == 0 ? EIO : errno;
}

// The width of names of fields.
constexpr size_t kFieldColumns = 12;

// The name of the character that a text begins with, if it turns the direction of what follows: a question
// could read as another one. Each takes three bytes. Source: Unicode Standard Annex #9, explicit formatting.
const char* turn_at(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, const char*>, 11> kTurns = {{{"\u200e", "\\u200e"},
                                                                                {"\u200f", "\\u200f"},
                                                                                {"\u202a", "\\u202a"},
                                                                                {"\u202b", "\\u202b"},
                                                                                {"\u202c", "\\u202c"},
                                                                                {"\u202d", "\\u202d"},
                                                                                {"\u202e", "\\u202e"},
                                                                                {"\u2066", "\\u2066"},
                                                                                {"\u2067", "\\u2067"},
                                                                                {"\u2068", "\\u2068"},
                                                                                {"\u2069", "\\u2069"}}};
  if (text.empty() || text.front() != '\xe2') return nullptr;
  for (const auto& [bytes, name] : kTurns) {
    if (text.substr(0, bytes.size()) == bytes) return name;
  }
  return nullptr;
}

}  // namespace

bool colour_wanted(int descriptor) {
  const char* refused = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  if (refused && *refused) return false;
  if (!terminal || !*terminal || std::string_view(terminal) == "dumb") return false;
  return isatty(descriptor) == 1;
}

bool output_is_dropped() {
  struct stat output {};
  struct stat nowhere {};
  return ::fstat(STDOUT_FILENO, &output) == 0 && ::stat("/dev/null", &nowhere) == 0 &&
         S_ISCHR(output.st_mode) && output.st_rdev == nowhere.st_rdev;
}

std::string paint(bool wanted, Colour colour, std::string_view text) {
  if (!wanted) return std::string(text);
  static constexpr std::array<const char*, 6> codes = {"1", "2", "31", "32", "33", "34"};
  return std::string("\x1b[") + codes.at(static_cast<size_t>(colour)) + "m" + std::string(text) + "\x1b[0m";
}

std::string plain(std::string_view text) {
  std::string result;
  const std::string valid = valid_utf8(text);
  for (size_t i = 0; i < valid.size(); ++i) {
    const auto byte = static_cast<unsigned char>(valid[i]);
    // U+0080 … U+009F are control characters too; in UTF-8 they begin with C2.
    const bool second_set =
        byte == 0xc2 && i + 1 < valid.size() && static_cast<unsigned char>(valid[i + 1]) < 0xa0;
    if (const char* turn = turn_at(std::string_view(valid).substr(i))) {
      result += turn;
      i += 2;
    } else if (byte == '\n') {
      result += "\\n";
    } else if (byte == '\t') {
      result += ' ';
    } else if (byte < 0x20 || byte == 0x7f || second_set) {
      std::array<char, 8> escaped{};
      const unsigned code = second_set ? static_cast<unsigned char>(valid[++i]) : byte;
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x", code);
      result += escaped.data();
    } else {
      result += valid[i];
    }
  }
  return result;
}

size_t width(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string plain_lines(std::string_view text) {
  std::string result;
  for (;;) {
    const size_t end = text.find('\n');
    result += plain(text.substr(0, end));
    if (end == std::string_view::npos) return result;
    result += '\n';
    text.remove_prefix(end + 1);
  }
}

std::string shortened(std::string_view text, size_t columns) {
  if (width(text) <= columns) return std::string(text);
  size_t seen = 0;
  size_t end = 0;
  while (end < text.size()) {
    if ((static_cast<unsigned char>(text[end]) & 0xc0) != 0x80 && ++seen >= columns) break;
    ++end;
  }
  return std::string(text.substr(0, end)) + "…";
}

void Table::row(std::vector<std::string> cells) {
  cells.resize(headings_.size());
  for (std::string& cell : cells) cell = plain(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text(bool colour) const {
  std::vector<size_t> widths;
  for (size_t column = 0; column < headings_.size(); ++column) {
    size_t widest = width(headings_[column]);
    for (const auto& row : rows_) widest = std::max(widest, width(row[column]));
    widths.push_back(widest);
  }
  std::string result;
  const auto append = [&](const std::vector<std::string>& row, bool heading) {
    for (size_t column = 0; column < row.size(); ++column) {
      const bool last = column + 1 == row.size();
      result += heading ? paint(colour, Colour::bold, row[column]) : row[column];
      if (!last) result += std::string(widths[column] - width(row[column]) + 2, ' ');
    }
    result += '\n';
  };
  append(headings_, true);
  for (const auto& row : rows_) append(row, false);
  return result;
}

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) note_output_error();
}

void print_line(std::string_view text) {
  print(text);
  print("\n");
}

int flush_output() {
  if (std::fflush(stdout) != 0) note_output_error();
  if (output_error() == 0 && std::ferror(stdout)) output_error() = EIO;
  return output_error();
}

void print_foreign(std::string_view text) {
  if (isatty(STDOUT_FILENO) == 1) {
    print(plain_lines(text));
  } else {
    print(text);
  }
}

void print_diff(std::string_view text) {
  const bool coloured = colour_wanted(STDOUT_FILENO);
  if (!coloured) {
    print_foreign(text);
    return;
  }
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const bool added = line[0] == '+';
    print_line(added || line[0] == '-' ? paint(coloured, added ? Colour::green : Colour::red, plain(line))
                                       : plain(line));
    at = end + 1;
  }
}

void print_field(const std::string& name, std::string_view text) {
  if (text.empty()) return;
  std::string padded = name + ":";
  padded.resize(std::max(padded.size() + 1, kFieldColumns), ' ');
  for (;;) {
    const size_t end = text.find('\n');
    print_line(padded + plain(text.substr(0, end)));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
    padded.assign(kFieldColumns, ' ');
  }
}

void print_table(const Table& table, std::string_view nothing) {
  if (table.empty()) {
    print_line(nothing);
  } else {
    print(table.text(colour_wanted(STDOUT_FILENO)));
  }
}

void print_json(const Value& value) {
  print_line(encode_json(value, isatty(STDOUT_FILENO) == 1));
}

void note(std::string_view text) {
  flush_output();
  std::fprintf(stderr, "clade: %s\n", plain_lines(text).c_str());
}

int fail(const Error& error) {
  flush_output();
  const std::string mark = paint(colour_wanted(STDERR_FILENO), Colour::red, "clade:");
  std::fprintf(stderr, "%s %s\n", mark.c_str(), plain_lines(error.message).c_str());
  if (error.code == "no_host") return kNoHost;
  if (error.code == "usage") return kUsage;
  return kFailed;
}

std::string format_span(int64_t ms) {
  const int64_t seconds = std::max<int64_t>(0, ms) / 1000;
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return std::to_string(seconds / 60) + " min";
  if (seconds < 86400) return std::to_string(seconds / 3600) + " h";
  return std::to_string(seconds / 86400) + " d";
}

std::string readable(const Value& value) {
  return value.is_string() ? value.as_string() : encode_json(value);
}

std::string format_number(double number, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, number);
  return text.data();
}

}  // namespace clade::cli
