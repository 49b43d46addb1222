// clade eval
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
  auto source = read_file(path, 8u << 20);
  if (!source) return failure(source.error());
  return evaluate_source(options, *source, options.file == "-" ? "stdin" : options.file);
}

int eval(const EvalOptions& options, const Context& context) {
  if (options.file.empty() == !options.code.has_value()) {
    return fail({"usage", "eval takes a FILE or -e CODE, one of them (see `clade eval --help`)"});
  }
  auto result = options.code ? evaluate_code(options) : evaluate_file(options);
  if (!result) return fail(result.error());
  if (context.json) {
    print_json(evaluation_value(*result));
    return result->ok ? kOk : kFailed;
  }
  if (!result->output.empty()) print_foreign(result->output);
  if (!result->ok) return fail({result->code, result->error + " [" + result->code + "]"});
  if (result->value.is_string()) {
    print_foreign(result->value.as_string() + "\n");
  } else {
    print_line(result->value.is_nil() ? "nil" : encode_json(result->value, isatty(STDOUT_FILENO) == 1));
  }
  return kOk;
}

}  // namespace

void add_eval_command(Command root, Context& context) {
  auto options = std::make_shared<EvalOptions>();
  root.add("eval", "Run one Lua chunk in a process of its own, shut in; print its value or why there is none",
           "clade eval -e '6 * 7'\n"
           "clade eval -e 'local t = {} for i = 1, 3 do t[i] = i * i end return t' --json\n"
           "clade eval chunk.lua --cpu-ms 2000 --memory-mb 128\n"
           "clade eval -e 'while true do end' --cpu-ms 100")
      .optional_argument("FILE", options->file, "The chunk; - for stdin")
      .option("-e,--code", options->code, "CODE", "The chunk itself, or an expression")
      .number("--cpu-ms", options->cpu_ms, 1, 600000, "Processor time it may use (default 1000)")
      .number("--wall-ms", options->wall_ms, 1, 600000, "Time it may take (default 10000)")
      .number("--memory-mb", options->memory_mb, 1, 1024, "Memory it may use (default 64)")
      .json()
      .action([options, &context] { return eval(*options, context); });
}

}  // namespace clade::cli
