// The `clade` program: the command line, or (started anew by itself) the zygote that forks cells or a
// keeper of a command.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
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
  try {
    return clade::cli::run_program(argc, argv);
  } catch (const std::exception& error) {
    // What no module could handle: a store without its tables, or a fault of this program.
    std::fprintf(stderr, "clade: this cannot go on: %s; what was acknowledged is in the store\n",
                 error.what());
    return EXIT_FAILURE;
  }
}
