#include "mail/mail.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/codec.h"

namespace clade::mail {
namespace {

constexpr int kAttempts = 3;
// Ids kept in memory until they are seen on disk, at least; far more than the writer ever has waiting.
constexpr size_t kMostFresh = 4096;
constexpr std::string_view kColumns =
    "id, sender, recipient, address, kind, body, thread, wants_reply, run, created_at, attempt, seq, state, "
    "error";

// A row selected with kColumns; seq, state and error are left to the caller.
Result<Message> read_message(const store::Statement& row) {
  Message message;
  message.id = row.text(0);
  message.sender = row.text(1);
  message.recipient = row.text(2);
  message.address = row.text(3);
  message.kind = row.text(4);
  auto body = decode_json(row.text(5), kStoredLimits);
  if (!body) {
    return failure("corrupt", "message " + message.id + ", column body: " + body.error().message +
                                  "; the store was changed by another program");
  }
  message.body = std::move(*body);
  message.thread = row.text(6);
  message.wants_reply = row.integer(7) != 0;
  message.run = row.integer(8);
  message.created_at = row.integer(9);
  message.attempt = static_cast<int>(row.integer(10));
  return message;
}

void insert_message(const Message& message, int64_t seq, store::Batch& batch) {
  Message row = message;
  row.body = Value();  // travels as text
  std::string body = encode_json(message.body);
  const size_t bytes = body.size();
  const auto insert_row = [row = std::move(row), seq,
                           body = std::move(body)](store::Database& database) -> Status {
    auto insert = database.prepare(
        "INSERT INTO message (id, sender, recipient, address, kind, body, thread, wants_reply, run, seq, "
        "created_at, "
        "state, attempt, error) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'stored', 0, '')");
    insert.bind(1, row.id).bind(2, row.sender).bind(3, row.recipient).bind(4, row.address).bind(5, row.kind);
    insert.bind(6, body).bind(7, row.thread).bind(8, static_cast<int64_t>(row.wants_reply)).bind(9, row.run);
    insert.bind(10, seq).bind(11, row.created_at);
    return insert.run();
  };
  batch.add(insert_row, bytes);
}

void update_message(const std::string& id, std::string state, int attempt, std::string error,
                    store::Batch& batch) {
  batch.add([id, state = std::move(state), attempt = static_cast<int64_t>(attempt),
             error = std::move(error)](store::Database& database) -> Status {
    auto update = database.prepare("UPDATE message SET state = ?2, attempt = ?3, error = ?4 WHERE id = ?1");
    return update.bind(1, id).bind(2, state).bind(3, attempt).bind(4, error).run();
  });
}

// The names there are; of very many the first ones.
std::string known(const std::map<std::string, std::vector<std::string>>& names) {
  constexpr size_t kShown = 50;
  std::string text;
  size_t count = 0;
  for (const auto& [name, unused] : names) {
    if (++count > kShown) return text + " and " + std::to_string(names.size() - kShown) + " more";
    text += (text.empty() ? "" : ", ") + name;
  }
  return text.empty() ? "none" : text;
}

size_t footprint(const Message& message) {
  size_t bytes = message.body.footprint();
  for (const std::string* text :
       {&message.id, &message.sender, &message.recipient, &message.address, &message.kind, &message.thread})
    bytes += text->capacity();
  return bytes;
}

tl::unexpected<Error> not_waiting(const std::string& id) {
  return failure("not_found", "no message " + legible(id) + " waits: see `clade mail list`");
}

}  // namespace

struct Mail::Boxes {
  struct Entry {
    Message message;
    std::string error;
    int64_t seq = 0;
    size_t bytes = 0;  // that the message takes in memory
  };
  struct Box {
    std::map<int64_t, std::string> ids;  // by seq
    size_t bytes = 0;                    // of all of them
    std::set<int64_t> ephemeral;         // those of `ids` that are
    size_t ephemeral_bytes = 0;
  };

  explicit Boxes(const Clock& host_clock) : clock(host_clock) {}

  const Clock& clock;
  // Who there is, each list by name.
  using Names = std::map<std::string, std::vector<std::string>>;
  std::vector<std::string> everybody;
  Names agents, roles, topics;
  std::map<std::string, Box> boxes;  // by agent
  std::unordered_map<std::string, Entry> messages;
  size_t bytes = 0;  // of all messages
  // Ids of messages that may not be on disk yet, oldest first; the store knows the others.
  std::unordered_set<std::string> fresh;
  std::deque<std::string> by_age;
  store::Database* stored = nullptr;
  int64_t next_seq = 1;
  int64_t next_number = 1;
  uint64_t dropped = 0;
  size_t ephemeral_bytes = 0;  // of `bytes`

  void put(Entry entry) {
    entry.bytes = sizeof entry + footprint(entry.message);
    Box& box = boxes[entry.message.recipient];
    box.ids[entry.seq] = entry.message.id;
    box.bytes += entry.bytes;
    if (entry.message.ephemeral) {
      box.ephemeral.insert(entry.seq);
      box.ephemeral_bytes += entry.bytes;
      ephemeral_bytes += entry.bytes;
    }
    bytes += entry.bytes;
    std::string id = entry.message.id;
    messages.emplace(std::move(id), std::move(entry));
  }

  void take(const std::string& id) {
    auto found = messages.find(id);
    auto box = boxes.find(found->second.message.recipient);
    box->second.ids.erase(found->second.seq);
    box->second.bytes -= found->second.bytes;
    if (box->second.ephemeral.erase(found->second.seq) > 0) {
      box->second.ephemeral_bytes -= found->second.bytes;
      ephemeral_bytes -= found->second.bytes;
    }
    bytes -= found->second.bytes;
    if (box->second.ids.empty()) boxes.erase(box);
    messages.erase(found);
  }

  // Drops ephemeral messages until there is room for one more of so many bytes. The first message of all may
  // be what the agent is busy with: it stays.
  // False if there is none.
  bool make_room(const std::string& agent, size_t more) {
    const auto box = boxes.find(agent);
    while (box != boxes.end()) {
      auto& ephemeral = box->second.ephemeral;
      const bool fits = ephemeral.size() < kMostEphemeral &&
                        box->second.ephemeral_bytes + more <= kMostEphemeralBytes &&
                        ephemeral_bytes + more <= kMostEphemeralMailBytes;
      auto oldest = ephemeral.begin();
      if (oldest != ephemeral.end() && *oldest == box->second.ids.begin()->first) ++oldest;
      if (fits || oldest == ephemeral.end()) break;
      ++dropped;
      take(std::string(box->second.ids.at(*oldest)));
    }
    return ephemeral_bytes + more <= kMostEphemeralMailBytes;
  }

  // Is there, or was there, such a message? Errors: those of the store.
  Result<bool> is_taken(const std::string& id) const;
  void remember(const std::string& id);
  Status read_numbers(store::Database& database);
  Status read_waiting(store::Database& database);
};

Result<bool> is_stored(store::Database& database, const std::string& id) {
  // The id as it was sent is taken too when the message went to several recipients: "ID/RECIPIENT".
  auto query = database.prepare("SELECT 1 FROM message WHERE id = ?1 OR (id > ?2 AND id < ?3) LIMIT 1");
  query.bind(1, id).bind(2, id + "/").bind(3, id + "0");
  return query.step();
}

Result<bool> Mail::Boxes::is_taken(const std::string& id) const {
  if (fresh.count(id) > 0) return true;
  return stored ? is_stored(*stored, id) : Result<bool>(false);
}

void Mail::Boxes::remember(const std::string& id) {
  fresh.insert(id);
  by_age.push_back(id);
  if (by_age.size() <= kMostFresh || !stored) return;
  const auto found = is_stored(*stored, by_age.front());
  if (!found || !*found) return;  // not on disk yet: the next time
  fresh.erase(by_age.front());
  by_age.pop_front();
}

// Where the numbers go on: after those of messages that are there, and of those that retention took away.
Status Mail::Boxes::read_numbers(store::Database& database) {
  auto query = database.prepare(
      "SELECT coalesce(max(CAST(substr(id, 2) AS INTEGER)), 0), "
      "coalesce((SELECT value FROM mark WHERE name = 'message'), 0), "
      "coalesce((SELECT max(seq) FROM message), 0) FROM message WHERE id GLOB 'm[0-9]*'");
  if (auto row = query.step(); !row) return failure(row.error());
  next_number = std::max(query.integer(0), query.integer(1)) + 1;
  next_seq = query.integer(2) + 1;
  return {};
}

Status Mail::Boxes::read_waiting(store::Database& database) {
  auto query = database.prepare("SELECT " + std::string(kColumns) + " FROM message WHERE state = 'stored'");
  while (true) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return {};
    auto message = read_message(query);
    if (!message) return failure(message.error());
    put(Entry{std::move(*message), query.text(13), query.integer(11)});
  }
}

Mail::Mail(const Clock& clock) : boxes_(std::make_unique<Boxes>(clock)) {}

Mail::~Mail() = default;

void Mail::set_recipients(std::vector<Recipient> recipients) {
  std::sort(recipients.begin(), recipients.end(),
            [](const Recipient& left, const Recipient& right) { return left.name < right.name; });
  boxes_->everybody.clear();
  for (auto* index : {&boxes_->agents, &boxes_->roles, &boxes_->topics}) index->clear();
  for (const auto& one : recipients) {
    boxes_->everybody.push_back(one.name);
    boxes_->agents[one.name] = {one.name};
    boxes_->roles[one.role].push_back(one.name);
    for (const auto& topic : std::set<std::string>(one.topics.begin(), one.topics.end()))
      boxes_->topics[topic].push_back(one.name);
  }
}

Status Mail::load(store::Database& database) {
  boxes_->boxes.clear();
  boxes_->bytes = 0;
  boxes_->ephemeral_bytes = 0;
  boxes_->messages.clear();
  boxes_->fresh.clear();
  boxes_->by_age.clear();
  boxes_->stored = &database;
  if (auto status = boxes_->read_numbers(database); !status) return status;
  return boxes_->read_waiting(database);
}

Result<std::vector<std::string>> Mail::resolve(const std::string& address) const {
  const std::string shown = in_quotes(address);
  if (address == "all") {
    if (!boxes_->everybody.empty()) return boxes_->everybody;
    return failure("not_found", "nobody is there for \"all\": there are none");
  }
  const auto colon = address.find(':');
  const std::string form = address.substr(0, colon);
  const std::string name = colon == std::string::npos ? "" : address.substr(colon + 1);
  const auto find = [&](const Boxes::Names& names, const std::string& nobody) {
    const auto found = names.find(name);
    using Found = Result<std::vector<std::string>>;
    return found != names.end() ? Found(found->second)
                                : Found(failure("not_found", nobody + shown + ": there are " + known(names)));
  };
  if (!name.empty() && form == "agent") return find(boxes_->agents, "no agent for ");
  if (!name.empty() && form == "role") return find(boxes_->roles, "no agent has the role of ");
  if (!name.empty() && form == "topic") return find(boxes_->topics, "nobody subscribed to ");
  return failure("invalid", shown + " is no address: write agent:NAME, role:ROLE, topic:TOPIC or all");
}

Status Mail::check_room(const std::vector<std::string>& recipients, size_t messages, size_t bytes) const {
  const std::string advice = ": wait until some of it has been handled";
  for (const auto& name : recipients) {
    const auto found = boxes_->boxes.find(name);
    const bool empty = found == boxes_->boxes.end();
    const size_t waiting = empty ? 0 : found->second.ids.size() - found->second.ephemeral.size();
    const size_t taken = empty ? 0 : found->second.bytes - found->second.ephemeral_bytes;
    if (waiting + messages <= kMostWaiting && taken + bytes <= kMostBoxBytes) continue;
    return failure("limit", "the mailbox of " + name + " is full: " + std::to_string(waiting) +
                                " messages wait in it and take " + std::to_string(taken >> 20) +
                                " MB; agents may fill it up to " + std::to_string(kMostWaiting) +
                                " messages or " + std::to_string(kMostBoxBytes >> 20) + " MB" + advice);
  }
  const size_t stored = boxes_->bytes - boxes_->ephemeral_bytes;
  if (stored + bytes * recipients.size() <= kMostMailBytes) return {};
  return failure("limit", "the mailboxes are full: what waits takes " + std::to_string(stored >> 20) +
                              " MB; agents may fill them up to " + std::to_string(kMostMailBytes >> 20) +
                              " MB" + advice);
}

Result<std::vector<std::string>> Mail::send(Message message, store::Batch& batch) {
  auto& boxes = *boxes_;
  auto names = resolve(message.address);
  if (!names) return failure(names.error());
  if (message.address == "all") {
    names->erase(std::remove(names->begin(), names->end(), message.sender), names->end());
    if (names->empty()) return failure("not_found", "nobody but the sender is there for \"all\"");
  }
  if (message.kind.empty())
    return failure("invalid", "a message to " + message.address + " has no kind: name one");
  if (auto status = check_json(message.body); !status) {
    return failure(status.error().code,
                   "the body of a message to " + message.address + ": " + status.error().message);
  }
  const size_t room = message.ephemeral ? sizeof(Boxes::Entry) + footprint(message) : 0;
  if (room > kMostEphemeralBytes) {
    return failure("limit", "an ephemeral message takes " + std::to_string(room >> 20) +
                                " MB of memory, more than a mailbox keeps of them (" +
                                std::to_string(kMostEphemeralBytes >> 20) +
                                " MB): send it without `ephemeral`");
  }
  for (const bool numbered = message.id.empty(); !message.id_is_new;) {
    if (numbered) message.id = "m" + std::to_string(boxes.next_number++);
    auto taken = boxes.is_taken(message.id);
    if (!taken) return failure(taken.error());
    if (!*taken) break;
    if (numbered) continue;
    return failure("conflict", "there is a message " + message.id + " already: choose another id, or none");
  }
  if (!message.ephemeral && !message.id_is_new) boxes.remember(message.id);
  if (message.thread.empty()) message.thread = message.id;
  message.created_at = boxes.clock.wall_ms();
  message.attempt = 0;

  std::vector<std::string> ids;
  for (const auto& name : *names) {
    Message copy = message;
    copy.recipient = name;
    if (names->size() > 1) copy.id += "/" + name;
    const int64_t seq = boxes.next_seq++;
    ids.push_back(copy.id);
    if (!copy.ephemeral) {
      insert_message(copy, seq, batch);
    } else if (!boxes.make_room(name, room)) {
      ++boxes.dropped;
      continue;
    }
    boxes.put({std::move(copy), "", seq});
  }
  return ids;
}

std::vector<std::string> Mail::waited_for() const {
  std::vector<std::string> names;
  for (const auto& [name, box] : boxes_->boxes) names.push_back(name);
  return names;
}

const Message* Mail::next(const std::string& agent) const {
  auto box = boxes_->boxes.find(agent);
  return box == boxes_->boxes.end() ? nullptr : find(box->second.ids.begin()->second);
}

Status Mail::handled(const std::string& id, store::Batch& batch) {
  auto found = boxes_->messages.find(id);
  if (found == boxes_->messages.end()) return not_waiting(id);
  if (!found->second.message.ephemeral)
    update_message(id, "handled", found->second.message.attempt + 1, found->second.error, batch);
  boxes_->take(std::string(id));
  return {};
}

Result<bool> Mail::failed(const std::string& id, const std::string& error, store::Batch& batch) {
  auto found = boxes_->messages.find(id);
  if (found == boxes_->messages.end()) return not_waiting(id);
  auto& entry = found->second;
  entry.message.attempt += 1;
  entry.error = valid_utf8(error);
  const bool is_dead = entry.message.ephemeral || entry.message.attempt >= kAttempts;
  if (!entry.message.ephemeral)
    update_message(id, is_dead ? "dead_letter" : "stored", entry.message.attempt, entry.error, batch);
  // A copy: `id` may be the entry's own.
  if (is_dead) boxes_->take(std::string(id));
  return is_dead;
}

Status Mail::bury(const std::string& id, const std::string& reason, store::Batch& batch) {
  auto found = boxes_->messages.find(id);
  if (found == boxes_->messages.end()) return not_waiting(id);
  if (!found->second.message.ephemeral)
    update_message(id, "dead_letter", found->second.message.attempt, valid_utf8(reason), batch);
  boxes_->take(std::string(id));
  return {};
}

std::vector<std::string> Mail::undeliverable() const {
  std::vector<std::string> ids;
  for (const auto& [agent, box] : boxes_->boxes) {
    if (boxes_->agents.count(agent) > 0) continue;
    for (const auto& [seq, id] : box.ids) ids.push_back(id);
  }
  return ids;
}

const Message* Mail::find(const std::string& id) const {
  auto found = boxes_->messages.find(id);
  return found == boxes_->messages.end() ? nullptr : &found->second.message;
}

uint64_t Mail::dropped() const {
  return boxes_->dropped;
}

size_t Mail::waiting() const {
  return boxes_->messages.size();
}

size_t Mail::waiting(const std::string& agent) const {
  const auto box = boxes_->boxes.find(agent);
  return box == boxes_->boxes.end() ? 0 : box->second.ids.size();
}

Result<Message> stored_message(store::Database& database, const std::string& id) {
  auto query = database.prepare("SELECT " + std::string(kColumns) + " FROM message WHERE id = ?1");
  query.bind(1, id);
  auto row = query.step();
  if (!row) return failure(row.error());
  if (!*row) return failure("not_found", "message " + id + " is not in the store any more");
  return read_message(query);
}

Result<std::vector<Value>> list_messages(store::Database& database, const std::string& agent, int limit) {
  auto query = database.prepare("SELECT " + std::string(kColumns) +
                                " FROM message WHERE ?1 = '' OR recipient = ?1 ORDER BY seq DESC LIMIT ?2");
  query.bind(1, agent).bind(2, static_cast<int64_t>(limit < 0 ? 0 : limit));
  std::vector<Value> messages;
  while (true) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return messages;
    auto message = read_message(query);
    if (!message) return failure(message.error());
    messages.push_back(Value{{"id", message->id},
                             {"sender", message->sender},
                             {"recipient", message->recipient},
                             {"address", message->address},
                             {"kind", message->kind},
                             {"body", message->body},
                             {"thread", message->thread},
                             {"wants_reply", message->wants_reply},
                             {"run", message->run},
                             {"created_at", message->created_at},
                             {"attempt", message->attempt},
                             {"seq", query.integer(11)},
                             {"state", query.text(12)},
                             {"error", query.text(13)}});
  }
}

}  // namespace clade::mail
