#include "cli/view.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <optional>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/codec.h"
#include "cli/output.h"

namespace clade::cli {
namespace {

constexpr int64_t kProgressMs = 10000;
constexpr int64_t kRateMs = 5000;
constexpr size_t kBar = 24;

// What a person is told of an edge; "" for those that say nothing new.
const char* words_for(queue::Verb verb) {
  switch (verb) {
    case queue::Verb::enqueue:
      return "queued";
    case queue::Verb::hold:
      return "waits for an approval";
    case queue::Verb::approve:
      return "approved";
    case queue::Verb::refuse:
      return "refused";
    case queue::Verb::start:
      return "started";
    case queue::Verb::review:
      return "goes to review";
    case queue::Verb::accept:
      return "accepted";
    case queue::Verb::reject:
      return "sent back";
    case queue::Verb::complete:
      return "completed";
    case queue::Verb::release:
      return "given back";
    case queue::Verb::fail:
      return "failed";
    case queue::Verb::retry:
      return "queued again";
    case queue::Verb::bury:
      return "given up";
    case queue::Verb::cancel:
      return "cancelled";
    case queue::Verb::block:
    case queue::Verb::unblock:
    case queue::Verb::assign:
      return "";
  }
  return "";
}

Colour colour_for(queue::Verb verb) {
  switch (verb) {
    case queue::Verb::complete:
    case queue::Verb::accept:
    case queue::Verb::approve:
      return Colour::green;
    case queue::Verb::fail:
    case queue::Verb::bury:
    case queue::Verb::refuse:
    case queue::Verb::cancel:
      return Colour::red;
    case queue::Verb::hold:
    case queue::Verb::reject:
    case queue::Verb::release:
      return Colour::yellow;
    default:
      return Colour::dim;
  }
}

// 75 s as "1:15", an hour as "1:00:00".
std::string clock_time(int64_t ms) {
  const int64_t seconds = std::max<int64_t>(0, ms) / 1000;
  const auto two = [](int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  const std::string rest = two(seconds % 60);
  if (seconds < 3600) return std::to_string(seconds / 60) + ":" + rest;
  return std::to_string(seconds / 3600) + ":" + two(seconds / 60 % 60) + ":" + rest;
}

std::string grouped(int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<long>(text.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) {
    text.insert(static_cast<size_t>(at), ",");
  }
  return text;
}

struct Size {
  int columns = 80;
  int rows = 24;
};

Size terminal_size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    return {size.ws_col, size.ws_row};
  }
  return {};
}

// Of the redrawn lines that are not an agent's, and one for the cursor.
constexpr size_t kOtherRows = 6;

// What a line has room for. Texts of scripts may be long: only their beginning is looked at, 4 bytes a
// letter.
std::string excerpt(std::string_view text) {
  constexpr size_t kColumns = 160;
  return shortened(plain(text.substr(0, 4 * (kColumns + 1))), kColumns);
}

}  // namespace

struct View::Screen {
  Screen(ViewOptions given, const Clock& clock, Write write)
      : options(std::move(given)), clock(clock), write(std::move(write)), started_ms(clock.wall_ms()) {
    if (!this->write) {
      this->write = [this](std::string_view text) {
        std::fwrite(text.data(), 1, text.size(), stdout);
        unwritten = true;
      };
    }
  }

  std::string colour(Colour colour, std::string_view text) const {
    return paint(options.colour, colour, text);
  }

  // Moves above the drawn lines and clears them.
  std::string erased() {
    std::string codes;
    if (drawn > 0) codes = "\x1b[" + std::to_string(drawn) + "F\x1b[J";
    drawn = 0;
    return codes;
  }

  // One event: above the redrawn lines, or simply the next line.
  void line(const std::string& text, const Value& data) {
    if (options.mode == ViewMode::none) return;
    if (options.mode == ViewMode::json) {
      write(encode_json(data) + "\n");
      return;
    }
    const std::string time = colour(Colour::dim, clock_time(clock.wall_ms() - started_ms));
    if (options.mode == ViewMode::plain) {
      write(time + " " + text + "\n");
      return;
    }
    std::string frame = erased() + time + " " + text + "\n";
    if (last) frame += block(*last);
    write(frame);
  }

  // Work per second over the last few seconds: what is going on now, not since the start.
  double rate(int64_t done) {
    const int64_t now = clock.wall_ms();
    samples.emplace_back(now, done);
    while (samples.size() > 2 && samples.front().first < now - kRateMs) samples.pop_front();
    const auto [first_at, first_done] = samples.front();
    return now > first_at
               ? static_cast<double>(done - first_done) * 1000 / static_cast<double>(now - first_at)
               : 0;
  }

  std::string progress(const ViewState& state) const {
    if (state.goal <= 0 && state.done <= 0) return "";
    std::string text = grouped(state.done);
    // The work before and after the search is counted too.
    if (state.goal > state.done) text += "/" + grouped(state.goal);
    text += " " + options.unit;
    if (per_second > 0) text += " (" + grouped(static_cast<int64_t>(per_second + 0.5)) + "/s)";
    return text;
  }

  std::string bar(const ViewState& state) const {
    if (state.goal <= 0) return "";
    const auto part = static_cast<size_t>(
        std::min<double>(1, static_cast<double>(state.done) / static_cast<double>(state.goal)) * kBar);
    std::string text;
    for (size_t i = 0; i < kBar; ++i) text += i < part ? "█" : "░";
    return text;
  }

  static std::string counts(const ViewState& state) {
    std::string text;
    for (const auto& [name, count] : state.queue) {
      if (count > 0) text += (text.empty() ? "" : " · ") + std::to_string(count) + " " + name;
    }
    return text.empty() ? "no tasks" : text;
  }

  // Those that fit, busy ones first: what has scrolled away cannot be redrawn.
  static std::vector<ViewState::Agent> shown_agents(const ViewState& state, size_t rows) {
    std::vector<ViewState::Agent> agents = state.agents;
    const size_t room = rows > kOtherRows ? rows - kOtherRows : 1;
    if (agents.size() <= room) return agents;
    std::stable_partition(agents.begin(), agents.end(),
                          [](const auto& agent) { return !agent.doing.empty(); });
    agents.resize(room);
    return agents;
  }

  // The redrawn lines. Each is cut to the terminal's width: a wrapped line would not be erased whole.
  std::string block(const ViewState& state) {
    const Size terminal = terminal_size();
    const auto columns =
        static_cast<size_t>(std::max(20, options.columns > 0 ? options.columns : terminal.columns));
    const auto rows = static_cast<size_t>(std::max(0, options.rows > 0 ? options.rows : terminal.rows));
    const int64_t now = clock.wall_ms();
    std::string text;
    const auto add = [&](const std::string& content, std::optional<Colour> painted = {}) {
      const std::string cut = shortened(plain(content), columns - 1);
      text += (painted ? colour(*painted, cut) : cut) + "\n";
      ++drawn;
    };
    std::string head = options.swarm + " · " + clock_time(now - started_ms);
    if (const std::string done = progress(state); !done.empty()) head += " · " + done;
    add(head, Colour::bold);
    if (const std::string shown = bar(state); !shown.empty()) add(shown, Colour::green);
    add(counts(state));
    const auto agents = shown_agents(state, rows);
    size_t widest = 0;
    for (const auto& agent : agents) widest = std::max(widest, width(agent.name));
    for (const auto& agent : agents) {
      std::string content = "  " + agent.name + std::string(widest - width(agent.name) + 2, ' ');
      if (agent.doing.empty() && agent.stopped) {
        add(content + "stopped (clade status says why)", Colour::red);
      } else if (agent.doing.empty()) {
        add(content + "idle", Colour::dim);
      } else {
        add(content + agent.doing + "  " + format_span(now - agent.since_ms));
      }
    }
    if (agents.size() < state.agents.size()) {
      add("  and " + std::to_string(state.agents.size() - agents.size()) + " more (clade agent list)",
          Colour::dim);
    }
    if (!state.approvals.empty()) {
      std::string ids;
      for (const auto& id : state.approvals) ids += " " + id;
      add("waits for you:" + ids + " (clade approval list)", Colour::yellow);
    }
    return text;
  }

  ViewOptions options;
  const Clock& clock;
  Write write;
  int64_t started_ms;
  int64_t told_ms = 0;  // when progress was last told
  int64_t told_done = -1;
  bool unwritten = false;  // stdout holds something back
  int drawn = 0;           // lines of the block on the screen
  double per_second = 0;
  std::deque<std::pair<int64_t, int64_t>> samples;
  std::optional<ViewState> last;
};

View::View(ViewOptions options, const Clock& clock, Write write)
    : screen_(std::make_unique<Screen>(std::move(options), clock, std::move(write))) {}
View::View(View&&) noexcept = default;
View::~View() = default;

void View::flush() {
  if (std::exchange(screen_->unwritten, false)) std::fflush(stdout);
}

void View::banner(const std::string& text) {
  Screen& screen = *screen_;
  screen.line(screen.colour(Colour::yellow, plain(text)),
              {{"at", screen.clock.wall_ms()}, {"event", "banner"}, {"text", text}});
}

void View::task(const queue::Task& task, queue::Verb verb, const std::string& agent) {
  Screen& screen = *screen_;
  const std::string words = words_for(verb);
  if (words.empty() || screen.options.mode == ViewMode::none) return;
  std::string text = screen.colour(Colour::bold, plain(task.id)) + " " + plain(task.type) + " " +
                     screen.colour(colour_for(verb), words);
  if (!agent.empty()) text += " by " + plain(agent);
  const bool bad = verb == queue::Verb::fail || verb == queue::Verb::bury || verb == queue::Verb::reject;
  if (bad && !task.error.empty())
    text += ": " + excerpt(std::string_view(task.error).substr(0, task.error.find('\n')));
  if (verb == queue::Verb::complete && task.result["decision"].is_string()) {
    const std::string& reason = task.result["reason"].as_string();
    const std::string decision = task.result["decision"].as_string() + (reason.empty() ? "" : ", " + reason);
    text += ": " + excerpt(decision);
  }
  if (verb == queue::Verb::hold) text += ": " + excerpt(task.approval);
  screen.line(text, {{"at", screen.clock.wall_ms()},
                     {"event", "task"},
                     {"id", task.id},
                     {"type", task.type},
                     {"verb", queue::name(verb)},
                     {"state", queue::name(task.state)},
                     {"agent", agent},
                     {"error", bad ? task.error : ""}});
}

void View::event(const std::string& agent, const std::string& text) {
  Screen& screen = *screen_;
  screen.line(screen.colour(Colour::blue, plain(agent)) + " " + plain(text.substr(0, text.find('\n'))),
              {{"at", screen.clock.wall_ms()}, {"event", "log"}, {"agent", agent}, {"text", text}});
}

void View::tick(const ViewState& state) {
  Screen& screen = *screen_;
  screen.per_second = screen.rate(state.done);
  if (screen.options.mode == ViewMode::live) {
    const std::string before = screen.erased();
    screen.write(before + screen.block(state));
    screen.last = state;
    return;
  }
  const int64_t now = screen.clock.wall_ms();
  if (state.done == screen.told_done || now - screen.told_ms < kProgressMs) return;
  if (const std::string progress = screen.progress(state); !progress.empty()) {
    screen.told_ms = now;
    screen.told_done = state.done;
    screen.line(progress, {{"at", now},
                           {"event", "progress"},
                           {"done", state.done},
                           {"goal", state.goal},
                           {"per_second", screen.per_second},
                           {"unit", screen.options.unit}});
  }
}

void View::finish(const Value& summary) {
  Screen& screen = *screen_;
  if (screen.options.mode == ViewMode::json) {
    Value line = summary.is_map() ? summary : Value{{"summary", summary}};
    line.set("event", "finish");
    line.set("at", screen.clock.wall_ms());
    screen.write(encode_json(line) + "\n");
    flush();
    return;
  }
  screen.drawn = 0;
  screen.last.reset();
  size_t widest = 0;
  for (const auto& [key, value] : summary.as_map()) widest = std::max(widest, width(key));
  std::string text;
  for (const auto& [key, value] : summary.as_map()) {
    std::string shown;
    for (const auto& item : value.as_array()) shown += (shown.empty() ? "" : ", ") + readable(item);
    if (!value.is_array()) shown = readable(value);
    text += screen.colour(Colour::bold, plain(key) + ":") + std::string(widest - width(key) + 2, ' ') +
            plain(shown) + "\n";
  }
  screen.write(text);
  flush();
}

}  // namespace clade::cli
