// The known word nearest to one that is not known: for "did you mean".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clade::script {

// The word of `known` that few typing slips (changed, missing, added or swapped letters) turn `word` into, or
// "" if none is near. The first one wins a tie.
std::string nearest(std::string_view word, const std::vector<std::string>& known);
// ` (did you mean "summary"?)`, or "" if nothing is near: to be appended to a message.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);
// "a, b, c"; "none" for an empty list.
std::string join_words(const std::vector<std::string>& words);

}  // namespace clade::script
