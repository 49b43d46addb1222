// A small swarm on disk with its store, for the tests of this folder.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "base/clock.h"
#include "script/library.h"
#include "store/database.h"
#include "store/writer.h"
#include "support/manual_clock.h"
#include "support/temporary_folder.h"

namespace test {

// One agent "worker", which requires skills "sort.quick" and, through it, "sort.base".
class Swarm {
 public:
  Swarm() : database(open()) {
    write("swarm.yaml", "swarm: small\nagents:\n  worker:\n");
    write("agents/worker/agent.yaml", "skills: [sort.quick]\n");
    write("agents/worker/init.lua", "return { api = 1 }");
    skill("sort.quick", "uses: [sort.base]\n", "return 'quick 1'");
    skill("sort.base", "", "return 'base 1'");
  }

  std::string path(const std::string& name) const { return folder / name; }
  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path target = path(name);
    std::filesystem::create_directories(target.parent_path());
    std::ofstream file(target, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    REQUIRE(file);
  }
  std::string read(const std::string& name) const {
    auto text = clade::read_file(path(name));
    REQUIRE(text);
    return *text;
  }
  void remove(const std::string& name) const { std::filesystem::remove_all(path(name)); }
  // "layer.name" as a folder with a manifest of `more` lines and a source.
  void skill(const std::string& id, const std::string& more, const std::string& source) const {
    const std::string place = "skills/" + id.substr(0, id.find('.')) + "/" + id.substr(id.find('.') + 1);
    write(place + "/skill.yaml", "id: " + id + "\n" + more);
    write(place + "/init.lua", source);
  }

  // What the writer does with a batch: all of it or nothing.
  void commit(const clade::store::Batch& batch) {
    REQUIRE(database.execute("BEGIN IMMEDIATE"));
    for (const auto& change : batch.changes()) REQUIRE(change(database));
    REQUIRE(database.execute("COMMIT"));
  }
  // A library that has read the folder; what it imported is committed.
  std::unique_ptr<clade::script::Library> loaded() {
    auto library = std::make_unique<clade::script::Library>(folder.path(), clock);
    clade::store::Batch batch;
    const auto status = library->load(database, batch);
    INFO((status ? "" : status.error().message));
    REQUIRE(status);
    commit(batch);
    return library;
  }
  // Why the folder does not load.
  clade::Error load_error() {
    clade::script::Library library(folder.path(), clock);
    clade::store::Batch batch;
    const auto status = library.load(database, batch);
    REQUIRE_FALSE(status);
    return status.error();
  }

  const TemporaryFolder folder;
  clade::test::ManualClock clock;
  clade::store::Database database;

 private:
  clade::store::Database open() const {
    auto opened = clade::store::Database::open(folder / "clade.db", clade::store::Database::Mode::read_write);
    REQUIRE(opened);
    // Nothing here is about losing power: the tests need not wait for the disk.
    REQUIRE(opened->execute("PRAGMA synchronous = OFF"));
    REQUIRE(clade::store::migrate(*opened));
    return std::move(*opened);
  }
};

inline std::vector<std::string> names_of(const std::vector<clade::script::Version>& versions) {
  std::vector<std::string> names;
  for (const auto& version : versions) names.push_back(version.name);
  return names;
}

inline bool mentions(const std::vector<clade::Error>& problems, const std::string& text) {
  return std::any_of(problems.begin(), problems.end(), [&](const clade::Error& problem) {
    return problem.message.find(text) != std::string::npos;
  });
}

// Confirms what is on probation.
inline void confirm_all(Swarm& swarm, clade::script::Library& library) {
  clade::store::Batch batch;
  while (!library.installs().empty())
    library.confirm(library.installs().begin()->first, clade::Value(), batch);
  swarm.commit(batch);
}

// Makes every candidate of a library current, for good.
inline void import_all(Swarm& swarm, clade::script::Library& library) {
  clade::store::Batch batch;
  library.import(library.changed(), "file", batch);
  swarm.commit(batch);
  confirm_all(swarm, library);
}

}  // namespace test
