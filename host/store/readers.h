// Who reads a database right now: a long transaction of another process keeps the write-ahead log from
// starting over.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace clade::store {

struct Reader {
  pid_t process = 0;
  std::string command;  // with its arguments, at most 200 bytes; "" if it is another user's
};

// The other processes that are inside a read transaction on the database, as /proc/locks tells; empty where
// that cannot be read. Reads files of /proc only.
std::vector<Reader> foreign_readers(const std::string& database_path);
// "process 123 (sqlite3 .clade/clade.db), process 7"; "another process" if there is none to name.
std::string readers_text(const std::vector<Reader>& readers);

}  // namespace clade::store
