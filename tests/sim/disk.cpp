#include "sim/disk.h"

#include <algorithm>
#include <utility>

namespace sim {
namespace {

constexpr int64_t kSector = 512;
constexpr int64_t kSlowUs = 3000000;
constexpr int64_t kSyncUs = 300;

constexpr const char* kPartNames[] = {"database", "log"};
constexpr const char* kOpNames[] = {"read", "write", "sync", "truncate", "remove"};
constexpr const char* kOutcomeNames[] = {
    "crash before it", "crash within it", "crash after it", "fails", "fails from then on",
    "cut short",       "fails half-way",  "no space",       "slow",
};

std::vector<FaultPoint> all_points() {
  std::vector<FaultPoint> points;
  auto add = [&](Part part, Op op, const std::vector<Outcome>& outcomes) {
    for (const Outcome outcome : outcomes) points.push_back({part, op, outcome});
  };
  using O = Outcome;
  for (const Part part : {Part::database, Part::log}) {
    add(part, Op::read, {O::io_error, O::dead});
    add(part, Op::write,
        {O::crash_before, O::crash_torn, O::crash_after, O::io_error, O::torn_error, O::no_space});
    add(part, Op::sync, {O::crash_before, O::crash_after, O::io_error, O::slow});
  }
  // What SQLite reads of the database beyond its end are zeros to it, and no system reads less of what is
  // there.
  add(Part::log, Op::read, {O::cut_short});
  add(Part::log, Op::truncate, {O::crash_before, O::crash_after, O::io_error});
  add(Part::log, Op::remove, {O::crash_before, O::crash_after, O::io_error});
  return points;
}

}  // namespace

const std::vector<FaultPoint>& fault_points() {
  static const std::vector<FaultPoint> points = all_points();
  return points;
}

std::string name(const FaultPoint& point) {
  return std::string(kPartNames[static_cast<int>(point.part)]) + " " + kOpNames[static_cast<int>(point.op)] +
         ": " + kOutcomeNames[static_cast<int>(point.outcome)];
}

Disk::File* Disk::find(const std::string& name) {
  const auto found = files_.find(name);
  return found == files_.end() ? nullptr : found->second.get();
}

Disk::File& Disk::make(const std::string& name) {
  auto& file = files_[name];
  if (!file) {
    file = std::make_unique<File>();
    removed_.erase(name);
  }
  return *file;
}

void Disk::install(const std::string& name, std::string bytes) {
  File& file = make(name);
  file.durable = bytes;
  file.current = std::move(bytes);
  file.pending.clear();
  file.entered = true;
}

void Disk::arm(std::optional<Fault> fault) {
  armed_ = fault;
  failed_ = false;
  dead_ = false;
}

// Whether the armed fault hits this operation; it does so once.
std::optional<Outcome> Disk::fault_at(Part part, Op op) {
  if (spared_ > 0) return std::nullopt;
  trace_.number(static_cast<uint64_t>(part) * 16 + static_cast<uint64_t>(op));
  if (!armed_) return std::nullopt;
  const FaultPoint& point = fault_points()[armed_->point];
  if (point.part != part || point.op != op || armed_->skip-- > 0) return std::nullopt;
  ++hits_[armed_->point];
  trace_.note("the disk: " + name(point));
  armed_.reset();
  switch (point.outcome) {
    case Outcome::crash_before:
    case Outcome::crash_torn:
    case Outcome::crash_after:
      stopped_ = true;
      break;
    case Outcome::slow:
      break;
    case Outcome::dead:
      dead_ = true;
      [[fallthrough]];
    default:
      failed_ = true;
  }
  return point.outcome;
}

void Disk::apply(std::string& bytes, const Pending& change) {
  if (change.truncate) {
    bytes.resize(static_cast<size_t>(change.offset));
    return;
  }
  const size_t end = static_cast<size_t>(change.offset) + change.bytes.size();
  if (bytes.size() < end) bytes.resize(end);
  bytes.replace(static_cast<size_t>(change.offset), change.bytes.size(), change.bytes);
}

std::vector<Disk::Pending> Disk::torn(const Pending& change) {
  std::vector<Pending> kept;
  const auto size = static_cast<int64_t>(change.bytes.size());
  for (int64_t at = 0; at < size;) {
    const int64_t next = std::min(size, (change.offset + at) / kSector * kSector + kSector - change.offset);
    if (random_.percent(50))
      kept.push_back({change.offset + at,
                      change.bytes.substr(static_cast<size_t>(at), static_cast<size_t>(next - at)), false});
    at = next;
  }
  return kept;
}

DiskStatus Disk::read(Part part) {
  if (part == Part::other) return DiskStatus::ok;
  const auto fault = fault_at(part, Op::read);
  if (fault == Outcome::cut_short) return DiskStatus::cut_short;
  return fault || (dead_ && spared_ == 0) ? DiskStatus::io_error : DiskStatus::ok;
}

DiskStatus Disk::write(File& file, Part part, const char* bytes, size_t count, int64_t offset) {
  if (stopped_) return DiskStatus::io_error;
  const auto fault = part == Part::other ? std::nullopt : fault_at(part, Op::write);
  Pending change{offset, std::string(bytes, count), false};
  if (fault == Outcome::crash_before || fault == Outcome::io_error) return DiskStatus::io_error;
  if (fault == Outcome::no_space) return DiskStatus::no_space;
  if (fault == Outcome::crash_torn || fault == Outcome::torn_error) {
    for (auto& piece : torn(change)) {
      apply(file.current, piece);
      file.pending.push_back(std::move(piece));
    }
    return DiskStatus::io_error;
  }
  apply(file.current, change);
  file.pending.push_back(std::move(change));
  return stopped_ ? DiskStatus::io_error : DiskStatus::ok;
}

DiskStatus Disk::truncate(File& file, Part part, int64_t size) {
  if (stopped_) return DiskStatus::io_error;
  const auto fault = part == Part::other ? std::nullopt : fault_at(part, Op::truncate);
  if (fault && fault != Outcome::crash_after) return DiskStatus::io_error;
  Pending change{size, "", true};
  apply(file.current, change);
  file.pending.push_back(std::move(change));
  return stopped_ ? DiskStatus::io_error : DiskStatus::ok;
}

DiskStatus Disk::sync(File& file, Part part) {
  if (stopped_) return DiskStatus::io_error;
  const auto fault = part == Part::other ? std::nullopt : fault_at(part, Op::sync);
  elapsed_us_ += fault == Outcome::slow ? kSlowUs : kSyncUs;
  if (fault == Outcome::io_error) {
    // As Linux does: what could not be written counts as clean, is read as if it were there, and no later
    // sync writes it.
    std::erase_if(file.pending, [this](const Pending&) { return random_.percent(50); });
  }
  if (fault == Outcome::crash_before || fault == Outcome::io_error) return DiskStatus::io_error;
  if (!lies_) {
    for (const auto& change : file.pending) apply(file.durable, change);
    file.pending.clear();
    file.entered = true;
  }
  return stopped_ ? DiskStatus::io_error : DiskStatus::ok;
}

DiskStatus Disk::remove(const std::string& name, Part part) {
  if (stopped_) return DiskStatus::io_error;
  const auto fault = part == Part::other ? std::nullopt : fault_at(part, Op::remove);
  if (fault && fault != Outcome::crash_after) return DiskStatus::io_error;
  if (auto gone = files_.extract(name); gone && gone.mapped()->entered) {
    removed_.erase(name);
    removed_.insert(std::move(gone));
  }
  return stopped_ ? DiskStatus::io_error : DiskStatus::ok;
}

void Disk::settle_after_power_loss(File& file) {
  const uint64_t fate = random_.below(3);  // of what was not synced: lost, kept, or each write by itself
  if (!file.pending.empty()) ++losses_[fate];
  for (const auto& change : file.pending) {
    if (fate == 0) break;
    const uint64_t kind = fate == 1 ? 0 : random_.below(3);
    if (kind == 0) apply(file.durable, change);
    if (kind != 1) continue;
    ++losses_[3];
    for (const auto& piece : torn(change)) apply(file.durable, piece);
  }
  file.pending.clear();
  file.current = file.durable;
}

void Disk::restart(bool power_lost) {
  stopped_ = false;
  armed_.reset();
  failed_ = false;
  dead_ = false;
  if (!power_lost) return;
  for (auto removed = removed_.begin(); removed != removed_.end();) {
    auto next = std::next(removed);
    if (random_.percent(50)) files_.insert(removed_.extract(removed));
    removed = next;
  }
  removed_.clear();
  for (auto entry = files_.begin(); entry != files_.end();) {
    if (!entry->second->entered && random_.percent(50)) {
      entry = files_.erase(entry);
      continue;
    }
    settle_after_power_loss(*entry->second);
    entry->second->entered = true;
    ++entry;
  }
}

int64_t Disk::take_elapsed() {
  return std::exchange(elapsed_us_, 0);
}

}  // namespace sim
