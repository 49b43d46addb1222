// What the commands about tasks say of wrong input.
#include "cli/app.h"
#include "cli/control.h"
#include "swarm_fixture.h"

namespace clade::cli {
namespace {

TEST_CASE("a payload that the host would not take is refused by the command, with the limit") {
  const Swarm swarm;
  swarm.write("large.json", "\"" + std::string(kControlLineBytes, 'x') + "\"");
  const auto file = swarm.run({"task", "add", "greet", "--payload", "@large.json"});
  CHECK(file.exit == kFailed);
  CHECK(contains(file.err, "clade: large.json is larger than 1 MB"));
  const auto piped = swarm.run({"task", "add", "greet", "--payload", "@-"},
                               "\"" + std::string(kControlLineBytes, 'x') + "\"");
  CHECK(contains(piped.err, "clade: the payload on stdin is larger than 1 MB"));
  // What fits as it is written may not fit with what goes around it.
  swarm.write("close.json", "\"" + std::string(kControlLineBytes - 2, 'x') + "\"");
  const auto close = swarm.run({"task", "add", "greet", "--payload", "@close.json"});
  CHECK(close.exit == kFailed);
  CHECK(contains(close.err, "clade: the request task.add is larger than 1 MB"));
  const std::string deep = std::string(65, '[') + std::string(65, ']');
  const auto nested = swarm.run({"task", "add", "greet", "--payload", deep});
  CHECK(nested.exit == kUsage);
  CHECK(contains(nested.err, "--payload, line 1, column"));
  CHECK(contains(nested.err, "nested deeper than 64 levels"));
}

}  // namespace
}  // namespace clade::cli
