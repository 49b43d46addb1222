#include "cli/control.h"

#include <map>
#include <optional>
#include <utility>

#include "base/codec.h"
#include "loop/stream.h"

namespace clade::cli {
namespace {

std::string answer_line(const Result<Value>& result) {
  Value answer;
  answer.set("ok", result.has_value());
  if (result) {
    answer.set("data", *result);
  } else {
    answer.set("error", {{"code", result.error().code}, {"message", result.error().message}});
  }
  return encode_json(answer) + "\n";
}

}  // namespace

struct Control::State : std::enable_shared_from_this<Control::State> {
  struct Connection {
    explicit Connection(loop::Stream opened) : stream(std::move(opened)) {}
    loop::Stream stream;
    std::string buffer;
    bool asked = false;      // a request is with the handler
    uint64_t last_used = 0;  // a count, not a time
  };

  State(loop::Loop& loop, Handler handler) : loop(loop), handler(std::move(handler)) {}

  void accept(loop::Stream stream) {
    if (connections.size() >= kControlConnections) drop_most_silent();
    const uint64_t id = next_id++;
    auto [place, added] = connections.emplace(id, std::make_unique<Connection>(std::move(stream)));
    (void)added;
    Connection& connection = *place->second;
    connection.last_used = ++uses;
    connection.stream.read([this, id](std::string_view bytes) { received(id, bytes); },
                           [this, id](const std::string&) { connections.erase(id); });
  }

  // A client that is waiting for its answer is not silent; if all of them wait, the oldest one has to go.
  void drop_most_silent() {
    auto worst = connections.end();
    for (auto one = connections.begin(); one != connections.end(); ++one) {
      if (worst == connections.end() || std::pair(one->second->asked, one->second->last_used) <
                                            std::pair(worst->second->asked, worst->second->last_used)) {
        worst = one;
      }
    }
    if (worst != connections.end()) connections.erase(worst);
  }

  void received(uint64_t id, std::string_view bytes) {
    const auto place = connections.find(id);
    if (place == connections.end()) return;
    Connection& connection = *place->second;
    connection.last_used = ++uses;
    connection.buffer.append(bytes);
    serve(id);
  }

  // Takes the next whole line, unless one is being answered. A handler may answer at once or drop the
  // connection, so nothing is held across the call.
  void serve(uint64_t id) {
    for (;;) {
      const auto place = connections.find(id);
      if (place == connections.end() || place->second->asked) return;
      Connection& connection = *place->second;
      const size_t end = connection.buffer.find('\n');
      if (end == std::string::npos) {
        if (connection.buffer.size() > kControlLineBytes)
          refuse(id, "limit", too_large("the request").message);
        return;
      }
      if (end > kControlLineBytes) return refuse(id, "limit", too_large("the request").message);
      if (connection.stream.unwritten() > kControlUnreadBytes) {
        connections.erase(place);  // it asks and does not read
        return;
      }
      const std::string line = connection.buffer.substr(0, end);
      connection.buffer.erase(0, end + 1);
      auto asked = decode_json(line, CodecLimits{kControlLineBytes, kControlDepth});
      if (!asked) return refuse(id, "invalid", "the request is not JSON: " + asked.error().message);
      if (!(*asked)["command"].is_string() || (asked->has("args") && !(*asked)["args"].is_map())) {
        return refuse(id, "invalid", R"(a request is {"command":"…","args":{…}} on one line)");
      }
      connection.asked = true;
      connection.stream.pause();
      handler((*asked)["command"].as_string(), asked->has("args") ? (*asked)["args"] : Value(Value::Map{}),
              reply_for(id));
    }
  }

  Reply reply_for(uint64_t id) {
    auto open = std::make_shared<bool>(true);
    return [weak = weak_from_this(), id, open](Result<Value> result) {
      if (!std::exchange(*open, false)) return;
      if (const auto state = weak.lock()) state->answer(id, result);
    };
  }

  void answer(uint64_t id, const Result<Value>& result) {
    const auto place = connections.find(id);
    if (place == connections.end()) return;
    Connection& connection = *place->second;
    connection.asked = false;
    connection.last_used = ++uses;
    connection.stream.write(answer_line(result));
    connection.stream.resume();
    // The next request may be in the buffer already. Not from here: a handler that answers at once would
    // nest.
    if (!connection.buffer.empty()) {
      loop.post([weak = weak_from_this(), id] {
        if (const auto state = weak.lock()) state->serve(id);
      });
    }
  }

  void refuse(uint64_t id, const std::string& code, const std::string& message) {
    const auto place = connections.find(id);
    if (place == connections.end()) return;
    loop::Stream& stream = place->second->stream;
    stream.write(answer_line(failure(code, message)));
    stream.close_after_writes();
    connections.erase(place);
  }

  loop::Loop& loop;
  Handler handler;
  std::optional<loop::Listener> listener;
  std::map<uint64_t, std::unique_ptr<Connection>> connections;
  uint64_t next_id = 1;
  uint64_t uses = 0;
};

Control::Control(std::shared_ptr<State> state) : state_(std::move(state)) {}
Control::Control(Control&&) noexcept = default;
Control& Control::operator=(Control&&) noexcept = default;

Control::~Control() {
  if (!state_) return;
  // A reply that is kept alive elsewhere holds no connection open.
  state_->listener.reset();
  state_->connections.clear();
}

Result<Control> Control::open(loop::Loop& loop, const std::string& path, Handler handler) {
  auto state = std::make_shared<State>(loop, std::move(handler));
  auto listener = loop::Listener::listen(
      loop, path, [raw = state.get()](loop::Stream stream) { raw->accept(std::move(stream)); });
  if (!listener) return failure(listener.error());
  state->listener.emplace(std::move(*listener));
  return Control(std::move(state));
}

size_t Control::connections() const {
  return state_->connections.size();
}

}  // namespace clade::cli
