#include "store/database.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/bytes.h"

namespace clade::store {
namespace {

constexpr int kBusyTimeoutMs = 5000;
// Statements kept prepared; the host's own texts are far fewer.
constexpr size_t kCachedStatements = 256;
constexpr int kPagesPerStep = 256;  // of a copy: 1 MB

// The system's reason of an i/o error. SQLite's own record is errno at the end of the failed statement, which
// its clean-up may have changed; the log's file keeps that of its last failed read, write or fsync.
int system_error_number(sqlite3* connection) {
  sqlite3_file* log = nullptr;
  int number = 0;
  if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK && log &&
      log->pMethods) {
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number);
  }
  return number != 0 ? number : sqlite3_system_errno(connection);
}

// `path`: of a file that could not be opened, which SQLite does not name.
Error describe(sqlite3* connection, int code, const std::string& path = {}) {
  const char* file = connection ? sqlite3_db_filename(connection, "main") : nullptr;
  if (!file || !*file) file = path.c_str();
  std::string message = *file ? std::string(file) + ": " : std::string();
  message += connection && sqlite3_errcode(connection) != SQLITE_OK ? sqlite3_errmsg(connection)
                                                                    : sqlite3_errstr(code);
  const auto failed = [&message](const char* name, const char* advice) {
    return Error{name, message + advice};
  };
  switch (code & 0xff) {
    case SQLITE_FULL:
      return failed("no_space", ": free some space on this file system, then start again");
    case SQLITE_CONSTRAINT:
      return failed("constraint", "");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return failed("busy", ": another process is writing to it; try again when that one is done");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return failed("corrupt", ": restore the file from a copy, or move it away to start afresh");
    case SQLITE_TOOBIG:
      return failed("limit", "");
    default:
      break;
  }
  if (connection && ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN)) {
    const int number = system_error_number(connection);
    if (number != 0) message += " (" + system_reason(number) + ")";
    if (number == ENOSPC || number == EDQUOT) {
      return failed("no_space", ": free some space on this file system, then start again");
    }
  }
  return failed("io", ": check the file, its permissions and its disk");
}

// Says beforehand, with the path and the system's reason, what SQLite would call "unable to open database
// file" or open as read-only. An existing database is not opened for it: closing that descriptor would drop
// this process's locks on it.
Status check_place(const std::string& path, Database::Mode mode) {
  if (::access(path.c_str(), F_OK) != 0 && mode == Database::Mode::read_only) {
    return failure("not_found", "no database " + path + ": " + system_reason(errno));
  }
  if (mode == Database::Mode::read_only) {
    if (::access(path.c_str(), R_OK) == 0) return {};
    return failure("io", "cannot read " + path + ": " + system_reason(errno));
  }
  const auto parent = std::filesystem::path(path).parent_path().string();
  const std::string folder = parent.empty() ? "." : parent;
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    const int number = errno;
    const char* code = number == ENOENT ? "not_found" : "io";
    return failure(code, "cannot write in the folder " + folder + ": " + system_reason(number) +
                             ": make it writable, or use a copy of the directory in a place that is");
  }
  const int created = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (created >= 0) {
    ::close(created);
    return {};
  }
  if (errno != EEXIST) {
    const int number = errno;
    const bool full = number == ENOSPC || number == EDQUOT;
    return failure(full ? "no_space" : "io", "cannot create " + path + ": " + system_reason(number));
  }
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0) {
    const int number = errno;
    return failure(
        "io", "cannot write " + path + ": " + system_reason(number) + ": make it writable, or move it away");
  }
  return {};
}

// SQLite counts what it allocates under one lock for all threads, unless told not to before it is first used.
// Whoever was first without that only costs time.
void count_no_memory() {
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)configured;
}

}  // namespace

struct Statement::Prepared {
  sqlite3_stmt* statement = nullptr;
  bool in_use = false;
  bool cached = false;
  int failed = SQLITE_OK;                         // of prepare or bind: reported by the next step
  std::optional<Error>* first_failure = nullptr;  // of its connection

  Prepared() = default;
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  ~Prepared() { sqlite3_finalize(statement); }
};

struct Database::Connection {
  sqlite3* handle = nullptr;
  std::map<std::string, Statement::Prepared, std::less<>> cache;
  int64_t log_pages = 0;
  int64_t unfolded_pages = 0;
  int64_t page_bytes = 0;
  std::optional<Error> first_failure;

  ~Connection() {
    cache.clear();
    sqlite3_close_v2(handle);
  }
};

Statement::Statement(Prepared* prepared, sqlite3* connection)
    : prepared_(prepared), connection_(connection) {}

Statement::Statement(Statement&& other) noexcept
    : prepared_(std::exchange(other.prepared_, nullptr)), connection_(other.connection_) {}

Statement::~Statement() {
  if (!prepared_) return;
  if (!prepared_->cached) {
    delete prepared_;
    return;
  }
  if (prepared_->statement) {
    sqlite3_reset(prepared_->statement);
    sqlite3_clear_bindings(prepared_->statement);
  }
  prepared_->failed = SQLITE_OK;
  prepared_->in_use = false;
}

Statement& Statement::bound(int code) {
  if (prepared_->failed != SQLITE_OK || code == SQLITE_OK) return *this;
  if (code == SQLITE_RANGE || code == SQLITE_MISUSE) {
    throw std::logic_error(std::string("cannot bind a parameter of: ") + sqlite3_sql(prepared_->statement));
  }
  prepared_->failed = code;
  return *this;
}

Statement& Statement::bind(int position, int64_t number) {
  return bound(sqlite3_bind_int64(prepared_->statement, position, number));
}

Statement& Statement::bind(int position, double number) {
  return bound(sqlite3_bind_double(prepared_->statement, position, number));
}

Statement& Statement::bind(int position, std::string_view text) {
  // A null pointer would bind NULL, and an empty view may hold one.
  const char* start = text.data() ? text.data() : "";
  return bound(
      sqlite3_bind_text64(prepared_->statement, position, start, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

Statement& Statement::bind_borrowed(int position, std::string_view text) {
  const char* start = text.data() ? text.data() : "";
  return bound(
      sqlite3_bind_text64(prepared_->statement, position, start, text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

Statement& Statement::bind_blob(int position, std::string_view bytes) {
  const char* start = bytes.data() ? bytes.data() : "";
  return bound(sqlite3_bind_blob64(prepared_->statement, position, start, bytes.size(), SQLITE_TRANSIENT));
}

Statement& Statement::bind_null(int position) {
  return bound(sqlite3_bind_null(prepared_->statement, position));
}

Result<bool> Statement::step() {
  const bool is_ready = prepared_->failed == SQLITE_OK;
  const int code = is_ready ? sqlite3_step(prepared_->statement) : prepared_->failed;
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(prepared_->statement);
    return false;
  }
  auto error = describe(connection_, code);
  if (is_ready) sqlite3_reset(prepared_->statement);
  if (!*prepared_->first_failure) *prepared_->first_failure = error;
  return failure(std::move(error));
}

Status Statement::run() {
  for (;;) {
    const auto row = step();
    if (!row) return failure(row.error());
    if (!*row) return {};
  }
}

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(prepared_->statement, column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(prepared_->statement, column);
}

std::string Statement::text(int column) const {
  const auto* start = static_cast<const char*>(sqlite3_column_blob(prepared_->statement, column));
  if (!start) return "";
  return {start, static_cast<size_t>(sqlite3_column_bytes(prepared_->statement, column))};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(prepared_->statement, column) == SQLITE_NULL;
}

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Result<Database> Database::open(const std::string& path, Mode mode) {
  if (auto status = check_place(path, mode); !status) return failure(status.error());
  return connect(path, mode, nullptr);
}

Result<Database> Database::open(const std::string& path, Mode mode, const std::string& file_system) {
  return connect(path, mode, file_system.c_str());
}

Result<Database> Database::connect(const std::string& path, Mode mode, const char* file_system) {
  count_no_memory();
  Database database(std::make_unique<Connection>());
  // Read-only is query_only on a writable connection: after a crash even a reader must first recover the log.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  auto*& handle = database.connection_->handle;
  if (const int code = sqlite3_open_v2(path.c_str(), &handle, flags, file_system); code != SQLITE_OK) {
    return failure(describe(handle, code, path));
  }
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  if (mode == Mode::read_write) {
    // Of a new file alone, and before its first page is written.
    if (auto status = database.execute("PRAGMA auto_vacuum = INCREMENTAL"); !status) {
      return failure(status.error());
    }
  }
  {
    auto journal =
        database.prepare(mode == Mode::read_write ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode");
    const auto row = journal.step();
    if (!row) return failure(row.error());
    if (mode == Mode::read_write && journal.text(0) != "wal") {
      return failure(
          "io", path +
                    ": this file system cannot hold a write-ahead log (it needs shared memory and locks): "
                    "move the directory to a local disk");
    }
  }
  const char* settings =
      mode == Mode::read_write
          ? "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF"
          : "PRAGMA query_only = ON; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF";
  if (auto status = database.execute(settings); !status) return failure(status.error());
  return database;
}

Statement Database::prepare(std::string_view sql) {
  auto& cache = connection_->cache;
  auto entry = cache.find(sql);
  const bool keep = entry == cache.end() && cache.size() < kCachedStatements;
  if (keep) entry = cache.try_emplace(std::string(sql)).first;
  const bool shared = entry == cache.end() || entry->second.in_use;
  auto* prepared = shared ? new Statement::Prepared : &entry->second;
  prepared->cached = !shared;
  prepared->in_use = true;
  prepared->first_failure = &connection_->first_failure;
  Statement statement(prepared, connection_->handle);
  if (prepared->statement) return statement;
  const unsigned flags = prepared->cached ? SQLITE_PREPARE_PERSISTENT : 0;
  const char* rest = sql.data() + sql.size();
  const int code = sqlite3_prepare_v3(connection_->handle, sql.data(), static_cast<int>(sql.size()), flags,
                                      &prepared->statement, &rest);
  if ((code & 0xff) == SQLITE_ERROR) {
    throw std::logic_error(std::string(sqlite3_errmsg(connection_->handle)) + " in: " + std::string(sql));
  }
  const std::string_view ignored(rest, static_cast<size_t>(sql.data() + sql.size() - rest));
  if (code == SQLITE_OK &&
      (!prepared->statement || ignored.find_first_not_of(" \n\t;") != std::string_view::npos)) {
    throw std::logic_error("not one statement: " + std::string(sql));
  }
  prepared->failed = code;
  return statement;
}

Status Database::execute(std::string_view sql) {
  const std::string text(sql);
  const int code = sqlite3_exec(connection_->handle, text.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(describe(connection_->handle, code));
  return {};
}

const std::optional<Error>& Database::first_failure() const {
  return connection_->first_failure;
}

int64_t Database::changes() const {
  return sqlite3_changes64(connection_->handle);
}

void Database::checkpoint_by_hand() {
  if (auto query = prepare("PRAGMA page_size"); query.step()) connection_->page_bytes = query.integer(0);
  // The hook takes the place of the one that makes automatic checkpoints.
  sqlite3_wal_hook(
      connection_->handle,
      [](void* connection, sqlite3*, const char*, int pages) {
        static_cast<Connection*>(connection)->log_pages = pages;
        return SQLITE_OK;
      },
      connection_.get());
}

int64_t Database::log_bytes() const {
  return connection_->log_pages * connection_->page_bytes;
}

Status Database::checkpoint(bool truncate) {
  const int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  int pages = 0;
  int folded = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_->handle, nullptr, mode, &pages, &folded);
  connection_->unfolded_pages = std::max(0, pages - folded);  // both are -1 if it could not be made
  if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY) return {};
  return failure(describe(connection_->handle, code));
}

int64_t Database::unfolded_bytes() const {
  return connection_->unfolded_pages * connection_->page_bytes;
}

Status Database::copy_to(const std::string& path, const std::function<void(double)>& progress) {
  const int created = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (created < 0) {
    const int number = errno;
    const bool full = number == ENOSPC || number == EDQUOT;
    return failure(number == EEXIST ? "conflict"
                   : full           ? "no_space"
                                    : "io",
                   "cannot create " + path + ": " + system_reason(number));
  }
  ::close(created);
  Connection copy;
  if (const int code = sqlite3_open_v2(path.c_str(), &copy.handle, SQLITE_OPEN_READWRITE, nullptr);
      code != SQLITE_OK) {
    return failure(describe(copy.handle, code, path));
  }
  // One moment's state for the whole copy: without it, it would begin anew after each commit of others.
  if (auto status = execute("BEGIN; SELECT count(*) FROM sqlite_schema"); !status) return status;
  auto* copying = sqlite3_backup_init(copy.handle, "main", connection_->handle, "main");
  int code = copying ? SQLITE_OK : sqlite3_errcode(copy.handle);
  while (code == SQLITE_OK) {
    code = sqlite3_backup_step(copying, kPagesPerStep);
    const int pages = std::max(1, sqlite3_backup_pagecount(copying));
    progress(1 - static_cast<double>(sqlite3_backup_remaining(copying)) / pages);
  }
  const int finished = sqlite3_backup_finish(copying);
  auto ended = execute("COMMIT");
  if (code != SQLITE_DONE || finished != SQLITE_OK) {
    return failure(describe(copy.handle, finished == SQLITE_OK ? code : finished));
  }
  return ended;
}

}  // namespace clade::store
