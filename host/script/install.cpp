#include "script/install.h"

#include <algorithm>
#include <utility>

namespace clade::script {
namespace {

void write_row(const std::string& name, int64_t install, const std::string& fallback, store::Batch& batch) {
  batch.add([name, install, fallback](store::Database& database) {
    auto update = database.prepare("UPDATE script SET install = ?, fallback = ?, paused = 0 WHERE name = ?");
    return update.bind(1, install).bind(2, fallback).bind(3, name).run();
  });
}

}  // namespace

int64_t Installs::of(const std::string& name) const {
  const auto found = of_.find(name);
  return found == of_.end() ? 0 : found->second;
}

int64_t Installs::now(int64_t id) const {
  if (installs_.count(id) > 0) return id;
  const auto found = joined_.find(id);
  return found == joined_.end() ? 0 : found->second;
}

const Version* Installs::instead_of(const std::string& name) const {
  const auto found = of_.find(name);
  if (found == of_.end()) return nullptr;
  const Install& install = installs_.at(found->second);
  const auto& before = install.before.at(name);
  return install.suspended && before ? &*before : nullptr;
}

void Installs::restore(int64_t id, const std::string& name, std::optional<Version> before) {
  installs_[id].before.insert_or_assign(name, std::move(before));
  of_[name] = id;
  count_from(id);
}

void Installs::count_from(int64_t last) {
  last_ = std::max(last_, last);
}

int64_t Installs::begin(std::map<std::string, std::optional<Version>> before,
                        const std::set<int64_t>& joined) {
  const int64_t id = ++last_;
  Install install;
  install.before = std::move(before);
  for (const int64_t other : joined) {
    Install& former = installs_.at(other);
    // What it began with, not what it had put in force meanwhile.
    for (auto& [name, version] : former.before) install.before.insert_or_assign(name, std::move(version));
    installs_.erase(other);
    for (auto& [before_that, became] : joined_) became = became == other ? id : became;
    joined_[other] = id;
  }
  for (const auto& [name, version] : install.before) of_[name] = id;
  installs_.emplace(id, std::move(install));
  return id;
}

void Installs::record(int64_t id, store::Batch& batch) const {
  const auto found = installs_.find(id);
  if (found == installs_.end()) return;
  for (const auto& [name, version] : found->second.before)
    write_row(name, id, version ? version->hash : "", batch);
}

void Installs::leave(const std::string& name, store::Batch& batch) {
  const auto found = of_.find(name);
  if (found == of_.end()) return;
  Install& install = installs_.at(found->second);
  install.before.erase(name);
  if (install.before.empty()) forget(found->second);
  of_.erase(found);
  write_row(name, 0, "", batch);
}

void Installs::end(int64_t id, store::Batch& batch) {
  for (const auto& [name, version] : installs_.at(id).before) {
    of_.erase(name);
    write_row(name, 0, "", batch);
  }
  forget(id);
}

void Installs::forget(int64_t id) {
  installs_.erase(id);
  std::erase_if(joined_, [id](const auto& entry) { return entry.second == id; });
}

void Installs::suspend(int64_t id, bool on) {
  installs_.at(id).suspended = on;
}

void Installs::pause(store::Batch& batch) const {
  if (installs_.empty()) return;
  batch.add([](store::Database& database) {
    return database.execute("UPDATE script SET paused = 1 WHERE install <> 0");
  });
}

}  // namespace clade::script
