#include "sim/file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

#include <sqlite3.h>

namespace sim {
namespace {

constexpr int kSlots = SQLITE_SHM_NLOCK;

struct Connection;

// What the connections to one database share.
struct Shared {
  std::vector<Connection*> connections;
  std::vector<std::unique_ptr<char[]>> regions;
};

// One sqlite3_file. SQLite allocates it.
struct Connection {
  sqlite3_file base{};
  Disk::File* file = nullptr;
  std::unique_ptr<Disk::File> own;  // of a temporary file
  Shared* shared = nullptr;         // of a database
  Part part = Part::other;
  int lock = SQLITE_LOCK_NONE;
  int last_errno = 0;
  bool maps_memory = false;
  bool slot_shared[kSlots]{};
  bool slot_exclusive[kSlots]{};
};

// What is mounted.
struct Mount {
  Disk* disk = nullptr;
  Random random{0};
  std::function<int64_t()> wall_ms;
  std::map<std::string, Shared> shared;  // by the database's name
};
Mount* mounted = nullptr;

Connection& connection(sqlite3_file* file) {
  return *reinterpret_cast<Connection*>(file);
}

int code_of(Connection& self, DiskStatus status, int io_code) {
  self.last_errno = 0;
  if (status == DiskStatus::ok) return SQLITE_OK;
  if (status == DiskStatus::no_space) return SQLITE_FULL;
  self.last_errno = EIO;
  return io_code;
}

int close(sqlite3_file* file) {
  Connection& self = connection(file);
  if (self.shared) std::erase(self.shared->connections, &self);
  self.~Connection();
  return SQLITE_OK;
}

int read(sqlite3_file* file, void* into, int count, sqlite3_int64 offset) {
  Connection& self = connection(file);
  // A machine that stopped reads nothing either, but what happens then is seen by nobody.
  const std::string& bytes = self.file->current;
  const DiskStatus status = mounted->disk->read(self.part);
  if (status == DiskStatus::io_error) return code_of(self, status, SQLITE_IOERR_READ);
  const int64_t wanted = status == DiskStatus::cut_short ? count / 2 : count;
  const auto there = std::clamp<int64_t>(static_cast<int64_t>(bytes.size()) - offset, 0, wanted);
  if (there > 0) std::memcpy(into, bytes.data() + offset, static_cast<size_t>(there));
  if (there == count) return SQLITE_OK;
  std::memset(static_cast<char*>(into) + there, 0, static_cast<size_t>(count - there));
  return SQLITE_IOERR_SHORT_READ;
}

int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  Connection& self = connection(file);
  return code_of(self,
                 mounted->disk->write(*self.file, self.part, static_cast<const char*>(bytes),
                                      static_cast<size_t>(count), offset),
                 SQLITE_IOERR_WRITE);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  Connection& self = connection(file);
  return code_of(self, mounted->disk->truncate(*self.file, self.part, size), SQLITE_IOERR_TRUNCATE);
}

int sync(sqlite3_file* file, int) {
  Connection& self = connection(file);
  return code_of(self, mounted->disk->sync(*self.file, self.part), SQLITE_IOERR_FSYNC);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>(connection(file).file->current.size());
  return SQLITE_OK;
}

int lock(sqlite3_file* file, int level) {
  Connection& self = connection(file);
  if (self.lock >= level) return SQLITE_OK;
  int highest = SQLITE_LOCK_NONE;  // of the others
  for (const Connection* other : self.shared->connections) {
    if (other != &self) highest = std::max(highest, other->lock);
  }
  if (level == SQLITE_LOCK_SHARED && highest >= SQLITE_LOCK_PENDING) return SQLITE_BUSY;
  if (level == SQLITE_LOCK_RESERVED && highest >= SQLITE_LOCK_RESERVED) return SQLITE_BUSY;
  if (level == SQLITE_LOCK_EXCLUSIVE && highest >= SQLITE_LOCK_SHARED) {
    if (highest < SQLITE_LOCK_PENDING) self.lock = SQLITE_LOCK_PENDING;
    return SQLITE_BUSY;
  }
  self.lock = level;
  return SQLITE_OK;
}

int unlock(sqlite3_file* file, int level) {
  connection(file).lock = level;
  return SQLITE_OK;
}

int check_reserved_lock(sqlite3_file* file, int* reserved) {
  *reserved = 0;
  for (const Connection* other : connection(file).shared->connections)
    *reserved |= other->lock >= SQLITE_LOCK_RESERVED;
  return SQLITE_OK;
}

int file_control(sqlite3_file* file, int op, void* argument) {
  if (op != SQLITE_FCNTL_LAST_ERRNO) return SQLITE_NOTFOUND;
  *static_cast<int*>(argument) = connection(file).last_errno;
  return SQLITE_OK;
}

int sector_size(sqlite3_file*) {
  return 4096;
}

// A write that is cut off leaves the bytes around it alone, as the system's own file system promises SQLite.
int device_characteristics(sqlite3_file*) {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

int shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** memory) {
  Connection& self = connection(file);
  auto& regions = self.shared->regions;
  self.maps_memory = true;
  *memory = nullptr;
  while (extend && regions.size() <= static_cast<size_t>(region))
    regions.push_back(std::make_unique<char[]>(static_cast<size_t>(size)));
  if (static_cast<size_t>(region) < regions.size()) *memory = regions[static_cast<size_t>(region)].get();
  return SQLITE_OK;
}

int shm_lock(sqlite3_file* file, int first, int count, int flags) {
  Connection& self = connection(file);
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  for (int slot = first; slot < first + count; ++slot) {
    if (flags & SQLITE_SHM_UNLOCK) {
      (exclusive ? self.slot_exclusive : self.slot_shared)[slot] = false;
      continue;
    }
    for (const Connection* other : self.shared->connections) {
      if (other == &self) continue;
      if (other->slot_exclusive[slot] || (exclusive && other->slot_shared[slot])) return SQLITE_BUSY;
    }
  }
  if (flags & SQLITE_SHM_UNLOCK) return SQLITE_OK;
  for (int slot = first; slot < first + count; ++slot)
    (exclusive ? self.slot_exclusive : self.slot_shared)[slot] = true;
  return SQLITE_OK;
}

void shm_barrier(sqlite3_file*) {}

int shm_unmap(sqlite3_file* file, int) {
  Connection& self = connection(file);
  self.maps_memory = false;
  bool used = false;
  for (const Connection* other : self.shared->connections) used = used || other->maps_memory;
  if (!used) self.shared->regions.clear();
  return SQLITE_OK;
}

const sqlite3_io_methods kMethods = {
    2,
    close,
    read,
    write,
    truncate,
    sync,
    file_size,
    lock,
    unlock,
    check_reserved_lock,
    file_control,
    sector_size,
    device_characteristics,
    shm_map,
    shm_lock,
    shm_barrier,
    shm_unmap,
    nullptr,
    nullptr,
};

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* self = new (file) Connection;
  if (!mounted) {
    self->~Connection();
    file->pMethods = nullptr;
    return SQLITE_CANTOPEN;
  }
  if (!name) {
    self->own = std::make_unique<Disk::File>();
    self->file = self->own.get();
  } else {
    self->file = mounted->disk->find(name);
    if (!self->file && !(flags & SQLITE_OPEN_CREATE)) {
      self->~Connection();
      file->pMethods = nullptr;
      return SQLITE_CANTOPEN;
    }
    if (!self->file) self->file = &mounted->disk->make(name);
    if (flags & SQLITE_OPEN_WAL) self->part = Part::log;
    if (flags & SQLITE_OPEN_MAIN_DB) {
      self->part = Part::database;
      self->shared = &mounted->shared[name];
      self->shared->connections.push_back(self);
    }
  }
  self->base.pMethods = &kMethods;
  if (out_flags) *out_flags = flags;
  return SQLITE_OK;
}

int remove(sqlite3_vfs*, const char* name, int) {
  if (!mounted->disk->find(name)) return SQLITE_IOERR_DELETE_NOENT;
  const std::string_view text(name);
  const Part part = text.size() > 4 && text.substr(text.size() - 4) == "-wal" ? Part::log : Part::other;
  return mounted->disk->remove(name, part) == DiskStatus::ok ? SQLITE_OK : SQLITE_IOERR_DELETE;
}

int access(sqlite3_vfs*, const char* name, int, int* there) {
  *there = mounted && mounted->disk->find(name) ? 1 : 0;
  return SQLITE_OK;
}

int full_name(sqlite3_vfs*, const char* name, int size, char* full) {
  sqlite3_snprintf(size, full, "%s", name);
  return SQLITE_OK;
}

int randomness(sqlite3_vfs*, int count, char* bytes) {
  for (int i = 0; i < count; ++i) bytes[i] = static_cast<char>(mounted ? mounted->random.next() : 0);
  return count;
}

// On one thread nobody gives a lock back meanwhile: who waits here waits for ever.
int sleep(sqlite3_vfs*, int) {
  std::fputs("sim: SQLite waits for a lock that nobody will give back\n", stderr);
  std::abort();
}

int current_time_ms(sqlite3_vfs*, sqlite3_int64* now) {
  constexpr sqlite3_int64 kUnixEpoch = 210866760000000;  // in ms of the Julian calendar
  *now = kUnixEpoch + (mounted ? mounted->wall_ms() : 0);
  return SQLITE_OK;
}

int current_time(sqlite3_vfs* vfs, double* days) {
  sqlite3_int64 now = 0;
  current_time_ms(vfs, &now);
  *days = static_cast<double>(now) / 86400000.0;
  return SQLITE_OK;
}

int last_error(sqlite3_vfs*, int, char*) {
  return 0;
}

}  // namespace

void register_file_system() {
  static sqlite3_vfs vfs{};
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(Connection);
  vfs.mxPathname = 256;
  vfs.zName = kFileSystem;
  vfs.xOpen = open;
  vfs.xDelete = remove;
  vfs.xAccess = access;
  vfs.xFullPathname = full_name;
  vfs.xRandomness = randomness;
  vfs.xSleep = sleep;
  vfs.xCurrentTime = current_time;
  vfs.xCurrentTimeInt64 = current_time_ms;
  vfs.xGetLastError = last_error;
  if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK) throw std::runtime_error("SQLite takes no file system");
}

Mounted::Mounted(Disk& disk, uint64_t seed, std::function<int64_t()> wall_ms) {
  mounted = new Mount{&disk, Random(seed), std::move(wall_ms), {}};
  sqlite3_randomness(0, nullptr);  // drawn anew from this file system
}

Mounted::~Mounted() {
  delete mounted;
  mounted = nullptr;
}

}  // namespace sim
