#include "run/file_write.h"

#include "base/bytes.h"

namespace clade::run {

Status write_files(const Kernel& kernel, store::Batch& batch) {
  auto query = kernel.reader.prepare("SELECT seq, path, content FROM file_write WHERE done = 0 ORDER BY seq");
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) break;
    const std::string path = query.text(1);
    const std::string full =
        path.rfind("report/", 0) == 0 ? kernel.report + path.substr(6) : kernel.folder + "/" + path;
    auto status = make_folders(full.substr(0, full.rfind('/')));
    if (status) status = write_file_atomic(full, query.text(2));
    if (!status) {
      kernel.log.error("host", status.error().message);
      if (status.error().code == "no_space") return status;
      continue;
    }
    batch.add([seq = query.integer(0)](store::Database& database) {
      auto update = database.prepare("UPDATE file_write SET done = 1, content = '' WHERE seq = ?");
      update.bind(1, seq);
      return update.run();
    });
  }
  return {};
}

}  // namespace clade::run
