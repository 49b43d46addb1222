// The `clade` program: the command line, or (started anew by itself) the zygote that forks cells or a
// keeper of a command.
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "cell/zygote.h"
#include "cli/app.h"
#include "loop/keeper.h"

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "cell-zygote")
    return clade::cell::zygote_main(std::atoi(argv[2]));
  if (argc > 3 && std::string_view(argv[1]) == "keeper") return clade::loop::keeper_main(argv + 2);
  // A reader that goes away is an error of that write, not the end of the host.
  std::signal(SIGPIPE, SIG_IGN);
  return clade::cli::run_program(argc, argv);
}
