// SQLite behind RAII: a connection, prepared statements, and a savepoint. The only folder with sqlite3.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace clade::store {

class Database;

// A prepared statement. Bind by position from 1, step, read columns from 0. Borrowed from its Database, which
// caches it (a second user of one SQL text at a time gets one of its own) and must outlive it. After run(),
// or a step() that gave false, it can be bound and run again; what is not bound anew keeps its value.
class Statement {
 public:
  struct Prepared;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();  // resets and unbinds

  // Sets a parameter; the bytes are copied. A position that the statement does not have, or a row that was
  // stepped to and not finished, is a bug: throws std::logic_error.
  Statement& bind(int position, int64_t number);
  Statement& bind(int position, int number) {
    return bind(position, static_cast<int64_t>(number));
  }                                                      // the same
  Statement& bind(int position, double number);          // the same
  Statement& bind(int position, std::string_view text);  // the same, as TEXT
  // The same without a copy: the bytes must stay until the statement has run.
  Statement& bind_borrowed(int position, std::string_view text);
  // The same, as BLOB.
  Statement& bind_blob(int position, std::string_view bytes);
  // The same, as NULL.
  Statement& bind_null(int position);

  // True: a row is there. False: done. Errors: "no_space", "constraint", "busy", "corrupt", "limit" (a value
  // over SQLite's 1 GB), "io" with the file and SQLite's message.
  Result<bool> step();
  // Steps to the end, for statements without rows.
  Status run();

  // Columns of the row that step() gave, converted as SQLite does; 0 for NULL.
  int64_t integer(int column) const;
  // The same, as a real.
  double real(int column) const;
  // The same: text or blob; "" for NULL.
  std::string text(int column) const;
  // Whether the column is NULL.
  bool is_null(int column) const;

 private:
  friend class Database;
  Statement(Prepared* prepared, sqlite3* connection);
  Statement& bound(int code);
  Prepared* prepared_;
  sqlite3* connection_;
};

class Database {
 public:
  enum class Mode { read_write, read_only };

  // Opens `path` with WAL, synchronous=FULL, foreign keys and a busy timeout of 5 s (read_only: query_only).
  // A new file can give pages back bit by bit (auto_vacuum=INCREMENTAL). Creates the file (mode 0600) only in
  // read_write, in a folder that exists. One thread at a time. Errors: "not_found" (the file; in read_write
  // the folder), "io" (e.g. a read-only folder: names the path and the reason), "no_space", "busy",
  // "corrupt".
  static Result<Database> open(const std::string& path, Mode mode);
  // The same on the SQLite file system of this name (sqlite3_vfs_register), where the file must exist.
  static Result<Database> open(const std::string& path, Mode mode, const std::string& file_system);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  // A cached prepared statement. A syntax error is a bug: throws std::logic_error with SQLite's message. Any
  // other failure is reported by the statement's first step.
  Statement prepare(std::string_view sql);
  // Runs one or several statements without parameters.
  Status execute(std::string_view sql);
  // What the first step of a statement that failed returned, if one has: whoever could not read decides on
  // what he does not know.
  const std::optional<Error>& first_failure() const;
  // Rows changed by the last statement that wrote.
  int64_t changes() const;

  // Turns off the checkpoints that SQLite makes inside commits; the owner then calls checkpoint() by
  // log_bytes().
  void checkpoint_by_hand();
  // Size of the write-ahead log after this connection's last commit, as far as it is in use. 0 unless by
  // hand.
  int64_t log_bytes() const;
  // Copies the log into the database file: as much as readers allow (passive: waits for nobody), or
  // everything, leaving an empty log (`truncate`: waits up to the busy timeout). Readers in the way are no
  // error. Errors: those of Statement.
  Status checkpoint(bool truncate);
  // How much of the log the last checkpoint left, because readers are still at an older state.
  int64_t unfolded_bytes() const;

  // Copies the database as it is at one moment into a new file (mode 0600), page by page, while others write
  // to it; the copy is on disk when it returns. `progress` is told how much of it is done, 0 … 1. Errors:
  // those of Statement, and "conflict" (there is such a file).
  Status copy_to(const std::string& path, const std::function<void(double)>& progress);

 private:
  struct Connection;
  static Result<Database> connect(const std::string& path, Mode mode, const char* file_system);
  explicit Database(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

// Brings the schema of a read_write database to the newest version, each step in a transaction; a new file
// gets the whole schema. Errors: "newer_schema" (the file was written by a newer clade: names both versions
// and what to do), and those of Statement.
Status migrate(Database& database);
// The schema version this binary writes.
int schema_version();

}  // namespace clade::store
