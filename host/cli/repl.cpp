#include "cli/repl.h"

#include <clocale>
#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include <editline/readline.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/repl_session.h"

namespace clade::cli {
namespace {

constexpr int kHistoryLines = 1000;

constexpr const char* kHelp =
    "An expression prints its value, anything else is run as a statement; unfinished lines go on.\n"
    "Globals stay until the end. The Lua here has no files, no network and no `clade`: it is the one of "
    "evaluations.\n"
    "  :help   this text\n"
    "  :quit   end (or Ctrl-D)\n"
    "  Ctrl-C  stop the running chunk, or drop the line; a second one kills a chunk that does not stop\n";

// Where a Ctrl-C at the prompt goes. The line editor cannot be told to stop from a signal handler other than
// by leaving it, and a signal handler has nothing but globals.
sigjmp_buf prompt;                         // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
volatile std::sig_atomic_t at_prompt = 0;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void leave_line(int) {
  if (at_prompt) siglongjmp(prompt, 1);
}

std::string history_path() {
  std::string folder;
  if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state == '/') {
    folder = state;
  } else if (const char* home = std::getenv("HOME"); home && *home == '/') {
    folder = std::string(home) + "/.local/state";
  } else {
    return "";
  }
  folder += "/clade";
  return make_folders(folder, 0700) ? folder + "/history" : "";
}

class LineSource {
 public:
  virtual ~LineSource() = default;
  enum class Kind { line, dropped, end };
  // The next line; `more` when it goes on from the last one. "dropped": Ctrl-C.
  virtual Kind next(bool more, std::string& line) = 0;
  // A whole chunk was read.
  virtual void remember(const std::string&) {}
};

class PipedLines final : public LineSource {
 public:
  Kind next(bool, std::string& line) override {
    return std::getline(std::cin, line) ? Kind::line : Kind::end;
  }
};

class TypedLines final : public LineSource {
 public:
  TypedLines() : path_(history_path()) {
    std::setlocale(LC_CTYPE, "");  // the editor moves by characters, not bytes
    rl_initialize();
    using_history();
    stifle_history(kHistoryLines);
    if (!path_.empty()) read_history(path_.c_str());
  }

  ~TypedLines() override {
    if (path_.empty()) return;
    const mode_t before = umask(0077);
    if (write_history(path_.c_str()) == 0) chmod(path_.c_str(), 0600);
    umask(before);
  }

  // No object with a destructor may live between sigsetjmp and the end of readline: Ctrl-C jumps over them.
  Kind next(bool more, std::string& line) override {
    struct sigaction action {};
    struct sigaction before {};
    action.sa_handler = leave_line;
    sigaction(SIGINT, &action, &before);
    char* typed = nullptr;
    bool dropped = false;
    if (sigsetjmp(prompt, 1) == 0) {
      at_prompt = 1;
      typed = readline(more ? ">> " : "> ");
      at_prompt = 0;
    } else {
      at_prompt = 0;
      dropped = true;
    }
    sigaction(SIGINT, &before, nullptr);
    if (dropped) {
      rl_deprep_terminal();
      print("\n");
      return Kind::dropped;
    }
    if (!typed) {
      print("\n");
      return Kind::end;
    }
    line = typed;
    std::free(typed);
    return Kind::line;
  }

  void remember(const std::string& chunk) override {
    std::string entry = chunk;
    for (char& c : entry) {
      if (c == '\n') c = ' ';
    }
    if (entry.find_first_not_of(' ') != std::string::npos) add_history(entry.c_str());
  }

 private:
  std::string path_;
};

// One chunk with its further lines. False at the end of input.
bool read_and_run(LineSource& lines, ReplSession& session, bool& failed) {
  std::string chunk;
  std::string line;
  for (;;) {
    flush_output();
    const auto kind = lines.next(!chunk.empty(), line);
    if (kind == LineSource::Kind::dropped) return true;
    const bool end = kind == LineSource::Kind::end;
    if (end && chunk.empty()) return false;
    if (chunk.empty()) {
      if (line == ":quit" || line == ":q") return false;
      if (line == ":help" || line == ":h") {
        print(kHelp);
        return true;
      }
      if (line.find_first_not_of(" \t") == std::string::npos) return true;
    }
    if (!end) chunk += (chunk.empty() ? "" : "\n") + line;
    auto answer = session.run(chunk);
    if (answer && answer->incomplete && !end) continue;
    lines.remember(chunk);
    if (!answer) {
      failed = true;
      fail(answer.error());
    } else if (!answer->ok) {
      failed = true;
      fail({"error", answer->text});
    } else if (!answer->text.empty()) {
      print_foreign(answer->text + "\n");
    }
    return !end;
  }
}

}  // namespace

int run_repl() {
  auto session = ReplSession::start();
  if (!session) return fail(session.error());
  const bool typed = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
  std::unique_ptr<LineSource> lines;
  if (typed) {
    print_line("clade " CLADE_VERSION ", Lua (LuaJIT). :help for help, :quit to end.");
    lines = std::make_unique<TypedLines>();
  } else {
    lines = std::make_unique<PipedLines>();
  }
  bool failed = false;
  while (read_and_run(*lines, *session, failed)) {
  }
  return failed && !typed ? kFailed : kOk;
}

void add_repl_command(Command root, Context&) {
  root.add("repl", "Try Lua in a cell: expressions print their value, globals stay",
           "clade repl\n"
           "echo 'return 6 * 7' | clade repl")
      .action([] { return run_repl(); });
}

}  // namespace clade::cli
