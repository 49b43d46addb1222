// Mail between agents: stored → delivered → handled, or dead letter. One row per recipient; order per sender
// kept. Ephemeral mail is kept in memory alone: it is handled once at most, and gone with the host.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"
#include "store/database.h"
#include "store/writer.h"

namespace clade::mail {

struct Message {
  std::string id;         // "<sending id>" or "<sending id>/<recipient>" when there are several recipients
  std::string sender;     // agent's name, "operator" or "host"
  std::string recipient;  // agent's name
  std::string address;    // as written: "agent:a", "role:r", "topic:t", "all"
  std::string kind;
  Value body;
  std::string thread;        // id of the first message of the conversation; its own if it is the first
  bool wants_reply = false;  // an `ask`: the handler's return value goes back to the asker
  int64_t run = 0;           // run that sent it; 0 from outside
  int64_t created_at = 0;
  int attempt = 0;
  bool ephemeral = false;
  bool id_is_new = false;  // derived from a run and its position: no other message can have this id
};

// Who there is to write to.
struct Recipient {
  std::string name;
  std::string role;
  std::vector<std::string> topics;
};

// What agents may have waiting, in one mailbox and in all, and what that may take in memory. The operator's
// mail and the host's own count, and are let in all the same.
inline constexpr size_t kMostWaiting = 5000;
inline constexpr size_t kMostBoxBytes = 64u << 20;
inline constexpr size_t kMostMailBytes = 256u << 20;
// What of ephemeral mail a mailbox keeps, besides: beyond that the oldest that nobody has begun with are
// dropped.
inline constexpr size_t kMostEphemeral = 1000;
inline constexpr size_t kMostEphemeralBytes = 4u << 20;
// And in all mailboxes: what comes then is dropped itself, unless its mailbox has older ones.
inline constexpr size_t kMostEphemeralMailBytes = 64u << 20;

class Mail {
 public:
  explicit Mail(const Clock& clock);
  ~Mail();

  // Says who there is; replaces what was said before.
  void set_recipients(std::vector<Recipient> recipients);
  // Reads every message that is not handled yet. `database` is asked later too, and stays: the loop's reading
  // connection.
  Status load(store::Database& database);

  // The recipients of an address, by name. Errors: "not_found" (nobody there: says who is), "invalid" (no
  // such form).
  Result<std::vector<std::string>> resolve(const std::string& address) const;
  // Has each recipient room for so many messages of an agent, of so many bytes together? Not asked for
  // ephemeral ones, which make room. Errors: "limit" (says whose mailbox is full).
  Status check_room(const std::vector<std::string>& recipients, size_t messages, size_t bytes) const;
  // Stores one message per recipient and returns their ids. `id` "" takes the next "m<N>". Errors: those of
  // resolve, "invalid" (no kind, or a body that JSON cannot hold), "conflict" (id taken), "limit" (an
  // ephemeral one of more than kMostEphemeralBytes), those of the store.
  Result<std::vector<std::string>> send(Message message, store::Batch& batch);

  // The agents that have messages waiting, by name.
  std::vector<std::string> waited_for() const;
  // The oldest message that waits for `agent`, or nullptr; it stays until handled or buried.
  const Message* next(const std::string& agent) const;
  // Takes it out of the mailbox as handled.
  Status handled(const std::string& id, store::Batch& batch);
  // A handler failed: waits for the next attempt, or dead letter after 3. True if it is a dead letter now, or
  // dropped, as an ephemeral one is at once.
  Result<bool> failed(const std::string& id, const std::string& error, store::Batch& batch);
  // Nobody will ever handle it: dead letter at once. Errors: "not_found".
  Status bury(const std::string& id, const std::string& reason, store::Batch& batch);
  const Message* find(const std::string& id) const;
  // The ids of messages that wait for an agent that is not there any more.
  std::vector<std::string> undeliverable() const;
  // Ephemeral messages that were dropped since the start, because others came.
  uint64_t dropped() const;
  // Messages waiting, over all agents, or for one.
  size_t waiting() const;
  size_t waiting(const std::string& agent) const;

 private:
  struct Boxes;
  std::unique_ptr<Boxes> boxes_;
};

// A message of any state from the store. Errors: "not_found", "corrupt", those of Statement.
Result<Message> stored_message(store::Database& database, const std::string& id);

// Messages from the store, newest first; `agent` "" for all.
Result<std::vector<Value>> list_messages(store::Database& database, const std::string& agent, int limit);

}  // namespace clade::mail
