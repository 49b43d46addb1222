#include "run/journal.h"

#include <utility>

#include "base/codec.h"

namespace clade::run {
namespace {

constexpr size_t kShownArguments = 200;

const char* status_name(Journal::Entry::Status status) {
  switch (status) {
    case Journal::Entry::Status::started:
      return "started";
    case Journal::Entry::Status::done:
      return "done";
    case Journal::Entry::Status::cancelled:
      return "cancelled";
    case Journal::Entry::Status::error:
      break;
  }
  return "error";
}

std::string another_way(int64_t run, const Place& place) {
  return "run " + std::to_string(run) + " took another way than before at step " +
         std::to_string(place.second) + " of strand " + place.first + ": it called ";
}

constexpr const char* kDependsOn = "; a handler must depend on its message, its state and its awaits alone";

std::string encode_result(const Result<Value>& result) {
  if (result) return encode_msgpack(*result);
  return encode_msgpack(Value{{"code", result.error().code}, {"message", result.error().message}});
}

// What is read was checked when it came in: no result that was stored ever fails to load.
constexpr CodecLimits kStored{store::kMostBlobBytes, 1024};

// As the row has it: the bytes themselves, or the blob that they are in.
struct Stored {
  std::string_view bytes;
  std::string blob;
};

Result<Stored> place_result(const std::string& bytes, const store::Blobs& blobs) {
  if (bytes.size() <= store::kBlobBytes) return Stored{bytes, ""};
  auto hash = blobs.put(bytes);
  if (!hash) return failure(hash.error());
  return Stored{"", std::move(*hash)};
}

size_t footprint_of(const Journal::Entry& entry) {
  return entry.args.size() + (entry.result ? entry.result->footprint() : entry.result.error().message.size());
}

}  // namespace

Result<Value> stored_result(const store::Statement& row, int result, int result_blob,
                            const store::Blobs& blobs) {
  const std::string hash = row.text(result_blob);
  if (hash.empty()) return decode_msgpack(row.text(result), kStored);
  auto bytes = blobs.get(hash);
  if (!bytes) return failure(bytes.error());
  return decode_msgpack(*bytes, kStored);
}

std::string shown_arguments(const std::string& bytes) {
  auto value = decode_msgpack(bytes);
  std::string text = value ? encode_json(*value) : "?";
  if (text.size() > kShownArguments) text = text.substr(0, kShownArguments) + "…";
  return text;
}

std::string divergence(int64_t run, const Place& place, const std::string& was_op,
                       const std::string& was_args, const std::string& op, const std::string& args) {
  return another_way(run, place) + was_op + " " + shown_arguments(was_args) + ", and now " + op + " " +
         shown_arguments(args) + kDependsOn;
}

Result<Journal> Journal::load(store::Database& database, const store::Blobs& blobs, int64_t run) {
  Journal journal(run, blobs);
  auto query = database.prepare(
      "SELECT strand, position, op, args, status, result, started_at, finished_at, turn, result_blob FROM "
      "journal WHERE run = ?");
  query.bind(1, run);
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) break;
    Entry entry;
    entry.op = query.text(2);
    entry.args = query.text(3);
    entry.started_at = query.integer(6);
    entry.finished_at = query.integer(7);
    entry.turn = query.integer(8);
    const std::string status = query.text(4);
    if (status != "started") {
      auto value = stored_result(query, 5, 9, blobs);
      if (!value) {
        return failure("corrupt", "the journal of run " + std::to_string(run) +
                                      " is damaged: " + value.error().message + "; see `clade db check`");
      }
      if (status == "done") {
        entry.status = Entry::Status::done;
        entry.result = std::move(*value);
      } else {
        entry.status = status == "error" ? Entry::Status::error : Entry::Status::cancelled;
        entry.result = failure((*value)["code"].as_string(), (*value)["message"].as_string());
      }
    }
    const Place place(query.text(0), query.integer(1));
    if (entry.turn != 0) journal.turns_[entry.turn] = place;
    journal.put(place, std::move(entry));
  }
  return journal;
}

Result<Journal::Entry*> Journal::find(const std::string& strand, int64_t position, const std::string& op,
                                      const Value& args) {
  auto found = entries_.find(Place(strand, position));
  if (found == entries_.end()) return nullptr;
  Entry& entry = found->second;
  const std::string bytes = encode_msgpack(args);
  if (entry.op == op && entry.args == bytes) return &entry;
  return failure("diverged", divergence(run_, found->first, entry.op, entry.args, op, bytes));
}

std::string Journal::not_called(const Place& place) const {
  const Entry& entry = entries_.at(place);
  return another_way(run_, place) + entry.op + " " + shown_arguments(entry.args) + ", and now it does not" +
         kDependsOn;
}

std::string Journal::not_given_up(const Place& place) const {
  const Entry& entry = entries_.at(place);
  return another_way(run_, place) + entry.op + " " + shown_arguments(entry.args) +
         " and gave it up, and now it waits for it" + kDependsOn;
}

const Journal::Entry* Journal::at(const Place& place) const {
  const auto found = entries_.find(place);
  return found == entries_.end() ? nullptr : &found->second;
}

void Journal::add_read(const std::string& strand, int64_t position, const std::string& op, const Value& args,
                       Result<Value> result, int64_t now) {
  const Place place(strand, position);
  const int64_t turn = last_turn() + 1;
  add(place, op, args, std::move(result), now).turn = turn;
  turns_[turn] = place;
}

void Journal::add_answer(const std::string& strand, int64_t position, const std::string& op,
                         const Value& args, Result<Value> result, int64_t now) {
  add(Place(strand, position), op, args, std::move(result), now);
}

Journal::Entry& Journal::add(const Place& place, const std::string& op, const Value& args,
                             Result<Value> result, int64_t now) {
  Entry entry;
  entry.op = op;
  entry.args = encode_msgpack(args);
  entry.status = result ? Entry::Status::done : Entry::Status::error;
  entry.result = std::move(result);
  entry.started_at = entry.finished_at = now;
  reads_.push_back(place);
  return put(place, std::move(entry));
}

Journal::Entry& Journal::start(const std::string& strand, int64_t position, const std::string& op,
                               const Value& args, int64_t now, store::Batch& batch) {
  Entry started;
  started.op = op;
  started.args = encode_msgpack(args);
  started.started_at = now;
  const Place here(strand, position);
  auto& entry = put(here, std::move(started));
  store_reads(batch);
  store(here, entry, batch);
  return entry;
}

void Journal::finish(const std::string& strand, int64_t position, Result<Value> result, int64_t now,
                     store::Batch& batch) {
  const Place place(strand, position);
  Entry& entry = entries_.at(place);
  bytes_ -= footprint_of(entry);
  entry.status = result ? Entry::Status::done : Entry::Status::error;
  entry.result = std::move(result);
  entry.finished_at = now;
  entry.turn = last_turn() + 1;
  turns_[entry.turn] = place;
  bytes_ += footprint_of(entry);
  update(place, entry, batch);
}

void Journal::cancel(const Place& place, const Error& error, int64_t now, store::Batch& batch) {
  Entry& entry = entries_.at(place);
  bytes_ -= footprint_of(entry);
  entry.status = Entry::Status::cancelled;
  entry.result = failure(error);
  entry.finished_at = now;
  bytes_ += footprint_of(entry);
  store_reads(batch);
  update(place, entry, batch);
}

std::optional<std::pair<int64_t, Place>> Journal::turn_after(int64_t turn) const {
  const auto next = turns_.upper_bound(turn);
  if (next == turns_.end()) return std::nullopt;
  return *next;
}

std::vector<std::pair<std::string, int64_t>> Journal::unfinished() const {
  std::vector<Place> places;
  for (const auto& [place, entry] : entries_) {
    if (entry.status == Entry::Status::started) places.push_back(place);
  }
  return places;
}

Journal::Entry& Journal::put(const Place& place, Entry entry) {
  if (const auto old = entries_.find(place); old != entries_.end()) bytes_ -= footprint_of(old->second);
  bytes_ += footprint_of(entry);
  return entries_.insert_or_assign(place, std::move(entry)).first->second;
}

size_t Journal::keep_reads(size_t most, store::Batch& batch) {
  size_t bytes = 0;
  for (const auto& place : reads_) bytes += footprint_of(entries_.at(place));
  if (bytes > most) return bytes;
  store_reads(batch);
  return 0;
}

void Journal::store_reads(store::Batch& batch) {
  for (const auto& place : std::exchange(reads_, {})) store(place, entries_.at(place), batch);
}

void Journal::update(const Place& place, const Entry& entry, store::Batch& batch) {
  std::string encoded = encode_result(entry.result);
  const size_t held = encoded.size();
  auto change = [run = run_, place, status = std::string(status_name(entry.status)),
                 bytes = std::move(encoded), at = entry.finished_at, turn = entry.turn,
                 blobs = *blobs_](store::Database& database) -> Status {
    const auto result = place_result(bytes, blobs);
    if (!result) return failure(result.error());
    auto update = database.prepare(
        "UPDATE journal SET status = ?, result = ?, result_blob = ?, finished_at = ?, turn = ? "
        "WHERE run = ? AND strand = ? AND position = ?");
    update.bind(1, status).bind_blob(2, result->bytes).bind(3, result->blob).bind(4, at).bind(5, turn);
    return update.bind(6, run).bind(7, place.first).bind(8, place.second).run();
  };
  batch.add(std::move(change), held);
}

void Journal::store(const Place& place, const Entry& entry, store::Batch& batch) {
  const bool finished = entry.status != Entry::Status::started;
  auto change = [run = run_, place, op = entry.op, args = entry.args,
                 status = std::string(status_name(entry.status)),
                 bytes = finished ? encode_result(entry.result) : std::string(), at = entry.started_at,
                 finished_at = entry.finished_at, turn = entry.turn,
                 blobs = *blobs_](store::Database& database) -> Status {
    const auto result = place_result(bytes, blobs);
    if (!result) return failure(result.error());
    auto insert = database.prepare(
        "INSERT INTO journal (run, strand, position, op, args, status, result, started_at, finished_at, "
        "turn, result_blob) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    insert.bind(1, run).bind(2, place.first).bind(3, place.second).bind(4, op).bind_blob(5, args);
    insert.bind(6, status).bind_blob(7, result->bytes).bind(8, at).bind(9, finished_at);
    return insert.bind(10, turn).bind(11, result->blob).run();
  };
  batch.add(std::move(change), footprint_of(entry));
}

}  // namespace clade::run
