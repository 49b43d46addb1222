// The form of an instance specification, checked before a run begins.
#pragma once

#include <string>

#include "base/result.h"

namespace clade::cli {

// "weibull:SHAPE:SCALE:CAPACITY[:ITEMS]" or "uniform:LOW-HIGH:CAPACITY[:ITEMS]". Numbers positive; CAPACITY,
// LOW, HIGH and ITEMS whole, LOW ≤ HIGH ≤ CAPACITY ≤ 100,000, ITEMS ≤ 1,000,000. Errors: "usage" (says which
// part is wrong).
Status check_instances(const std::string& specification);

}  // namespace clade::cli
