// swarm.yaml, agent.yaml, skill.yaml, knowledge and grants from arbitrary bytes: a result that keeps what its
// header promises, or an error that names the place.
#include <sys/mman.h>
#include <unistd.h>

#include "base/codec.h"
#include "fuzz/input.h"
#include "script/grants.h"
#include "script/manifest.h"
#include "script/yaml.h"

namespace clade::script {
namespace {

using fuzz::Input;
using fuzz::promise;

// A file without a place on a disk: the readers take paths.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("manifest", MFD_CLOEXEC)) {
    promise(descriptor_ >= 0, "no memory file");
    path_ = "/proc/self/fd/" + std::to_string(descriptor_);
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  const std::string& path() const { return path_; }
  void hold(std::string_view bytes) {
    const bool held = ftruncate(descriptor_, 0) == 0 && pwrite(descriptor_, bytes.data(), bytes.size(), 0) ==
                                                            static_cast<ssize_t>(bytes.size());
    promise(held, "cannot write the memory file");
  }

 private:
  int descriptor_;
  std::string path_;
};

bool skip_number(std::string_view& text) {
  const size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos || text[0] == '0' || text[digits] != ':') return false;
  text.remove_prefix(digits + 1);
  return true;
}

// "path:line:column: what"
void check_refusal(const Error& error, const std::string& path) {
  promise(error.code == "invalid" || error.code == "limit", "a code that the readers do not have");
  std::string_view rest = error.message;
  promise(rest.starts_with(path + ":"), "an error does not name the file");
  rest.remove_prefix(path.size() + 1);
  promise(skip_number(rest) && skip_number(rest), "an error names no line and column");
  promise(rest.size() > 1 && rest[0] == ' ', "an error does not say what is wrong");
}

void check_grants(const std::vector<std::string>& grants) {
  for (const auto& grant : grants)
    promise(check_grant_form(grant).has_value(), "an ill-formed grant was read");
}

// Limits are read as they are written.
void check_given(const GivenGrant& given) {
  promise(check_grant_form(given.grant).has_value(), "an ill-formed grant was read");
  if (given.rate) {
    promise(given.rate->calls >= 1 && given.rate->period_us >= 1, "a rate of nothing was read");
    const auto again = parse_rate(rate_text(*given.rate));
    promise(again && *again == *given.rate, "a rate changes when it is written down");
  }
  if (!given.size) return;
  promise(*given.size >= 1, "a size of nothing was read");
  const auto again = parse_size(size_text(*given.size));
  promise(again && *again == *given.size, "a size changes when it is written down");
}

size_t count_values(const Value& value) {
  size_t count = 1;
  for (const auto& item : value.as_array()) count += count_values(item);
  for (const auto& [key, item] : value.as_map()) count += count_values(item);
  return count;
}

void check(const AgentManifest& manifest) {
  for (const auto& skill : manifest.skills) promise(is_skill_id(skill), "an id that is none was read");
  promise(manifest.summary.find('\n') == std::string::npos, "a summary of two lines was read");
  check_grants(manifest.grants);
}

void check(const SkillManifest& manifest) {
  promise(is_skill_id(manifest.id), "a skill without an id was read");
  promise(!manifest.version.empty(), "a skill without a version was read");
  for (const auto& skill : manifest.uses) promise(is_skill_id(skill), "an id that is none was read");
  check_grants(manifest.grants);
  if (manifest.benchmark.is_nil()) return;
  const std::string& better = manifest.benchmark["better"].as_string();
  promise(better == "lower" || better == "higher", "a benchmark without a direction was read");
}

void check(const SwarmManifest& manifest) {
  promise(!manifest.name.empty(), "a swarm without a name was read");
  for (const auto& agent : manifest.agents) {
    promise(is_name(agent.name) && is_name(agent.role), "an agent without a name was read");
    promise(agent.instances >= 1 && agent.instances <= 64, "an agent of no or too many instances was read");
    for (const auto& given : agent.grants) check_given(given);
  }
  for (const auto& goal : manifest.goals.as_array()) {
    promise(goal.is_map() && goal["name"].is_string(), "a goal without a name was read");
  }
  promise(manifest.goals.is_array() && manifest.settings.is_map(), "goals or settings of another shape");
  promise(manifest.quorum >= 1 && manifest.threshold > 0 && manifest.threshold <= 1,
          "votes without a quorum or threshold were read");
  promise(manifest.vote_deadline_ms >= 1, "votes without a deadline were read");
}

void check(const Value& value) {
  promise(count_values(value) <= kYamlValues, "more values than the limit were read");
  promise(decode_msgpack(encode_msgpack(value), {64u << 20, kYamlDepth}).has_value(),
          "what was read cannot be sent to a cell");
}

template <class Manifest>
void check_read(const Result<Manifest>& read, const std::string& path) {
  if (!read) return check_refusal(read.error(), path);
  check(*read);
}

// A grant without stars covers what it names, and a path that climbs is covered by nothing.
void check_grant(const std::string& grant) {
  const size_t colon = grant.find(':');
  const std::string capability = grant.substr(0, colon);
  const std::string pattern = colon == std::string::npos ? "" : grant.substr(colon + 1);
  const Grants grants("agent", {grant}, {{grant, {}, {}}});
  const bool allowed = grants.check(capability, pattern).has_value();
  promise(allowed == grant_covers(grant, capability, pattern), "a grant and its use disagree");
  if (const auto status = check_grant_form(grant); !status) {
    promise(status.error().code == "invalid" && !status.error().message.empty(),
            "a grant refused without reason");
    return;
  }
  promise(allowed, "a grant does not cover its own pattern");
  const bool is_path = capability == "file.write" || capability == "knowledge.read";
  for (const std::string& climbing : {"../" + pattern, pattern + "/..", "/" + pattern}) {
    promise(!is_path || !grants.check(capability, climbing),
            "a path that leads out of the folder is granted");
  }
}

}  // namespace
}  // namespace clade::script

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace clade::script;
  static MemoryFile file;
  clade::fuzz::Input input(bytes, size);
  const uint8_t kind = input.byte() % 5;
  if (kind == 4) {
    check_grant(std::string(input.rest()));
    return 0;
  }
  file.hold(input.rest());
  const std::string& path = file.path();
  if (kind == 0) check_read(read_swarm_manifest(path), path);
  if (kind == 1) check_read(read_agent_manifest(path), path);
  if (kind == 2) check_read(read_skill_manifest(path), path);
  if (kind == 3) check_read(read_yaml(path), path);
  return 0;
}
