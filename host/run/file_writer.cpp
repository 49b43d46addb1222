#include "run/file_writer.h"

namespace clade::run {
namespace {

// What the loop reads from the store at once.
constexpr size_t kFiles = 64;
constexpr size_t kBytes = 1u << 20;

void close_row(int64_t row, bool written, store::Batch& batch) {
  batch.add([row, written](store::Database& database) {
    auto update = database.prepare(written ? "UPDATE file_write SET done = 1, content = '' WHERE seq = ?"
                                           : "UPDATE file_write SET done = 2 WHERE seq = ?");
    update.bind(1, row);
    return update.run();
  });
}

}  // namespace

FileWriter::FileWriter(const Kernel& kernel, Commit commit, std::function<void(const Error&)> fatal,
                       Write write)
    : kernel_(kernel),
      commit_(std::move(commit)),
      fatal_(std::move(fatal)),
      write_(std::move(write)),
      work_(std::make_unique<loop::Work>(kernel.loop)) {}

FileWriter::~FileWriter() {
  *alive_ = false;
  stop();
}

void FileWriter::wake() {
  // Whoever is at work looks for more when these are done.
  if (!busy_ && work_) write_next();
}

void FileWriter::stop() {
  stopping_ = true;
  work_.reset();
  busy_ = false;
}

void FileWriter::write_next() {
  auto status = read_next();
  busy_ = status && !files_.empty();
  if (!status) fatal_(status.error());
  if (!busy_) return;
  work_->start(
      [this] {
        for (auto& file : files_) {
          if (stopping_) return;
          file.outcome = write_(kernel_, file.path, file.content);
          if (!file.outcome && file.outcome.error().code == "no_space") return;
        }
      },
      [this] { written(); });
}

Status FileWriter::read_next() {
  files_.clear();
  auto query =
      kernel_.reader.prepare("SELECT seq, path, content FROM file_write WHERE done = 0 ORDER BY seq");
  size_t bytes = 0;
  while (files_.size() < kFiles && bytes < kBytes) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) break;
    files_.push_back({query.integer(0), query.text(1), query.text(2), {}});
    bytes += files_.back().content.size();
  }
  return {};
}

void FileWriter::written() {
  store::Batch batch;
  Status space;
  for (const auto& file : files_) {
    if (!file.outcome && file.outcome.error().code == "no_space") {
      kernel_.log.error("host", file.outcome.error().message);
      space = file.outcome;
      break;
    }
    if (!file.outcome) {
      kernel_.log.error("host", "file.write: gave up " + file.path + ": " + file.outcome.error().message +
                                    "; its content stays in the store, row " + std::to_string(file.row) +
                                    " of file_write");
    }
    close_row(file.row, file.outcome.has_value(), batch);
  }
  // Until its row is closed a file would be found open and written again.
  if (!batch.empty()) {
    commit_(std::move(batch), [this, alive = alive_, full = !space](Status status) {
      if (!*alive) return;
      busy_ = false;
      if (status && !full) wake();
    });
  } else {
    busy_ = false;
  }
  if (!space) fatal_(space.error());
}

}  // namespace clade::run
