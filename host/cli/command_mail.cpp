// clade mail …
#include <memory>

#include "base/clock.h"
#include "base/codec.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/folder.h"
#include "cli/output.h"
#include "cli/scripts.h"
#include "mail/mail.h"

namespace clade::cli {
namespace {

struct MailOptions {
  std::string to;
  std::string kind = "note";
  std::string body;
  std::string agent;
  int64_t limit = 50;
};

int send(const MailOptions& options, const Context& context) {
  Value body{options.body};
  // Text may be written as it is; what begins like JSON has to be JSON.
  if (const size_t first = options.body.find_first_not_of(" \t\n"); first != std::string::npos) {
    const char begin = options.body[first];
    if (begin == '{' || begin == '[' || begin == '"') {
      auto json = decode_json(options.body);
      if (!json) {
        return fail({"usage", "the BODY begins like JSON and is none: " + json.error().message +
                                  "; quote it for the shell, or write plain text"});
      }
      body = *json;
    }
  }
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto answer =
      request(*folder, "mail.send",
              {{"to", options.to}, {"kind", options.kind}, {"body", body}, {"by", operator_name()}});
  if (!answer) return fail(answer.error());
  if (context.json) {
    print_json(*answer);
  } else {
    for (const Value& id : (*answer)["ids"].as_array()) print_line(id.as_string());
  }
  return kOk;
}

int list(const MailOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto database = open_store(*folder);
  if (!database) return fail(database.error());
  auto messages = mail::list_messages(*database, options.agent, static_cast<int>(options.limit));
  if (!messages) return fail(messages.error());
  // An agent that swarm.yaml no longer has may have got mail.
  if (messages->empty() && !options.agent.empty()) {
    if (auto known = check_agent(*folder, options.agent); !known) return fail(known.error());
  }
  if (context.json) {
    print_json(Value::Array(messages->begin(), messages->end()));
    return kOk;
  }
  const int64_t now = SystemClock().wall_ms();
  Table table({"ID", "FROM", "TO", "KIND", "STATE", "AGE", "BODY"});
  for (const Value& message : *messages) {
    table.row({message["id"].as_string(), message["sender"].as_string(), message["recipient"].as_string(),
               shortened(message["kind"].as_string(), 40), message["state"].as_string(),
               format_span(now - message["created_at"].as_integer()),
               shortened(readable(message["body"]), 60)});
  }
  print_table(table, "no mail");
  return kOk;
}

}  // namespace

void add_mail_commands(Command root, Context& context) {
  auto options = std::make_shared<MailOptions>();
  auto mail = root.group("mail", "Write to agents and read what they wrote",
                         "clade mail send role:reviewer 'look at r12.1 first'\n"
                         "clade mail list");
  mail.add("send", "Send a message; prints one id per recipient",
           "clade mail send role:reviewer 'look at r12.1 first'\n"
           "clade mail send agent:meta --kind rule '{\"rule\":\"vote.threshold\",\"value\":0.7}'\n"
           "clade mail send all 'pause after this task'")
      .argument("TO", options->to, "agent:NAME, role:NAME, topic:NAME or all")
      .text_argument("BODY", options->body, "Text, or JSON when it begins with { [ or \"")
      .option("--kind", options->kind, "WORD", "What kind of message it is (default note)")
      .json()
      .action([options, &context] { return send(*options, context); });
  mail.add("list", "List messages, newest first", "clade mail list\nclade mail list --agent builder --json")
      .option("--agent", options->agent, "NAME", "Only those to this agent")
      .number("-n,--limit", options->limit, 1, 1000000, "At most so many (default 50)")
      .json()
      .action([options, &context] { return list(*options, context); });
}

}  // namespace clade::cli
