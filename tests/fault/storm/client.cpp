#include "client.h"

#include <array>

namespace storm {
namespace {

constexpr std::array<const char*, 14> kTypes = {"append", "append", "pair",     "pair", "spin",
                                                "sleep",  "spawn",  "fragile",  "ask",  "evaluate",
                                                "scribe", "relay",  "hopeless", "relay"};
constexpr int64_t kLookAgainUs = 1000;

std::string field(const std::string& answer, const std::string& name) {
  const std::string start = "\"" + name + "\":\"";
  const size_t at = answer.find(start);
  if (at == std::string::npos) return "";
  const size_t begin = at + start.size();
  return answer.substr(begin, answer.find('"', begin) - begin);
}

}  // namespace

Client::Client(const Places& places, const std::string& witness_program, uint64_t seed)
    : places_(places), program_(witness_program), random_(seed), thread_([this] { work(); }) {}

Client::~Client() {
  ending_ = true;
  thread_.join();
}

void Client::check() const {
  if (failed_) throw Failure(problem_);
}

void Client::work() {
  Control control(places_.swarm);
  try {
    while (!ending_) {
      if (allowed_ <= 0 || (!control.connected() && !control.connect())) {
        pause_us(kLookAgainUs);
      } else {
        --allowed_;
        submit(control);
      }
    }
  } catch (const std::exception& problem) {
    problem_ = problem.what();
    failed_ = true;
  }
}

void Client::submit(Control& control) {
  const std::string type = kTypes.at(random_() % kTypes.size());
  const std::string number = std::to_string(++number_);
  append_line(places_.sent, "sent " + number + " " + type);
  const std::string answer =
      control.ask(R"({"command":"task.add","args":{"type":")" + type + R"(","payload":{"n":)" + number +
                  R"(,"program":")" + program_ + R"(","witness":")" + places_.witness + R"("}}})");
  if (answer.rfind(R"({"ok":true)", 0) == 0 || answer.find(R"("ok":true)") != std::string::npos) {
    append_line(places_.sent, "acknowledged " + number + " " + field(answer, "id"));
    ++acknowledged_;
  } else if (!answer.empty()) {
    // The host is about to stop, and says so.
    append_line(places_.sent, "refused " + number + " " + field(answer, "code"));
  }
}

}  // namespace storm
