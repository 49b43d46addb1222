#include "run/agent_state.h"

#include "base/bytes.h"
#include "base/codec.h"

namespace clade::run {

Result<AgentState> next_state(const AgentState& before, Value value, const std::string& version) {
  AgentState state = before;
  state.version = version;
  if (value == before.value) return state;
  if (auto status = check_json(value); !status)
    return failure(status.error().code, "state: " + status.error().message);
  const std::string text = encode_json(value);
  if (text.size() > kStateBytes) {
    return failure("limit", "the state takes " + std::to_string(text.size()) + " bytes as JSON, " +
                                std::to_string(kStateBytes) +
                                " (64 KB) are allowed: keep what is larger in clade.data, by key");
  }
  state.value = std::move(value);
  const std::string hash = content_hash(text);
  state.kept = state.kept && hash == before.hash;
  state.hash = hash;
  return state;
}

void write_state(const std::string& agent, const AgentState& state, int64_t now, store::Batch& batch) {
  batch.add(
      [agent, version = state.version, text = encode_json(state.value), now](store::Database& database) {
        auto insert = database.prepare(
            "INSERT OR REPLACE INTO agent (name, version, state, updated_at) VALUES (?, ?, ?, ?)");
        insert.bind(1, agent).bind(2, version).bind(3, text).bind(4, now);
        return insert.run();
      });
}

void keep_state(AgentState& state, store::Batch& batch) {
  if (state.kept || state.hash.empty()) return;
  state.kept = true;
  batch.add([hash = state.hash, text = encode_json(state.value)](store::Database& database) {
    auto insert = database.prepare("INSERT OR IGNORE INTO state (hash, content) VALUES (?, ?)");
    insert.bind(1, hash).bind(2, text);
    return insert.run();
  });
}

}  // namespace clade::run
