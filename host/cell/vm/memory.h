// What the VMs of a cell may allocate: one cap over all of them and one for each.
#pragma once

#include <cstddef>

namespace clade::vm {

// Counts bytes against a limit, and against its parent's if it has one. Not thread-safe; outlives what
// allocates from it.
class Memory {
 public:
  explicit Memory(size_t limit, Memory* parent = nullptr) : limit_(limit), parent_(parent) {
    plan_collection();
  }

  // As realloc, and free for a new size of 0. Null when it would pass a limit that is not lifted.
  void* reallocate(void* block, size_t old_size, size_t new_size);

  // From now on a VM that has room under its own limit and none under this one ends the process with
  // `status`: what its neighbours hold is not its fault, so it must not see an error for it.
  void end_process_when_full(int status) { full_status_ = status; }

  size_t limit() const { return limit_; }
  // For what was made before its cell, and with it the limit, was known.
  void set_limit(size_t limit);
  size_t used() const { return used_; }
  size_t peak() const { return peak_; }
  // Bytes left, here and in the parent.
  size_t room() const;

  // LuaJIT does not collect garbage because an allocation was refused, so a script would fail with a heap
  // full of garbage. A third of the way from what is in use to the limit a full collection is asked for: the
  // hook does it.
  void plan_collection();
  bool wants_collection() const { return wants_collection_; }

  // Whether something was refused since the last forget_refusals(): only then is an error "not enough memory"
  // true, and not a script's own words.
  bool has_refused() const { return refused_; }
  void note_refusal() { refused_ = true; }
  void forget_refusals() { refused_ = false; }

  // While one of these lives, limits do not count: the host's own work (error messages, results) must not
  // fail.
  class Lifted {
   public:
    explicit Lifted(Memory& memory) : memory_(memory) { ++memory_.lifted_; }
    ~Lifted() { --memory_.lifted_; }
    Lifted(const Lifted&) = delete;
    Lifted& operator=(const Lifted&) = delete;

   private:
    Memory& memory_;
  };

 private:
  bool has_room(size_t more) const;
  bool has_own_room(size_t more) const { return used_ <= limit_ && more <= limit_ - used_; }
  void change(size_t less, size_t more);

  size_t limit_;
  Memory* parent_;
  size_t used_ = 0;
  size_t peak_ = 0;
  size_t collect_at_ = 0;
  int lifted_ = 0;
  int full_status_ = 0;  // 0: refuse
  bool wants_collection_ = false;
  bool refused_ = false;
};

}  // namespace clade::vm
