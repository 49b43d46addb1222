// The data that agents keep by key beside their state (`clade.data`): what is there, and how much of it. The
// values are in the store; keys and sizes are here, too, so that bounds and lists cost no query. An instance
// has one run at a time and sees its own data alone, so nobody changes what a run reads but the run itself.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "store/database.h"
#include "store/writer.h"

namespace clade::run {

// Of one value, as it is stored (canonical MessagePack), and of all values and keys of an instance together.
inline constexpr size_t kDataValueBytes = 1u << 20;
inline constexpr size_t kDataBytes = 64u << 20;
inline constexpr size_t kDataKeys = 10000;
inline constexpr size_t kDataKeyBytes = 256;

// What a run has changed and not committed.
struct DataChanges {
  std::map<std::string, std::optional<std::string>> values;  // key → what was set; nothing: deleted
  int64_t keys = 0;                                          // more than are committed
  int64_t bytes = 0;
};

class Data {
 public:
  // Reads what is there, of all agents. Errors: those of Statement.
  Status load(store::Database& database);

  // Adds to the changes of an instance's run that a key gets a value. Errors: "invalid" (a key that is none),
  // "limit", with what it would take and what is allowed.
  Status set(const std::string& agent, const std::string& key, const Value& value,
             DataChanges& changes) const;
  // The same, that a key goes. False if there was none.
  bool erase(const std::string& agent, const std::string& key, DataChanges& changes) const;
  // The value of a key for a run with these changes, in at most one query. Errors: "not_found", "corrupt",
  // those of Statement.
  Result<Value> get(store::Database& database, const std::string& agent, const DataChanges& changes,
                    const std::string& key) const;
  // The keys that begin with `prefix` and come after `after`, in the order of their bytes, at most `limit`.
  Value::Array keys(const std::string& agent, const DataChanges& changes, const std::string& prefix,
                    const std::string& after, int64_t limit) const;
  // Makes the changes of a run come true.
  void commit(const std::string& agent, const DataChanges& changes, int64_t now, store::Batch& batch);

 private:
  struct Store {
    std::map<std::string, size_t> sizes;  // key → bytes of its value
    size_t bytes = 0;                     // of keys and values
  };
  const Store& of(const std::string& agent) const;
  // The bytes of a key's value for a run with these changes; nothing if it has none.
  std::optional<size_t> size_of(const std::string& agent, const DataChanges& changes,
                                const std::string& key) const;

  std::map<std::string, Store> agents_;
};

// The number of an instance's keys and what keys and values take: {keys, bytes}. Errors: those of Statement.
Result<Value> data_totals(store::Database& database, const std::string& agent);

}  // namespace clade::run
