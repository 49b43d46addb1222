// What a host puts into the audit of its own: its start and its end, and the grants that it goes by.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "script/library.h"
#include "store/database.h"
#include "store/writer.h"

namespace clade::cli {

// A host starts on `folder`, whose `library` is loaded. Lines: host.recover if the host before it did not end
// orderly; host.start, with the version of this program and the hashes of swarm.yaml and of all manifests;
// and grants.given with what every agent asks for and gets, unless that is what the store heard last.
// `reader` sees what earlier hosts wrote. Errors: those of the store.
Status record_start(const script::Library& library, const std::string& folder, store::Database& reader,
                    int64_t now, store::Batch& batch);

// It ends: who wanted that ("host": it did), and why.
void record_stop(const std::string& by, const std::string& reason, int64_t now, store::Batch& batch);

}  // namespace clade::cli
