#include "cli/templates.h"

#include <filesystem>

#include "base/bytes.h"

namespace clade::cli {
namespace {

constexpr const char* kSwarm =
    R"yaml(# A swarm: which agents run, what each may do, and what they work towards.
swarm: "@name@"

# Isolation layers without which the host refuses to start: seccomp, landlock, namespaces.
require: []

agents:
  # What an agent asks for in agents/<role>/agent.yaml and is given here, it may do, e.g. "mail.send:role:greeter" or
  # "queue.add:greet"; nothing else. Given with limits: {grant: "mail.send:role:greeter", rate: 10/min, size: 64 KB}.
  greeter: {grants: []}
)yaml";

constexpr const char* kIgnore = "/.clade/\n/report/\n";

constexpr const char* kGreeterManifest = R"yaml(summary: Greets whoever a task names
skills: [text.greeting]
grants: []
)yaml";

constexpr const char* kGreeter =
    R"lua(-- Takes tasks of type "greet" with a payload {name=text}; the result is the greeting.
local greeting = require("text.greeting")

return {
  api = 1,
  tasks = { "greet" },
  state = { greeted = 0 },

  on_task = function(self, task)
    local text = greeting.greet(task.payload.name)
    self.state.greeted = self.state.greeted + 1
    clade.log(text)
    return { greeting = text, greeted = self.state.greeted }
  end,

  selftest = function()
    assert(greeting.greet("Ada") == "Hello, Ada!")
  end,
}
)lua";

constexpr const char* kGreetingManifest = R"yaml(id: text.greeting
summary: A greeting for a name
version: "1.0.0"
tags: [text]
)yaml";

constexpr const char* kGreeting = R"lua(-- A greeting for a name.
local greeting = {}

-- Returns the greeting; without a name it greets everybody.
function greeting.greet(name)
  if name == nil or name == "" then
    name = "everybody"
  end
  return "Hello, " .. name .. "!"
end

return greeting
)lua";

constexpr const char* kGreetingTest =
    R"lua(-- Each function is a test: it gets the skill, and raises if something is wrong.
return {
  greets_by_name = function(greeting)
    assert(greeting.greet("Ada") == "Hello, Ada!")
  end,

  greets_everybody_without_a_name = function(greeting)
    assert(greeting.greet(nil) == "Hello, everybody!")
    assert(greeting.greet("") == "Hello, everybody!")
  end,
}
)lua";

constexpr const char* kAgentManifest = R"yaml(summary: Completes tasks of the types @name@_*
skills: []
grants: []
)yaml";

constexpr const char* kAgent =
    R"lua(-- Takes tasks of the types "@name@_*". What a handler returns is the task's result; an error makes it a failed attempt.
return {
  api = 1,
  tasks = { "@name@_*" },
  state = { handled = 0 },

  on_task = function(self, task)
    self.state.handled = self.state.handled + 1
    clade.log("handled " .. task.id)
    return { payload = task.payload, handled = self.state.handled }
  end,

  on_mail = function(self, message)
    clade.log(message.sender .. " wrote " .. message.kind)
  end,

  -- A saved file goes live only if this does not raise.
  selftest = function()
    assert(1 + 1 == 2)
  end,
}
)lua";

constexpr const char* kSkillManifest = R"yaml(id: @layer@.@name@
summary: Counts the words of a text
version: "1.0.0"
tags: ["@layer@"]
)yaml";

constexpr const char* kSkill = R"lua(-- Counts the words of a text.
local @name@ = {}

-- Returns how many words, separated by blanks, `text` has. Raises if it is no text.
function @name@.count(text)
  assert(type(text) == "string", "count takes a text")
  local words = 0
  for _ in text:gmatch("%S+") do
    words = words + 1
  end
  return words
end

return @name@
)lua";

constexpr const char* kSkillTest =
    R"lua(-- Each function is a test: it gets the skill, and raises if something is wrong.
return {
  counts_words = function(skill)
    assert(skill.count("") == 0)
    assert(skill.count("one") == 1)
    assert(skill.count(" two  words ") == 2)
  end,

  refuses_what_is_no_text = function(skill)
    assert(not pcall(skill.count, 7))
  end,
}
)lua";

std::string filled(std::string text, const std::map<std::string, std::string>& words) {
  for (const auto& [key, word] : words) {
    const std::string mark = "@" + key + "@";
    for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += word.size()) {
      text.replace(at, mark.size(), word);
    }
  }
  return text;
}

}  // namespace

Files swarm_template(const std::string& name) {
  return {
      {"swarm.yaml", filled(kSwarm, {{"name", name}})},       {".gitignore", kIgnore},
      {"agents/greeter/agent.yaml", kGreeterManifest},        {"agents/greeter/init.lua", kGreeter},
      {"skills/text/greeting/skill.yaml", kGreetingManifest}, {"skills/text/greeting/init.lua", kGreeting},
      {"skills/text/greeting/test.lua", kGreetingTest}};
}

Files agent_template(const std::string& name) {
  const std::string folder = "agents/" + name;
  return {{folder + "/agent.yaml", filled(kAgentManifest, {{"name", name}})},
          {folder + "/init.lua", filled(kAgent, {{"name", name}})}};
}

Files skill_template(const std::string& id) {
  const size_t dot = id.find('.');
  const std::map<std::string, std::string> words = {{"layer", id.substr(0, dot)},
                                                    {"name", id.substr(dot + 1)}};
  const std::string folder = "skills/" + words.at("layer") + "/" + words.at("name");
  return {{folder + "/skill.yaml", filled(kSkillManifest, words)},
          {folder + "/init.lua", filled(kSkill, words)},
          {folder + "/test.lua", kSkillTest}};
}

Status write_new_files(const std::string& folder, const Files& files) {
  std::error_code ignored;
  for (const auto& [path, text] : files) {
    if (std::filesystem::exists(folder + "/" + path, ignored)) {
      return failure(
          "conflict",
          folder + "/" + path + " exists already: nothing was written; choose another name or remove it");
    }
  }
  for (const auto& [path, text] : files) {
    const std::string target = folder + "/" + path;
    if (auto made = make_folders(std::filesystem::path(target).parent_path().string()); !made) return made;
    if (auto written = write_file_atomic(target, text); !written) return written;
  }
  return {};
}

}  // namespace clade::cli
