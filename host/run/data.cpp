#include "run/data.h"

#include <memory>
#include <utility>

#include "base/codec.h"

namespace clade::run {

Status Data::load(store::Database& database) {
  agents_.clear();
  auto query = database.prepare("SELECT agent, key, bytes FROM data");
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return {};
    Store& store = agents_[query.text(0)];
    const auto bytes = static_cast<size_t>(query.integer(2));
    store.bytes += query.text(1).size() + bytes;
    store.sizes.emplace(query.text(1), bytes);
  }
}

const Data::Store& Data::of(const std::string& agent) const {
  static const Store nothing;
  const auto found = agents_.find(agent);
  return found == agents_.end() ? nothing : found->second;
}

std::optional<size_t> Data::size_of(const std::string& agent, const DataChanges& changes,
                                    const std::string& key) const {
  if (const auto change = changes.values.find(key); change != changes.values.end()) {
    if (!change->second) return std::nullopt;
    return change->second->size();
  }
  const auto& sizes = of(agent).sizes;
  const auto found = sizes.find(key);
  if (found == sizes.end()) return std::nullopt;
  return found->second;
}

Status Data::set(const std::string& agent, const std::string& key, const Value& value,
                 DataChanges& changes) const {
  if (key.empty() || key.size() > kDataKeyBytes || !is_utf8(key)) {
    return failure("invalid",
                   "data.set: a key is UTF-8 text of 1 to " + std::to_string(kDataKeyBytes) + " bytes");
  }
  std::string bytes = encode_msgpack(value);
  if (bytes.size() > kDataValueBytes) {
    return failure("limit", "data.set: the value of \"" + key + "\" takes " + std::to_string(bytes.size()) +
                                " bytes, " + std::to_string(kDataValueBytes) +
                                " (1 MB) are allowed: spread it over several keys");
  }
  const auto old = size_of(agent, changes, key);
  const int64_t more_keys = old ? 0 : 1;
  const int64_t more_bytes = static_cast<int64_t>(bytes.size()) -
                             (old ? static_cast<int64_t>(*old) : -static_cast<int64_t>(key.size()));
  const Store& store = of(agent);
  if (static_cast<int64_t>(store.sizes.size()) + changes.keys + more_keys > static_cast<int64_t>(kDataKeys)) {
    return failure("limit", "data.set: " + agent + " would keep more than " + std::to_string(kDataKeys) +
                                " keys: delete some, or put more into one value");
  }
  const int64_t sum = static_cast<int64_t>(store.bytes) + changes.bytes + more_bytes;
  if (sum > static_cast<int64_t>(kDataBytes)) {
    return failure("limit", "data.set: the data of " + agent + " would take " + std::to_string(sum) +
                                " bytes, " + std::to_string(kDataBytes) + " (" +
                                std::to_string(kDataBytes >> 20) +
                                " MB) are allowed: delete what is not needed any more");
  }
  changes.keys += more_keys;
  changes.bytes += more_bytes;
  changes.values.insert_or_assign(key, std::move(bytes));
  return {};
}

bool Data::erase(const std::string& agent, const std::string& key, DataChanges& changes) const {
  const auto old = size_of(agent, changes, key);
  if (!old) return false;
  --changes.keys;
  changes.bytes -= static_cast<int64_t>(key.size() + *old);
  if (of(agent).sizes.count(key) > 0) {
    changes.values.insert_or_assign(key, std::nullopt);
  } else {
    changes.values.erase(key);
  }
  return true;
}

Result<Value> Data::get(store::Database& database, const std::string& agent, const DataChanges& changes,
                        const std::string& key) const {
  if (!size_of(agent, changes, key))
    return failure("not_found", "data.get: " + agent + " has no key \"" + valid_utf8(key) + "\"");
  std::string bytes;
  if (const auto change = changes.values.find(key); change != changes.values.end()) {
    bytes = *change->second;
  } else {
    auto query = database.prepare("SELECT value FROM data WHERE agent = ? AND key = ?");
    query.bind(1, agent).bind(2, key);
    auto row = query.step();
    if (!row) return failure(row.error());
    if (*row) bytes = query.text(0);
  }
  auto value = decode_msgpack(bytes);
  if (!value) return failure("corrupt", "data.get: the value of \"" + key + "\" of " + agent + " is damaged");
  return value;
}

Value::Array Data::keys(const std::string& agent, const DataChanges& changes, const std::string& prefix,
                        const std::string& after, int64_t limit) const {
  const auto& sizes = of(agent).sizes;
  auto kept = after < prefix ? sizes.lower_bound(prefix) : sizes.upper_bound(after);
  auto changed = after < prefix ? changes.values.lower_bound(prefix) : changes.values.upper_bound(after);
  const auto fits = [&](const auto& entry, const auto& end) {
    return entry != end && entry->first.compare(0, prefix.size(), prefix) == 0;
  };
  Value::Array list;
  while (static_cast<int64_t>(list.size()) < limit) {
    const bool has_kept = fits(kept, sizes.end());
    const bool has_changed = fits(changed, changes.values.end());
    if (!has_kept && !has_changed) break;
    if (!has_changed || (has_kept && kept->first < changed->first)) {
      list.emplace_back((kept++)->first);
      continue;
    }
    // What the run has changed hides what is kept.
    if (has_kept && kept->first == changed->first) ++kept;
    if (changed->second) list.emplace_back(changed->first);
    ++changed;
  }
  return list;
}

void Data::commit(const std::string& agent, const DataChanges& changes, int64_t now, store::Batch& batch) {
  if (changes.values.empty()) return;
  Store& store = agents_[agent];
  for (const auto& [key, value] : changes.values) {
    if (const auto old = store.sizes.find(key); old != store.sizes.end()) {
      store.bytes -= key.size() + old->second;
      store.sizes.erase(old);
    }
    if (!value) continue;
    store.bytes += key.size() + value->size();
    store.sizes.emplace(key, value->size());
  }
  // One copy, whatever the batch does with its function.
  batch.add([agent, now, values = std::make_shared<const decltype(changes.values)>(changes.values)](
                store::Database& database) -> Status {
    for (const auto& [key, value] : *values) {
      if (!value) {
        auto remove = database.prepare("DELETE FROM data WHERE agent = ? AND key = ?");
        remove.bind(1, agent).bind(2, key);
        if (auto status = remove.run(); !status) return status;
        continue;
      }
      auto insert = database.prepare(
          "INSERT INTO data (agent, key, bytes, updated_at, value) VALUES (?, ?, ?, ?, ?) ON CONFLICT "
          "(agent, key) DO "
          "UPDATE SET bytes = excluded.bytes, updated_at = excluded.updated_at, value = excluded.value");
      insert.bind(1, agent).bind(2, key).bind(3, static_cast<int64_t>(value->size())).bind(4, now);
      insert.bind_blob(5, *value);
      if (auto status = insert.run(); !status) return status;
    }
    return {};
  });
}

Result<Value> data_totals(store::Database& database, const std::string& agent) {
  auto query = database.prepare(
      "SELECT count(*), coalesce(sum(bytes + length(CAST(key AS BLOB))), 0) FROM data WHERE agent = ?");
  query.bind(1, agent);
  auto row = query.step();
  if (!row) return failure(row.error());
  return Value{{"keys", query.integer(0)}, {"bytes", query.integer(1)}};
}

}  // namespace clade::run
