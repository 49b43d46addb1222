#include "cli/evaluate.h"

#include <optional>

#include "base/codec.h"
#include "loop/loop.h"

namespace clade::cli {

Result<cell::EvalResult> evaluate(cell::EvalRequest request) {
  loop::Loop loop;
  auto zygote = cell::Zygote::start();
  if (!zygote) return failure(zygote.error());
  Log log;
  std::optional<cell::EvalResult> result;
  std::string death;
  zygote->attach(loop, [&](const std::string& reason) {
    death = reason;
    loop.stop();
  });
  cell::PoolOptions options;
  options.shared_cells = 0;
  options.parallel_evaluations = 1;
  cell::Pool pool(loop, *zygote, options, log);
  pool.evaluate(std::move(request), [&](cell::EvalResult done) {
    result = std::move(done);
    loop.stop();
  });
  if (!result && death.empty()) loop.run();
  if (result) return std::move(*result);
  return failure(
      "io", "the process that makes cells ended (" + death + "): run `clade doctor` to see what is missing");
}

Value evaluation_value(const cell::EvalResult& result) {
  Value value;
  value.set("ok", result.ok);
  if (result.ok) {
    value.set("value", result.value);
  } else {
    value.set("error", result.error);
    value.set("code", result.code);
  }
  if (!result.output.empty()) value.set("output", result.output);
  value.set("units", result.units);
  value.set("cpu_ms", static_cast<double>(result.cpu_us) / 1000);
  value.set("wall_ms", static_cast<double>(result.wall_us) / 1000);
  value.set("memory_kb", result.memory_kb);
  return value;
}

Status check_values(const Value::Array& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    auto status = check_json(values[i]);
    if (status) continue;
    const std::string which = values.size() == 1 ? "the value" : "value " + std::to_string(i + 1);
    return failure("no_json", which + " has no JSON form: " + status.error().message +
                                  "; make text of it in the chunk, e.g. with string.format");
  }
  return {};
}

}  // namespace clade::cli
