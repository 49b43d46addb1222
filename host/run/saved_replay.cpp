#include "run/saved_replay.h"

#include <optional>

#include "base/codec.h"

namespace clade::run {
namespace {

constexpr const char* kHandlers[] = {"on_task", "on_mail"};
constexpr Replayed::End kEnds[] = {Replayed::End::returned, Replayed::End::raised, Replayed::End::lost,
                                   Replayed::End::stuck};

Result<Value> answers_value(const Recording& recording) {
  Value::Array answers;
  for (const auto& answer : recording.answers) {
    if (!answer.known) continue;
    auto args = decode_msgpack(answer.args);
    if (!args) return failure("corrupt", "the journal of this run is damaged");
    Value entry{{"strand", answer.strand},  {"position", answer.position},       {"op", answer.op},
                {"args", std::move(*args)}, {"finished_at", answer.finished_at}, {"turn", answer.turn}};
    if (answer.result) {
      entry.set("result", *answer.result);
    } else {
      entry.set("error", {{"code", answer.result.error().code}, {"message", answer.result.error().message}});
    }
    answers.push_back(std::move(entry));
  }
  return Value(std::move(answers));
}

// What is wrong with a part of the file, or nothing.
std::optional<std::string> problem_of(const Value& content) {
  for (const char* field : {"agent", "role", "handler"}) {
    if (!content[field].is_string() || content[field].as_string().empty())
      return std::string("`") + field + "` must be a text";
  }
  bool known = false;
  for (const char* handler : kHandlers) known = known || content["handler"].as_string() == handler;
  if (!known) return "`handler` must be on_task or on_mail";
  for (const char* field : {"run", "now_ms", "seed"}) {
    if (!content[field].is_integer()) return std::string("`") + field + "` must be a whole number";
  }
  if (!content["argument"].is_map()) return "`argument` must be the task or message";
  if (!content["answers"].is_array()) return "`answers` must be a list";
  for (const auto& answer : content["answers"].as_array()) {
    const bool whole = answer["strand"].is_string() && answer["position"].is_integer() &&
                       answer["op"].is_string() && answer.has("args") && answer["turn"].is_integer() &&
                       answer["finished_at"].is_integer() &&
                       answer.has("result") != answer["error"]["message"].is_string();
    if (!whole)
      return "each of `answers` needs strand, position, op, args, turn, finished_at, and result or error = "
             "{code, message}";
  }
  if (!content["expect"].is_map()) return "`expect` must say what the handler must do";
  if (!content["expect"]["effects"].is_array()) return "`expect.effects` must be a list";
  return std::nullopt;
}

}  // namespace

Result<Value> saved_replay(const Recording& recording, const Replayed& expected) {
  auto answers = answers_value(recording);
  if (!answers) return failure(answers.error());
  const auto& invocation = recording.invocation;
  Value content{{"agent", recording.agent},
                {"role", recording.role},
                {"run", invocation.run},
                {"handler", invocation.handler},
                {"state", invocation.state},
                {"state_version", recording.state_version},
                {"state_schema", invocation.from_schema},
                {"argument", invocation.argument},
                {"now_ms", invocation.now_ms},
                {"seed", invocation.seed},
                {"answers", std::move(*answers)},
                {"expect",
                 {{"end", name(expected.end)},
                  {"result", expected.result},
                  {"state", expected.state},
                  {"effects", expected.effects}}}};
  if (auto status = check_json(content); !status)
    return failure("invalid", "this replay cannot be a file: " + status.error().message);
  return content;
}

Result<SavedReplay> read_saved_replay(const Value& content) {
  if (const auto problem = problem_of(content)) return failure("invalid", "no saved replay: " + *problem);
  SavedReplay saved;
  Recording& recording = saved.recording;
  recording.agent = content["agent"].as_string();
  recording.role = content["role"].as_string();
  recording.state_version = content["state_version"].as_string();
  recording.invocation.from_schema = content["state_schema"].as_integer();
  recording.invocation.run = content["run"].as_integer();
  recording.invocation.handler = content["handler"].as_string();
  recording.invocation.state = content["state"];
  recording.invocation.argument = content["argument"];
  recording.invocation.now_ms = content["now_ms"].as_integer();
  recording.invocation.seed = content["seed"].as_integer();
  for (const auto& entry : content["answers"].as_array()) {
    Recording::Answer answer{entry["strand"].as_string(),
                             entry["position"].as_integer(),
                             entry["op"].as_string(),
                             encode_msgpack(entry["args"]),
                             true,
                             entry["result"],
                             entry["finished_at"].as_integer(),
                             entry["turn"].as_integer()};
    if (!entry.has("result"))
      answer.result = failure(entry["error"]["code"].as_string(), entry["error"]["message"].as_string());
    recording.answers.push_back(std::move(answer));
  }
  const Value& expect = content["expect"];
  bool known = false;
  for (const auto end : kEnds) {
    if (expect["end"].as_string() != name(end)) continue;
    saved.expected.end = end;
    known = true;
  }
  if (!known)
    return failure("invalid", "no saved replay: `expect.end` must be returned, raised, lost or stuck");
  saved.expected.result = expect["result"];
  saved.expected.state = expect["state"];
  saved.expected.effects = expect["effects"].as_array();
  return saved;
}

std::string difference(const Replayed& expected, const Replayed& came) {
  if (expected.end != came.end) return "end";
  if (expected.end != Replayed::End::returned) return "";
  if (!(expected.result == came.result)) return "result";
  if (!(expected.state == came.state)) return "state";
  return expected.effects == came.effects ? "" : "effects";
}

}  // namespace clade::run
