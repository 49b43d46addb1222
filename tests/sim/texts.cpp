#include "sim/texts.h"

#include <algorithm>
#include <array>
#include <vector>

#include "sim/random.h"

namespace sim {
namespace {

constexpr std::array<const char*, kNatures> kNames = {"calm",   "fragile", "broken", "deadly",
                                                      "costly", "fresh",   "mangled"};
constexpr const char* kRole = "role = \"";
constexpr const char* kMoody = "plays = \"moody\"";
constexpr const char* kSkill = "return {}\n";

std::string written(const std::string& script, const std::string& plays) {
  const std::string agent = "agent:";
  const bool is_agent = script.rfind(agent, 0) == 0;
  return "return { " + (is_agent ? "api = 1, " + (kRole + script.substr(agent.size())) + "\", " : "") +
         plays + " }\n";
}

std::vector<std::string> texts(const clade::run::Program& program) {
  std::vector<std::string> all = {program.main.source};
  for (const auto& [id, module] : program.modules) all.push_back(module.source);
  return all;
}

bool any_has(const clade::run::Program& program, Nature nature) {
  const auto all = texts(program);
  return std::any_of(all.begin(), all.end(), [&](const auto& text) { return has_nature(text, nature); });
}

}  // namespace

std::string first_text(const std::string& script) {
  return script.rfind("agent:", 0) == 0 ? written(script, kMoody) : kSkill;
}

std::string text_of(const std::string& script, Nature nature, uint64_t number) {
  return written(script, std::string("plays = \"") + kNames.at(static_cast<size_t>(nature)) +
                             "\", number = " + std::to_string(number));
}

std::string role_in(const std::string& text) {
  const auto found = text.find(kRole);
  if (found == std::string::npos) return "";
  const auto begin = found + std::string(kRole).size();
  return text.substr(begin, text.find('"', begin) - begin);
}

bool has_nature(const std::string& text, Nature nature) {
  return text.find(std::string("\"") + kNames.at(static_cast<size_t>(nature)) + "\"") != std::string::npos;
}

bool takes_fresh(const clade::run::Program& program) {
  return any_has(program, Nature::fresh);
}

bool loads(const clade::run::Program& program) {
  return !any_has(program, Nature::mangled);
}

Traits traits_of(const clade::run::Program& program, const clade::Value& task_or_message) {
  Traits traits;
  traits.usage = {1000, 1 << 20};
  for (const auto& text : texts(program)) {
    Random random(mix(mix(0, text), task_or_message["id"].as_string()));
    const bool strikes = random.percent(35);
    traits.moody = traits.moody || text.find(kMoody) != std::string::npos;
    traits.raises =
        traits.raises || has_nature(text, Nature::broken) || (strikes && has_nature(text, Nature::fragile));
    traits.kills = traits.kills || (strikes && has_nature(text, Nature::deadly));
    if (has_nature(text, Nature::fresh)) {
      traits.fresh = true;
      traits.raises = traits.raises || (strikes && task_or_message["type"].as_string() == kFreshTask);
    }
    if (!has_nature(text, Nature::costly)) continue;
    if (mix(0, text) % 2 == 0) {
      traits.usage.cpu_us *= 10;
    } else {
      traits.usage.memory_bytes *= 30;
    }
  }
  return traits;
}

}  // namespace sim
