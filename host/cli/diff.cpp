#include "cli/diff.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace clade::cli {
namespace {

constexpr size_t kContext = 3;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1);
    lines.push_back(text.substr(0, end + 1));
    text.remove_prefix(end + 1);
  }
  return lines;
}

struct Edit {
  char mark;  // ' ', '-', '+'
  std::string_view line;
};

using Lines = std::vector<std::string_view>;

// Myers' greedy algorithm: for each number of edits d, how far each diagonal k = x − y gets. The trace of all
// d leads back along the shortest way.
std::vector<Edit> shortest_edits(const Lines& before, const Lines& after) {
  const auto n = static_cast<long>(before.size());
  const auto m = static_cast<long>(after.size());
  const long most = n + m;
  const auto at = [&](long k) { return static_cast<size_t>(k + most + 1); };
  std::vector<long> reach(static_cast<size_t>(2 * most + 3), 0);
  std::vector<std::vector<long>> trace;
  const auto goes_down = [&](const std::vector<long>& row, long k, long d) {
    return k == -d || (k != d && row[at(k - 1)] < row[at(k + 1)]);
  };
  bool found = false;
  for (long d = 0; d <= most && !found; ++d) {
    trace.push_back(reach);
    for (long k = -d; k <= d; k += 2) {
      long x = goes_down(reach, k, d) ? reach[at(k + 1)] : reach[at(k - 1)] + 1;
      while (x < n && x - k < m && before[static_cast<size_t>(x)] == after[static_cast<size_t>(x - k)]) ++x;
      reach[at(k)] = x;
      if (x >= n && x - k >= m) {
        found = true;
        break;
      }
    }
  }
  std::vector<Edit> edits;
  long x = n;
  long y = m;
  for (auto d = static_cast<long>(trace.size()) - 1; d >= 0; --d) {
    const auto& row = trace[static_cast<size_t>(d)];
    const long k = x - y;
    const long previous_k = goes_down(row, k, d) ? k + 1 : k - 1;
    const long previous_x = d == 0 ? 0 : row[at(previous_k)];
    const long previous_y = d == 0 ? 0 : previous_x - previous_k;
    while (x > previous_x && y > previous_y) {
      edits.push_back({' ', before[static_cast<size_t>(--x)]});
      --y;
    }
    if (d == 0) break;
    if (x == previous_x) {
      edits.push_back({'+', after[static_cast<size_t>(--y)]});
    } else {
      edits.push_back({'-', before[static_cast<size_t>(--x)]});
    }
  }
  std::reverse(edits.begin(), edits.end());
  return edits;
}

// The trace takes memory by the square of the edits: texts that share little are shown as replaced.
std::vector<Edit> edits_between(const Lines& before, const Lines& after) {
  if (before.size() + after.size() <= 4000) return shortest_edits(before, after);
  const size_t shorter = std::min(before.size(), after.size());
  size_t head = 0;
  while (head < shorter && before[head] == after[head]) ++head;
  size_t tail = 0;
  while (tail < shorter - head && before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) ++tail;
  std::vector<Edit> edits;
  for (size_t i = 0; i < head; ++i) edits.push_back({' ', before[i]});
  for (size_t i = head; i < before.size() - tail; ++i) edits.push_back({'-', before[i]});
  for (size_t i = head; i < after.size() - tail; ++i) edits.push_back({'+', after[i]});
  for (size_t i = before.size() - tail; i < before.size(); ++i) edits.push_back({' ', before[i]});
  return edits;
}

std::string range(size_t first, size_t count) {
  return std::to_string(count == 0 ? first : first + 1) + (count == 1 ? "" : "," + std::to_string(count));
}

}  // namespace

std::string unified_diff(const std::string& before, const std::string& after, const std::string& from,
                         const std::string& to) {
  if (before == after) return "";
  const auto edits = edits_between(lines_of(before), lines_of(after));
  std::string text = "--- " + from + "\n+++ " + to + "\n";
  size_t before_line = 0;
  size_t after_line = 0;
  size_t i = 0;
  while (i < edits.size()) {
    // A part begins kContext lines before a change and ends when 2·kContext unchanged lines follow.
    size_t change = i;
    while (change < edits.size() && edits[change].mark == ' ') ++change;
    if (change == edits.size()) break;
    const size_t begin = change - i > kContext ? change - kContext : i;
    before_line += begin - i;
    after_line += begin - i;
    size_t end = change;
    for (size_t same = 0; end < edits.size() && same <= 2 * kContext; ++end) {
      same = edits[end].mark == ' ' ? same + 1 : 0;
    }
    size_t trailing = 0;
    while (trailing < end - begin && edits[end - 1 - trailing].mark == ' ') ++trailing;
    if (trailing > kContext) end -= trailing - kContext;
    size_t removed = 0;
    size_t added = 0;
    std::string part;
    for (size_t j = begin; j < end; ++j) {
      removed += edits[j].mark != '+';
      added += edits[j].mark != '-';
      part += edits[j].mark + std::string(edits[j].line);
      if (part.back() != '\n') part += "\n\\ No newline at end of file\n";
    }
    text += "@@ -" + range(before_line, removed) + " +" + range(after_line, added) + " @@\n" + part;
    before_line += removed;
    after_line += added;
    i = end;
  }
  return text;
}

}  // namespace clade::cli
