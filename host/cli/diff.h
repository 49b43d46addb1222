// The difference of two texts, as `diff -u` writes it.
#pragma once

#include <string>

namespace clade::cli {

// Lines with " ", "-" or "+" in front, 3 lines of context, "@@ -a,b +c,d @@" before each part; "" if the
// texts are equal. `from` and `to` are the names of the two headers.
std::string unified_diff(const std::string& before, const std::string& after, const std::string& from,
                         const std::string& to);

}  // namespace clade::cli
