#include "cell/verdict.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <string_view>

#include "cell/death.h"

namespace clade::cell {
namespace {

// What a cell may call its own failures; the others are the host's to say.
constexpr std::array<std::string_view, 5> kAnswerCodes{"error", "syntax", "cpu", "wall", "memory"};

std::string cpu_text(const Bounds& bounds) {
  return "stopped after " + std::to_string(bounds.cpu_ms) + " ms of CPU (cpu_ms): ";
}

std::string wall_text(const Bounds& bounds) {
  return "stopped after " + std::to_string(bounds.wall_ms) + " ms (" + bounds.wall_name + "): ";
}

Error failure_of_answer(const Bounds& bounds, const FreshCell::Outcome& outcome) {
  std::string code = outcome.answer["code"].as_string();
  const std::string& text = outcome.answer["error"].as_string();
  if (std::find(kAnswerCodes.begin(), kAnswerCodes.end(), code) == kAnswerCodes.end()) code = "error";
  // The cell knows that it was stopped, the host knows by which of the two clocks.
  if (outcome.interrupted && (code == "cpu" || code == "wall")) return {"wall", wall_text(bounds) + text};
  if (code == "cpu" || code == "wall") return {"cpu", cpu_text(bounds) + text};
  if (code == "memory") {
    return {code, "out of memory at " + std::to_string(bounds.memory_mb) + " MB (memory_mb): " + text};
  }
  return {code, text};
}

}  // namespace

Error failure_of(const Bounds& bounds, const FreshCell::Outcome& outcome) {
  if (!outcome.answer.is_nil()) return failure_of_answer(bounds, outcome);
  if (!outcome.broken.empty()) {
    // At the hard deadline the cell did nothing wrong in what it sent.
    if (outcome.interrupted) return {"wall", "its cell " + outcome.broken};
    return {"protocol", "its cell was killed because it " + outcome.broken};
  }
  const CellExit& exit = outcome.exit;
  const bool spent = bounds.cpu_ms > 0 && exit.cpu_us >= bounds.cpu_ms * 1000;
  if (exit.signal == SIGXCPU || (exit.signal == SIGKILL && spent)) {
    return {"cpu", cpu_text(bounds) + "it did not stop by itself and was killed (" +
                       signal_name(exit.signal) +
                       "): a loop that catches errors, or one inside a library function"};
  }
  return {"killed", "its cell is gone: " + describe_exit(exit)};
}

EvalResult evaluation_verdict(const Bounds& bounds, const FreshCell::Outcome& outcome) {
  EvalResult result;
  result.output = outcome.answer["output"].as_string();
  result.units = outcome.answer["units"].as_integer();
  result.cpu_us = outcome.exit.cpu_us;
  result.wall_us = outcome.wall_us;
  result.memory_kb = outcome.exit.memory_kb;
  result.cell = outcome.cell;
  if (outcome.answer["ok"].as_bool()) {
    result.ok = true;
    result.value = outcome.answer["value"];
  } else {
    Error error = failure_of(bounds, outcome);
    result.code = std::move(error.code);
    result.error = std::move(error.message);
  }
  return result;
}

}  // namespace clade::cell
