// Runs that wait under versions which are no longer in force.
#include "run/drain.h"

#include <map>
#include <memory>
#include <vector>

#include "fixture.h"
#include "run/program.h"

namespace clade::run {

TEST_CASE("a run that waits keeps its versions for as long as swarm.yaml says, and no longer") {
  const Folder folder;
  PlayedHost host(folder);
  std::map<int64_t, std::unique_ptr<Run>> runs;
  const auto begin = [&](int64_t id) {
    runs[id] = std::make_unique<Run>(id, host.blobs);
    runs[id]->role = "worker";
    runs[id]->combination = current_combination(host.library, "worker");
  };
  Drain drain(host.library);
  const int64_t span = host.library.swarm().drain_ms;
  begin(1);
  CHECK(drain.overdue(runs, 0).empty());
  CHECK(drain.overdue(runs, 10 * span).empty());

  folder.write("agents/worker/init.lua", "return { api = 1, changed = true }\n");
  store::Batch batch;
  host.library.import(host.library.changed(), "file", batch);
  host.dispatcher->commit(std::move(batch), nullptr);
  begin(2);
  int64_t now = 11 * span;
  CHECK(drain.overdue(runs, now).empty());
  CHECK(drain.overdue(runs, now + span - 1).empty());
  CHECK(drain.overdue(runs, now + span) == std::vector<int64_t>{1});
  runs.erase(1);
  CHECK(drain.overdue(runs, now + 2 * span).empty());

  // Versions that come into force again in between count from then on.
  runs[2]->combination = "another";
  CHECK(drain.overdue(runs, now).empty());
  runs[2]->combination = current_combination(host.library, "worker");
  CHECK(drain.overdue(runs, now + span / 2).empty());
  runs[2]->combination = "another";
  CHECK(drain.overdue(runs, now + span).empty());
  CHECK(drain.overdue(runs, now + 2 * span) == std::vector<int64_t>{2});
}

}  // namespace clade::run
