#include "cli/settings.h"

#include "base/codec.h"
#include "cli/folder.h"
#include "store/audit.h"

namespace clade::cli {

Result<Value> settings_in_force(const ServeOptions& options, const Value& of_swarm, store::Database& database,
                                int64_t now, store::Batch& batch) {
  Value settings = of_swarm.is_map() ? of_swarm : Value(Value::Map());
  Value stored = Value::Map();
  auto query = database.prepare("SELECT name, value FROM setting");
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) break;
    auto value = decode_json(query.text(1));
    if (!value) return failure("corrupt", "the setting " + query.text(0) + " in the store is damaged");
    settings.set(query.text(0), *value);
    stored.set(query.text(0), std::move(*value));
  }
  Value given = Value::Map();
  if (options.seed) given.set("seed", *options.seed);
  if (options.evaluations) given.set("evaluations", *options.evaluations);
  if (options.instances) given.set("instances", *options.instances);
  if (options.approve_auto) given.set("approve", *options.approve_auto ? "auto" : "ask");
  if (options.commit) given.set("commit", true);
  for (const auto& [name, value] : given.as_map()) {
    settings.set(name, value);
    batch.add([key = name, text = encode_json(value)](store::Database& writing) {
      auto insert = writing.prepare("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)");
      insert.bind(1, key).bind(2, text);
      return insert.run();
    });
    // The table keeps the setting in force alone.
    if (stored[name] != value)
      store::record_act({now, operator_name(), "setting.set", name, Value{{"value", value}}}, batch);
  }
  return settings;
}

}  // namespace clade::cli
