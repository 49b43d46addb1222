// A swarm of one agent whose script a test gives.
#pragma once

#include <string>

#include "support/swarm.h"

namespace test {

inline constexpr const char* kGrants =
    "[cell.eval, 'queue.add:*', 'mail.send:**', 'process.run:**', queue.read]";

inline void write_agent(const Swarm& swarm, const std::string& role, const std::string& script) {
  swarm.write("agents/" + role + "/agent.yaml", std::string("summary: of a test\ngrants: ") + kGrants + "\n");
  swarm.write("agents/" + role + "/init.lua", script);
}

// agents/one and agents/two, each with its script.
inline void write_swarm(const Swarm& swarm, const std::string& one,
                        const std::string& two = "return { api = 1, on_mail = function() end }\n") {
  const std::string grants = std::string("{grants: ") + kGrants + "}";
  swarm.write("swarm.yaml", "swarm: small\nagents:\n  one: " + grants + "\n  two: " + grants + "\n");
  write_agent(swarm, "one", one);
  write_agent(swarm, "two", two);
}

}  // namespace test
