// The journal of one run: what its strands asked the outside for, by position, and what came back. A finished
// await is never repeated: on a second execution of the handler the stored result is handed out again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "run/course.h"
#include "store/blob.h"
#include "store/database.h"
#include "store/writer.h"

namespace clade::run {

// What came back from one row of a journal whose await has ended: the columns `result` and `result_blob`, as
// their places in the row say. Errors: "corrupt", those of Blobs::get.
Result<Value> stored_result(const store::Statement& row, int result, int result_blob,
                            const store::Blobs& blobs);

// The arguments of a call, canonical bytes, as text that is not too long for a message.
std::string shown_arguments(const std::string& bytes);

class Journal {
 public:
  struct Entry {
    std::string op;
    std::string args;  // canonical bytes
    enum class Status { started, done, error, cancelled } status = Status::started;
    Result<Value> result = Value();  // of all but `started`
    int64_t started_at = 0;          // ms since 1970, as all times
    int64_t finished_at = 0;
    int64_t turn = 0;  // in the order in which results are handed over, from 1; 0: it was answered at once
  };

  // Of a run; `blobs`, where large results are kept, outlives it and what it puts into batches.
  Journal(int64_t run, const store::Blobs& blobs) : run_(run), blobs_(&blobs) {}
  // Reads the entries of a run that began before. Errors: "corrupt", those of Statement and Blobs::get.
  static Result<Journal> load(store::Database& database, const store::Blobs& blobs, int64_t run);

  // What the journal says of a call: nothing (it is new), or the entry. Errors: "diverged" with both sides,
  // when the script asks for something else than it did before.
  Result<Entry*> find(const std::string& strand, int64_t position, const std::string& op, const Value& args);

  // The entry of a call, or nullptr.
  const Entry* at(const Place& place) const;
  const std::map<Place, Entry>& entries() const { return entries_; }

  // A read of shared state, which has the next turn: kept, and stored together with the next await (a run
  // without awaits needs no journal).
  void add_read(const std::string& strand, int64_t position, const std::string& op, const Value& args,
                Result<Value> result, int64_t now);
  // What was answered at once; kept and stored in the same way.
  void add_answer(const std::string& strand, int64_t position, const std::string& op, const Value& args,
                  Result<Value> result, int64_t now);
  // A new await and every read before it, as rows for `batch`.
  Entry& start(const std::string& strand, int64_t position, const std::string& op, const Value& args,
               int64_t now, store::Batch& batch);
  // Its outcome, which has the next turn, as a row for `batch`.
  void finish(const std::string& strand, int64_t position, Result<Value> result, int64_t now,
              store::Batch& batch);
  // A started await that nobody waits for any more, as a row for `batch`, with every read before it: they led
  // to that. `error`: what became of it.
  void cancel(const Place& place, const Error& error, int64_t now, store::Batch& batch);

  // The reads that no await came after, as rows for `batch`: what the script saw, for `clade replay`. Nothing
  // of them if they take more than `most` bytes in memory. Returns how many bytes were not kept.
  size_t keep_reads(size_t most, store::Batch& batch);

  // The first turn after `turn` that was given, and whose it is; nothing if there is none.
  std::optional<std::pair<int64_t, Place>> turn_after(int64_t turn) const;
  // The last turn that was given, 0 if none was.
  int64_t last_turn() const { return turns_.empty() ? 0 : turns_.rbegin()->first; }
  // The texts of "diverged" for a call that the handler does not make any more, and for a cancelled one that
  // it still waits for.
  std::string not_called(const Place& place) const;
  std::string not_given_up(const Place& place) const;

  // What its arguments and results take in memory, in bytes.
  size_t footprint() const { return bytes_; }
  // True if nothing was journaled: the run can simply start again.
  bool empty() const { return entries_.empty(); }
  // The awaits that were begun and have no outcome: (strand, position).
  std::vector<std::pair<std::string, int64_t>> unfinished() const;

 private:
  Entry& add(const Place& place, const std::string& op, const Value& args, Result<Value> result, int64_t now);
  Entry& put(const Place& place, Entry entry);
  void store(const Place& place, const Entry& entry, store::Batch& batch);
  void store_reads(store::Batch& batch);
  void update(const Place& place, const Entry& entry, store::Batch& batch);

  int64_t run_;
  const store::Blobs* blobs_;
  size_t bytes_ = 0;
  std::map<Place, Entry> entries_;
  std::map<int64_t, Place> turns_;
  std::vector<Place> reads_;  // kept and not stored yet
};

// A handler asked for something else than it did before: the message, with both sides.
std::string divergence(int64_t run, const Place& place, const std::string& was_op,
                       const std::string& was_args, const std::string& op, const std::string& args);

}  // namespace clade::run
