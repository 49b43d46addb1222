#include "cli/control.h"

#include <deque>
#include <map>
#include <optional>
#include <string_view>
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
  // A request that is with the handler, or answered after one that still is.
  struct Asked {
    size_t bytes = 0;
    std::string answer;  // a line; "" while it is with the handler
  };
  struct Connection {
    explicit Connection(loop::Stream opened) : stream(std::move(opened)) {}
    loop::Stream stream;
    std::string buffer;
    size_t taken = 0;         // of the buffer
    std::deque<Asked> asked;  // oldest first
    uint64_t answered = 0;    // requests before those
    size_t asked_bytes = 0;
    bool ended = false;      // its sending side is closed, and it reads
    bool closing = false;    // nothing more is taken from it: it gets its answers, then it is closed
    bool serving = false;    // its next requests are taken up in another turn
    uint64_t last_used = 0;  // a count, not a time
    bool is_full() const { return asked.size() >= kControlAsked || asked_bytes > kControlAskedBytes; }
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
                           [this, id](const std::string&) { connections.erase(id); },
                           [this, id] {
                             connections.at(id)->ended = true;
                             serve(id);
                           });
  }

  // A client that is waiting for its answer is not silent; if all of them wait, the oldest one has to go.
  void drop_most_silent() {
    auto worst = connections.end();
    for (auto one = connections.begin(); one != connections.end(); ++one) {
      const auto patience = [](const Connection& connection) {
        return std::pair(!connection.asked.empty(), connection.last_used);
      };
      if (worst == connections.end() || patience(*one->second) < patience(*worst->second)) worst = one;
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

  // Takes up whole lines. A handler may answer at once or drop the connection, so nothing is held across the
  // call.
  void serve(uint64_t id) {
    for (int left = kControlTakenAtOnce; left > 0; --left) {
      const auto place = connections.find(id);
      if (place == connections.end()) return;
      Connection& connection = *place->second;
      if (connection.is_full() || connection.closing) return connection.stream.pause();
      const size_t end = connection.buffer.find('\n', connection.taken);
      const size_t size = (end == std::string::npos ? connection.buffer.size() : end) - connection.taken;
      if (size > kControlLineBytes) return refuse(id, "limit", too_large("the request").message);
      if (end == std::string::npos) {
        connection.buffer.erase(0, connection.taken);
        connection.taken = 0;
        if (!connection.ended) return;
        if (!connection.buffer.empty()) {
          return refuse(id, "invalid",
                        "the last request has no line break at its end and was not carried out");
        }
        connection.closing = true;
        return send_answers(place);
      }
      if (connection.stream.unwritten() > kControlUnreadBytes) {
        connections.erase(place);  // it asks and does not read
        return;
      }
      const auto line = std::string_view(connection.buffer).substr(connection.taken, size);
      auto asked = decode_json(line, CodecLimits{kControlLineBytes, kControlDepth});
      connection.taken = end + 1;
      if (!asked) return refuse(id, "invalid", "the request is not JSON: " + asked.error().message);
      if (!(*asked)["command"].is_string() || (asked->has("args") && !(*asked)["args"].is_map())) {
        return refuse(id, "invalid", R"(a request is {"command":"…","args":{…}} on one line)");
      }
      const uint64_t number = connection.answered + connection.asked.size();
      connection.asked.push_back({size, ""});
      connection.asked_bytes += size;
      handler((*asked)["command"].as_string(), asked->has("args") ? (*asked)["args"] : Value(Value::Map{}),
              reply_for(id, number));
    }
    serve_later(id);
  }

  void serve_later(uint64_t id) {
    const auto place = connections.find(id);
    if (place == connections.end() || std::exchange(place->second->serving, true)) return;
    place->second->stream.pause();
    loop.post([weak = weak_from_this(), id] {
      const auto state = weak.lock();
      const auto found = state ? state->connections.find(id) : decltype(state->connections.find(id)){};
      if (!state || found == state->connections.end()) return;
      found->second->serving = false;
      found->second->stream.resume();
      state->serve(id);
    });
  }

  Reply reply_for(uint64_t id, uint64_t number) {
    auto open = std::make_shared<bool>(true);
    return [weak = weak_from_this(), id, number, open](Result<Value> result) {
      if (!std::exchange(*open, false)) return;
      if (const auto state = weak.lock()) state->answer(id, number, result);
    };
  }

  void answer(uint64_t id, uint64_t number, const Result<Value>& result) {
    const auto place = connections.find(id);
    if (place == connections.end()) return;
    Connection& connection = *place->second;
    const bool was_full = connection.is_full();
    Asked& asked = connection.asked.at(number - connection.answered);
    asked.answer = answer_line(result);
    asked.bytes += asked.answer.size();  // it may have to wait for those before it
    connection.asked_bytes += asked.answer.size();
    connection.last_used = ++uses;
    send_answers(place);
    // Not from here: a handler that answers at once would nest.
    if (was_full) serve_later(id);
  }

  using Place = std::map<uint64_t, std::unique_ptr<Connection>>::iterator;

  // Those whose turn it is.
  void send_answers(Place place) {
    Connection& connection = *place->second;
    std::string lines;
    auto& asked = connection.asked;
    for (; !asked.empty() && !asked.front().answer.empty(); asked.pop_front()) {
      lines += asked.front().answer;
      connection.asked_bytes -= asked.front().bytes;
      ++connection.answered;
    }
    connection.stream.write(std::move(lines));
    if (!connection.closing || !asked.empty()) return;
    connection.stream.close_after_writes();
    connections.erase(place);
  }

  void refuse(uint64_t id, const std::string& code, const std::string& message) {
    const auto place = connections.find(id);
    if (place == connections.end()) return;
    place->second->closing = true;
    place->second->stream.pause();
    place->second->asked.push_back({0, answer_line(failure(code, message))});
    send_answers(place);
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
