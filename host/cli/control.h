// The control socket DIR/.clade/socket: how commands talk to a running host. One JSON object per line:
//   {"command":"task.add","args":{…}}  →  {"ok":true,"data":…}  | {"ok":false,"error":{"code":…,"message":…}}
// A connection may ask again before it is answered; answers come in the order of the requests. Who closes its
// sending side gets the answers to all that it asked, then the connection is closed. Of a client that is gone
// the requests that were taken up are carried out all the same.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "loop/loop.h"

namespace clade::cli {

// Of a request. Commands refuse a longer one before they send anything; the host closes the connection of
// whoever sends it all the same.
inline constexpr size_t kControlLineBytes = 1u << 20;
// Nested arrays and maps in a request: a payload may have 64, the request's own maps come on top.
inline constexpr size_t kControlDepth = 66;
inline constexpr size_t kControlUnreadBytes =
    1u << 20;  // answers that a client leaves unread before it is dropped
// Requests of a connection that wait for their answers, and the bytes of both: then no more is read from it.
inline constexpr size_t kControlAsked = 512;
inline constexpr size_t kControlAskedBytes = 4u << 20;
// Requests of a connection that are taken up in one turn of the loop: others want theirs, too.
inline constexpr int kControlTakenAtOnce = 32;
inline constexpr size_t kControlAnswerBytes = 64u << 20;  // of an answer: what a client reads at most
inline constexpr size_t kControlConnections = 64;  // beyond: the one that has been silent longest is dropped

// The host's side. What comes in is treated as hostile. Thread: the loop's.
class Control {
 public:
  using Reply = std::function<void(Result<Value>)>;
  // `reply` is called once, now or later, on the loop's thread; after the connection is gone it does nothing.
  // It may be called after the Control is destroyed.
  using Handler = std::function<void(const std::string& command, const Value& args, Reply reply)>;

  // Listens on `path`, replacing a stale socket (hold the swarm's lock). Errors: "io".
  static Result<Control> open(loop::Loop& loop, const std::string& path, Handler handler);
  ~Control();  // drops every connection and removes the socket
  Control(Control&&) noexcept;
  Control& operator=(Control&&) noexcept;

  // Connections now.
  size_t connections() const;

 private:
  struct State;
  explicit Control(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

// The "limit" error of `what` that does not fit into a request: names the limit, and what to do instead.
Error too_large(const std::string& what);

// How long a command waits for a host that is silent.
struct Patience {
  int64_t until_note_ms = 2000;  // then it says on stderr that it waits
  int64_t most_ms = 60000;       // then it gives up
};

// The commands' side: asks the host of a swarm and waits for its answer. Errors: "limit" (the request is
// larger than kControlLineBytes; nothing was sent), "no_host" (nobody listens), "io" (also of a host that
// does not answer: names its process and what to do), and whatever the host answers.
Result<Value> request(const std::string& folder, const std::string& command, const Value& args,
                      const Patience& patience = {});

}  // namespace clade::cli
