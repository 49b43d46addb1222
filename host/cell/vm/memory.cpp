#include "cell/vm/memory.h"

#include <algorithm>
#include <cstdlib>

#include <unistd.h>

#include "cell/vm/limits.h"

namespace clade::vm {

void* Memory::reallocate(void* block, size_t old_size, size_t new_size) {
  if (new_size == 0) {
    std::free(block);
    change(old_size, 0);
    return nullptr;
  }
  if (new_size > old_size && lifted_ == 0 && !has_room(new_size - old_size)) {
    if (parent_ && parent_->full_status_ != 0 && has_own_room(new_size - old_size)) {
      _exit(parent_->full_status_);
    }
    // A script that catches the error goes on with its garbage collected.
    wants_collection_ = refused_ = true;
    request_hook();
    return nullptr;
  }
  void* moved = std::realloc(block, new_size);
  if (!moved) {
    refused_ = true;
    return nullptr;
  }
  change(old_size, new_size);
  if (used_ > collect_at_ && !wants_collection_) {
    wants_collection_ = true;
    request_hook();
  }
  return moved;
}

bool Memory::has_room(size_t more) const {
  if (!has_own_room(more)) return false;
  return !parent_ || parent_->has_room(more);
}

void Memory::change(size_t less, size_t more) {
  used_ = used_ - less + more;
  peak_ = std::max(peak_, used_);
  if (parent_) parent_->change(less, more);
}

void Memory::set_limit(size_t limit) {
  limit_ = limit;
  plan_collection();
}

void Memory::plan_collection() {
  wants_collection_ = false;
  collect_at_ = used_ + room() / 3;
}

size_t Memory::room() const {
  const size_t own = used_ < limit_ ? limit_ - used_ : 0;
  return parent_ ? std::min(own, parent_->room()) : own;
}

}  // namespace clade::vm
