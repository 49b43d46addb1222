// clade eval
#include <cmath>
#include <memory>

#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/evaluate.h"
#include "cli/output.h"

namespace clade::cli {
namespace {

struct EvalOptions {
  std::string file;
  std::optional<std::string> code;
  int64_t cpu_ms = 1000;
  int64_t wall_ms = 10000;
  int64_t memory_mb = 64;
};

Result<cell::EvalResult> evaluate_source(const EvalOptions& options, const std::string& source,
                                         const std::string& chunk) {
  cell::EvalRequest request;
  request.main = {source, chunk};
  request.entry = "...";  // all its values
  request.cpu_ms = options.cpu_ms;
  request.wall_ms = options.wall_ms;
  request.memory_mb = options.memory_mb;
  return evaluate(std::move(request));
}

// An expression is taken as one: a chunk that does not compile has done nothing yet.
Result<cell::EvalResult> evaluate_code(const EvalOptions& options) {
  auto result = evaluate_source(options, "return " + *options.code, "command line");
  if (!result || result->ok || result->code != "syntax") return result;
  return evaluate_source(options, *options.code, "command line");
}

Result<cell::EvalResult> evaluate_file(const EvalOptions& options) {
  const std::string path = options.file == "-" ? "/dev/stdin" : options.file;
  auto source = read_stream(path, 8u << 20);
  if (!source) return failure(source.error());
  return evaluate_source(options, *source, options.file == "-" ? "stdin" : options.file);
}

// {ok, value, values (when there are several), output, …}. What JSON cannot hold makes the evaluation fail:
// nobody would see what became of it.
Value json_of(cell::EvalResult result) {
  const Value::Array values = result.value.as_array();
  result.value = values.empty() ? Value() : values.front();
  if (auto status = check_values(values); !status) {
    result.ok = false;
    result.error = status.error().message;
    result.code = status.error().code;
  }
  Value data = evaluation_value(result);
  if (result.ok && values.size() > 1) data.set("values", values);
  return data;
}

// Of a value that is a number or text itself: people need no JSON form of it.
std::optional<std::string> shown_as_text(const Value& value) {
  if (value.is_string()) return value.as_string();
  if (value.is_nil()) return "nil";
  if (!value.is_number() || std::isfinite(value.as_real())) return std::nullopt;
  return std::isnan(value.as_real()) ? "nan" : value.as_real() < 0 ? "-inf" : "inf";
}

int print_values(Value::Array values) {
  if (values.empty()) values.emplace_back();
  for (Value& value : values) {
    if (auto text = shown_as_text(value)) continue;
    if (auto status = check_values({value}); !status) return fail(status.error());
  }
  for (const Value& value : values) {
    if (const auto text = shown_as_text(value)) {
      print_foreign(*text + "\n");
    } else {
      print_line(encode_json(value, isatty(STDOUT_FILENO) == 1));
    }
  }
  return kOk;
}

int eval(const EvalOptions& options, const Context& context) {
  if (options.file.empty() == !options.code.has_value()) {
    return fail({"usage", "eval takes a FILE or -e CODE, one of them (see `clade eval --help`)"});
  }
  auto result = options.code ? evaluate_code(options) : evaluate_file(options);
  if (!result) return fail(result.error());
  if (context.json) {
    const Value data = json_of(std::move(*result));
    print_json(data);
    return data["ok"].as_bool() ? kOk : kFailed;
  }
  if (!result->output.empty()) print_foreign(result->output);
  if (!result->ok) return fail({result->code, result->error + " [" + result->code + "]"});
  return print_values(result->value.as_array());
}

}  // namespace

void add_eval_command(Command root, Context& context) {
  auto options = std::make_shared<EvalOptions>();
  root.add("eval",
           "Run one Lua chunk in a process of its own, shut in; print its values or why there are none",
           "clade eval -e '6 * 7'\n"
           "clade eval -e 'local t = {} for i = 1, 3 do t[i] = i * i end return t' --json\n"
           "clade eval chunk.lua --cpu-ms 2000 --memory-mb 128\n"
           "clade eval -e 'while true do end' --cpu-ms 100")
      .optional_argument("FILE", options->file, "The chunk; - for stdin")
      .text_option("-e,--code", options->code, "CODE", "The chunk itself, or an expression")
      .number("--cpu-ms", options->cpu_ms, 1, 600000, "Processor time it may use (default 1000)")
      .number("--wall-ms", options->wall_ms, 1, 600000, "Time it may take (default 10000)")
      .number("--memory-mb", options->memory_mb, 1, 1024, "Memory it may use (default 64)")
      .json()
      .notes(
          "Each value is printed on a line: text and numbers as they are, anything else as JSON.\n"
          "With --json one object is printed:\n"
          "  ok, value, values         value is the first; values holds all, if there are several\n"
          "  ok, error, code           why there is no value\n"
          "  output                    what it printed, if anything\n"
          "  units, cpu_ms, wall_ms, memory_kb\n"
          "A value that JSON cannot hold (NaN, an infinity, text that is not UTF-8) is an error with the "
          "code\n"
          "no_json. In error and output, bytes that are not UTF-8 become U+FFFD.")
      .action([options, &context] { return eval(*options, context); });
}

}  // namespace clade::cli
