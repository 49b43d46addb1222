// clade skill …
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "base/bytes.h"
#include "cell/vm/embedded.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/evaluate.h"
#include "cli/folder.h"
#include "cli/instances.h"
#include "cli/output.h"
#include "cli/scripts.h"
#include "cli/templates.h"
#include "script/nearest.h"

namespace clade::cli {
namespace {

constexpr int64_t kTestCpuMs = 60000;
constexpr int64_t kBenchCpuMs = 300000;
constexpr int64_t kMemoryMb = 512;
constexpr size_t kDataBytes = 8u << 20;

struct SkillOptions {
  std::string id;
  std::string filter;
  std::optional<std::string> data;
  std::optional<std::string> instances;
  std::optional<int64_t> seed;
};

Value array_of(const std::vector<std::string>& texts) {
  return Value::Array(texts.begin(), texts.end());
}

bool has_file(const std::string& folder, const std::string& id, const std::string& file) {
  auto below = skill_folder(id);
  std::error_code ignored;
  return below && std::filesystem::exists(folder + "/" + *below + "/" + file, ignored);
}

int list(const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  Value::Array rows;
  Table table({"SKILL", "VERSION", "TESTS", "BENCHMARK", "SUMMARY"});
  for (const std::string& id : skill_ids(*folder)) {
    auto manifest = skill_manifest(*folder, id);
    if (!manifest) {
      rows.push_back({{"id", id}, {"error", manifest.error().message}});
      table.row({id, "", "", "", "broken: " + manifest.error().message});
      continue;
    }
    const bool tests = has_file(*folder, id, "test.lua");
    rows.push_back({{"id", id},
                    {"version", manifest->version},
                    {"summary", manifest->summary},
                    {"tags", array_of(manifest->tags)},
                    {"uses", array_of(manifest->uses)},
                    {"benchmark", manifest->benchmark},
                    {"tests", tests}});
    table.row({id, manifest->version, tests ? "yes" : "no", manifest->benchmark["metric"].as_string(),
               manifest->summary});
  }
  if (context.json) {
    print_json(rows);
  } else {
    print_table(table, "no skills: make one with `clade skill new LAYER.NAME`");
  }
  return kOk;
}

int show(const SkillOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto manifest = skill_manifest(*folder, options.id);
  if (!manifest) return fail(manifest.error());
  auto below = skill_folder(options.id);
  auto module = read_module(*folder, *below + "/init.lua");
  if (!module) return fail(module.error());
  if (context.json) {
    print_json({{"id", options.id},
                {"version", manifest->version},
                {"summary", manifest->summary},
                {"tags", array_of(manifest->tags)},
                {"uses", array_of(manifest->uses)},
                {"needs", array_of(manifest->grants)},
                {"benchmark", manifest->benchmark},
                {"folder", *below},
                {"hash", content_hash(module->source)},
                {"source", module->source}});
    return kOk;
  }
  std::string uses;
  for (const std::string& used : manifest->uses) uses += (uses.empty() ? "" : ", ") + used;
  print_line("skill:      " + options.id + " " + manifest->version);
  print_line("summary:    " + plain(manifest->summary));
  print_line("uses:       " + (uses.empty() ? "nothing" : uses));
  print_line("needs:      " +
             (manifest->grants.empty() ? "no grants" : plain(script::join_words(manifest->grants))));
  print_line("benchmark:  " + (manifest->benchmark.is_nil() ? "none" : plain(readable(manifest->benchmark))));
  print_line("file:       " + module->chunk + " (" + std::to_string(module->source.size()) +
             " bytes, version " + short_hash(content_hash(module->source)) + ")");
  return kOk;
}

int make(const SkillOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  if (auto below = skill_folder(options.id); !below) return fail(below.error());
  const Files files = skill_template(options.id);
  if (auto written = write_new_files(*folder, files); !written) return fail(written.error());
  if (context.json) {
    Value::Array paths;
    for (const auto& [path, text] : files) paths.push_back(path);
    print_json({{"id", options.id}, {"files", paths}});
    return kOk;
  }
  for (const auto& [path, text] : files) print_line("wrote " + path);
  print_line("next: `clade skill test " + options.id +
             "`; an agent that lists it under `skills` in its agent.yaml may require it");
  return kOk;
}

// The evaluation that runs a skill's test.lua through scripts/run_tests.lua.
Result<cell::EvalRequest> test_request(const std::string& folder, const SkillOptions& options) {
  auto manifest = skill_manifest(folder, options.id);
  if (!manifest) return failure(manifest.error());
  auto below = skill_folder(options.id);
  if (!has_file(folder, options.id, "test.lua")) {
    return failure("not_found", "skill " + options.id + " has no tests: write " + *below +
                                    "/test.lua, a chunk that returns {name = function(skill) ... end}");
  }
  auto modules = read_skills(folder, {options.id});
  if (!modules) return failure(modules.error());
  auto tests = read_module(folder, *below + "/test.lua");
  if (!tests) return failure(tests.error());
  modules->emplace("test", std::move(*tests));
  cell::EvalRequest request;
  const std::string runner = "scripts/run_tests.lua";
  request.main = {vm::embedded_scripts().at(runner), runner};
  request.entry = "run";
  Value::Array args = {options.id};
  if (!options.filter.empty()) args.push_back(options.filter);
  request.args = std::move(args);
  request.modules = std::move(*modules);
  request.cpu_ms = kTestCpuMs;
  request.wall_ms = 2 * kTestCpuMs;
  request.memory_mb = kMemoryMb;
  return request;
}

int test(const SkillOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto request = test_request(*folder, options);
  if (!request) return fail(request.error());
  auto result = evaluate(std::move(*request));
  if (!result) return fail(result.error());
  if (!result->ok) {
    return fail({result->code, "the tests of " + options.id + " did not run to their end: " + result->error +
                                   " [" + result->code + "]"});
  }
  const Value::Array& tests = result->value.as_array();
  const auto failed =
      std::count_if(tests.begin(), tests.end(), [](const Value& one) { return !one["ok"].as_bool(); });
  if (context.json) {
    print_json({{"skill", options.id},
                {"ok", failed == 0 && !tests.empty()},
                {"tests", result->value.is_array() ? result->value : Value(Value::Array())},
                {"failed", static_cast<int64_t>(failed)},
                {"cpu_ms", static_cast<double>(result->cpu_us) / 1000}});
  } else {
    const bool coloured = colour_wanted(1);
    for (const Value& one : tests) {
      const bool ok = one["ok"].as_bool();
      print_line(paint(coloured, ok ? Colour::green : Colour::red, ok ? "ok" : "not ok") + " " +
                 plain(one["name"].as_string()));
      if (!ok) print_line("  " + plain(one["error"].as_string()));
    }
    print_line(std::to_string(tests.size()) + " tests, " + std::to_string(failed) + " failed");
  }
  if (tests.empty())
    return fail({"not_found", "no test of " + options.id + " was run: test.lua holds none that fits"});
  return failed == 0 ? kOk : kFailed;
}

// The evaluation of a skill by its own judge: bench.lua drives the skill, which runs in a VM of its own.
Result<cell::EvalRequest> bench_request(const std::string& folder, const SkillOptions& options) {
  auto manifest = skill_manifest(folder, options.id);
  if (!manifest) return failure(manifest.error());
  auto below = skill_folder(options.id);
  if (!has_file(folder, options.id, "bench.lua")) {
    return failure("not_found", "skill " + options.id + " has no benchmark: write " + *below +
                                    "/bench.lua, a chunk that returns {bench = function(options) ... end}");
  }
  auto judge = read_module(folder, *below + "/bench.lua");
  if (!judge) return failure(judge.error());
  std::vector<std::string> needed = manifest->uses;
  for (const Value& id : manifest->benchmark["uses"].as_array()) needed.push_back(id.as_string());
  auto modules = read_skills(folder, needed);
  if (!modules) return failure(modules.error());
  auto subject = read_module(folder, *below + "/init.lua");
  if (!subject) return failure(subject.error());
  auto subject_modules = read_skills(folder, manifest->uses);
  if (!subject_modules) return failure(subject_modules.error());

  Value arguments{Value::Map{}};
  if (options.data) {
    auto text = read_stream(*options.data, kDataBytes);
    if (!text) return failure(text.error());
    arguments.set("text", *text);
    arguments.set("name", std::filesystem::path(*options.data).filename().string());
  }
  if (options.seed) arguments.set("seed", *options.seed);
  if (options.instances) arguments.set("instances", *options.instances);

  cell::EvalRequest request;
  request.main = std::move(*judge);
  request.entry = "bench";
  request.args = Value::Array{std::move(arguments)};
  request.modules = std::move(*modules);
  request.subject = cell::EvalRequest::Subject{std::move(*subject), std::move(*subject_modules)};
  request.cpu_ms = kBenchCpuMs;
  request.wall_ms = 2 * kBenchCpuMs;
  request.memory_mb = kMemoryMb;
  return request;
}

// What is wrong with the form of a benchmark's result; "" if nothing is. `metric`: what skill.yaml names.
std::string wrong_form(const Value& measured, const std::string& metric) {
  if (!measured.is_map()) return "no table with names";
  if (measured.has("valid")) {
    if (!measured["valid"].is_bool()) return "valid = " + readable(measured["valid"]);
    if (!measured["valid"].as_bool())
      return measured["reason"].is_string() ? "" : "valid = false and no reason";
  }
  for (const std::string& name : {std::string("excess"), metric}) {
    if (name.empty() || !measured.has(name)) continue;
    const Value& figure = measured[name];
    if (!figure.is_number() || !std::isfinite(figure.as_real())) return name + " = " + readable(figure);
  }
  const std::string wanted = metric.empty() ? "excess" : metric;
  return measured.has("excess") || measured.has(wanted) ? "" : "no " + wanted;
}

void print_measurement(const Value& measured) {
  const auto line = [](const std::string& key, const std::string& text) {
    print_line(key + ":" + std::string(key.size() < 12 ? 12 - key.size() : 1, ' ') + plain(text));
  };
  // What a packing benchmark says first, then whatever else the judge told.
  if (measured.has("excess")) line("excess", format_number(measured["excess"].as_real(), 3) + " %");
  if (measured.has("bins")) line("bins", readable(measured["bins"]));
  if (measured.has("lower_bound")) line("lower bound", readable(measured["lower_bound"]));
  for (const auto& [key, value] : measured.as_map()) {
    const bool told =
        key == "excess" || key == "bins" || key == "lower_bound" || key == "valid" || key == "reason";
    if (!told && !value.is_array() && !value.is_map()) line(key, readable(value));
  }
}

int bench(const SkillOptions& options, const Context& context) {
  if (options.data && options.instances) {
    return fail(
        {"usage", "--data measures on a file, --instances on generated instances: give one of the two"});
  }
  if (options.instances) {
    if (auto form = check_instances(*options.instances); !form) return fail(form.error());
  }
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto request = bench_request(*folder, options);
  if (!request) return fail(request.error());
  auto result = evaluate(std::move(*request));
  if (!result) return fail(result.error());
  if (!result->ok) {
    return fail({result->code,
                 "the benchmark of " + options.id + " failed: " + result->error + " [" + result->code + "]"});
  }
  const Value& measured = result->value;
  auto manifest = skill_manifest(*folder, options.id);
  if (!manifest) return fail(manifest.error());
  const std::string metric = manifest->benchmark["metric"].as_string();
  if (const std::string wrong = wrong_form(measured, metric); !wrong.empty()) {
    return fail({"invalid", "the benchmark of " + options.id + " returned " + shortened(plain(wrong), 200) +
                                ": it returns {" + (metric.empty() ? "excess" : metric) +
                                " = NUMBER, ...} or {valid = false, reason = TEXT}"});
  }
  const bool valid = !measured.has("valid") || measured["valid"].as_bool();
  if (context.json) {
    Value data = measured;
    data.set("cpu_ms", static_cast<double>(result->cpu_us) / 1000);
    data.set("units", result->units);
    print_json(data);
  } else if (valid) {
    print_measurement(measured);
  }
  if (!valid)
    return fail({"invalid", "the result of " + options.id + " is invalid: " + readable(measured["reason"])});
  return kOk;
}

}  // namespace

void add_skill_commands(Command root, Context& context) {
  auto options = std::make_shared<SkillOptions>();
  auto skill = root.group("skill", "The skills of a swarm",
                          "clade skill list\n"
                          "clade skill test optimize.bin_packing\n"
                          "clade skill bench optimize.bin_packing --data knowledge/packing/weibull5k.txt");
  const std::string id_help = "Id of the skill: LAYER.NAME";
  skill
      .add("new", "Make a skill with a test that passes",
           "clade skill new text.words && clade skill test text.words")
      .argument("NAME", options->id, id_help)
      .json()
      .action([options, &context] { return make(*options, context); });
  skill.add("list", "List the skills of the swarm", "clade skill list\nclade skill list --json")
      .json()
      .action([&context] { return list(context); });
  skill.add("show", "Show what a skill is", "clade skill show optimize.bin_packing")
      .argument("NAME", options->id, id_help)
      .json()
      .action([options, &context] { return show(*options, context); });
  skill
      .add("test", "Run a skill's tests, shut in",
           "clade skill test optimize.bin_packing\nclade skill test optimize.bin_packing --filter capacity")
      .argument("NAME", options->id, id_help)
      .option("--filter", options->filter, "TEXT", "Only tests whose name contains this")
      .json()
      .action([options, &context] { return test(*options, context); });
  skill
      .add("bench", "Measure a skill with its benchmark, shut in",
           "clade skill bench optimize.bin_packing\n"
           "clade skill bench optimize.bin_packing --data knowledge/packing/weibull5k.txt\n"
           "clade skill bench optimize.bin_packing --instances uniform:20-100:150 --seed 7 --json")
      .argument("NAME", options->id, id_help)
      .option("--data", options->data, "FILE",
              "Instances to measure on, in a format that the benchmark reads")
      .option(
          "--instances", options->instances, "SPEC",
          "Instances to generate: weibull:SHAPE:SCALE:CAPACITY[:ITEMS] or uniform:LOW-HIGH:CAPACITY[:ITEMS]")
      .number("--seed", options->seed, 0, INT64_MAX, "Seed of generated instances")
      .json()
      .action([options, &context] { return bench(*options, context); });
}

}  // namespace clade::cli
