// Writes the files that committed runs want: rows of file_write, done after the commit and again after a
// crash. The disk may take seconds for them, so they are written on a thread of their own.
//
//   resting ── wake ──► writing (thread) ──► closing (their rows, in the store) ──┬─ more open rows ─►
//   writing
//                                                                                 └─ none ───────────►
//                                                                                 resting
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "loop/work.h"
#include "run/file_write.h"
#include "run/kernel.h"
#include "store/writer.h"

namespace clade::run {

class FileWriter {
 public:
  // Commits a batch; `done` follows unless the owner is gone by then.
  using Commit = std::function<void(store::Batch, std::function<void(Status)>)>;
  // Writes one file; called on the thread.
  using Write = std::function<Status(const Kernel&, const std::string& path, const std::string& content)>;

  // `fatal` is told of what the host cannot go on with: "no_space", and what the store fails with.
  FileWriter(const Kernel& kernel, Commit commit, std::function<void(const Error&)> fatal,
             Write write = write_file);
  // As stop().
  ~FileWriter();

  // Writes every file whose row is open, oldest first, a few at a time, and closes their rows. To be called
  // at start and whenever a run that wants files is on disk. A file that cannot be written is logged and
  // given up: its row says so and keeps the content. Without space on the disk the rest stays open.
  void wake();
  // Waits for the file that is being written, if any, and writes no more: the next host goes on, from the
  // first row that was not closed.
  void stop();
  // Are there files that are being written, or rows of them being closed?
  bool busy() const { return busy_; }

 private:
  struct File {
    int64_t row = 0;
    std::string path;
    std::string content;
    Status outcome;
  };
  void write_next();
  Status read_next();
  void written();

  Kernel kernel_;
  Commit commit_;
  std::function<void(const Error&)> fatal_;
  Write write_;
  std::vector<File> files_;  // of the thread while it works
  std::atomic<bool> stopping_{false};
  bool busy_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<loop::Work> work_;  // nothing once stopped
};

}  // namespace clade::run
