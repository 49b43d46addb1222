// What the commands of the storm's swarm run: witness FILE TOKEN HOLD_MS [child]
//
// Appends the line "begin TOKEN PROCESS START" to FILE, lives on for HOLD_MS milliseconds, and appends "end
// TOKEN 0 0"; START is when the process began, as /proc/PROCESS/stat has it. Each line is a single write to
// its end. With `child`, a process of the same group is started first that appends "child TOKEN PROCESS
// START" and does not end by itself for a minute.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace {

constexpr int kChildMs = 60000;

std::string start_of(pid_t process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/stat");
  std::string field;
  std::getline(in, field, ')');
  for (int column = 3; column <= 22; ++column) in >> field;
  return field;
}

void append(int file, const std::string& line) {
  if (::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
}

std::string line_of(const char* what, const char* token) {
  return std::string(what) + " " + token + " " + std::to_string(getpid()) + " " + start_of(getpid()) + "\n";
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) return 2;
  const int file = ::open(arguments[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return 3;
  if (count > 4 && std::strcmp(arguments[4], "child") == 0 && fork() == 0) {
    append(file, line_of("child", arguments[2]));
    // Whoever waits for the output of the command shall not wait for this one.
    for (int standard = 0; standard <= 2; ++standard) ::close(standard);
    ::poll(nullptr, 0, kChildMs);
    return 0;
  }
  append(file, line_of("begin", arguments[2]));
  ::poll(nullptr, 0, std::atoi(arguments[3]));
  append(file, std::string("end ") + arguments[2] + " 0 0\n");
  return 0;
}
