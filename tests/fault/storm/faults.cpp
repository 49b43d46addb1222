#include "faults.h"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

namespace storm {
namespace {

constexpr int kKilled = 128 + SIGKILL;

int64_t draw(Scene& scene, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(scene.random);
}

template <typename Item>
const Item& one_of(Scene& scene, const std::vector<Item>& items) {
  return items[scene.random() % items.size()];
}

void expect(bool holds, const std::string& what, const Scene& scene) {
  if (!holds) throw Failure(what + "; the host says: " + scene.host.said());
}

// The host must go on after this.
Strike still_working(Scene& scene, bool struck, int64_t before) {
  const Strike strike{struck && before > 0 && in_flight(scene.places.swarm) > 0};
  expect(scene.host.running(), "the host ended", scene);
  return strike;
}

// What the host that is gone now had begun.
Strike image_of_work(const Scene& scene) {
  return {in_flight(scene.places.swarm) > 0};
}

// ---- kills -----------------------------------------------------------------------------------------------

Strike kill_host(Scene& scene) {
  ::kill(scene.host.pid(), SIGKILL);
  expect(scene.host.wait_for_end() == kKilled, "the host ended by itself", scene);
  return image_of_work(scene);
}

// A second time, while it takes up what the first kill left.
Strike kill_starting_host(Scene& scene) {
  kill_host(scene);
  scene.host.start();
  pause_us(draw(scene, 0, 90000));
  return kill_host(scene);
}

Strike kill_cell(Scene& scene) {
  const int64_t before = in_flight(scene.places.swarm);
  const auto cells = cells_of(scene.host.pid());
  const bool struck = !cells.empty() && ::kill(one_of(scene, cells), SIGKILL) == 0;
  return still_working(scene, struck, before);
}

Strike kill_cells(Scene& scene) {
  const int64_t before = in_flight(scene.places.swarm);
  const auto cells = cells_of(scene.host.pid());
  for (const pid_t cell : cells) ::kill(cell, SIGKILL);
  return still_working(scene, !cells.empty(), before);
}

Strike kill_zygote(Scene& scene) {
  const pid_t zygote = zygote_of(scene.host.pid());
  if (zygote == 0 || ::kill(zygote, SIGKILL) != 0) return {};
  expect(scene.host.wait_for_end() == 1, "the host does not fail without its zygote", scene);
  expect(scene.host.said().find("zygote") != std::string::npos, "the host does not name its zygote", scene);
  return image_of_work(scene);
}

struct Command {
  pid_t process = 0;
  pid_t keeper = 0;
  std::string token;
};

// The commands that run now.
std::vector<Command> commands_of(pid_t host) {
  std::vector<Command> commands;
  for (const pid_t keeper : children_of(host)) {
    if (command_of(keeper).find(" keeper ") == std::string::npos) continue;
    for (const pid_t process : children_of(keeper)) {
      std::istringstream words(command_of(process));
      std::string word;
      while (words >> word && word.rfind("W:", 0) != 0) {
      }
      if (!word.empty() && alive(process)) commands.push_back({process, keeper, word});
    }
  }
  return commands;
}

// Its row is there, and its result is not.
bool has_begun(const Scene& scene, const Command& command) {
  return count(scene.places.swarm,
               "SELECT count(*) FROM journal WHERE status = 'started' AND instr(args, "
               "CAST('" +
                   command.token + "' AS BLOB)) > 0") == 1;
}

Strike kill_of_command(Scene& scene, pid_t Command::*victim) {
  const auto commands = commands_of(scene.host.pid());
  if (commands.empty()) return {};
  const Command& command = one_of(scene, commands);
  // Killed first, so that the row is not closed in between.
  const bool struck = alive(command.process) && ::kill(command.*victim, SIGKILL) == 0;
  expect(scene.host.running(), "the host ended", scene);
  // The result may be on disk by now; what was killed in its middle has a row in any case.
  return {struck && (has_begun(scene, command) || in_flight(scene.places.swarm) > 0)};
}

Strike kill_command(Scene& scene) {
  return kill_of_command(scene, &Command::process);
}

Strike kill_keeper(Scene& scene) {
  return kill_of_command(scene, &Command::keeper);
}

// ---- time ------------------------------------------------------------------------------------------------

// For longer than an evaluation of the storm's swarm may take.
Strike stop_host(Scene& scene) {
  const int64_t before = in_flight(scene.places.swarm);
  ::kill(scene.host.pid(), SIGSTOP);
  pause_us(draw(scene, 50000, 900000));
  ::kill(scene.host.pid(), SIGCONT);
  return still_working(scene, true, before);
}

Strike stop_cell(Scene& scene) {
  const int64_t before = in_flight(scene.places.swarm);
  const auto cells = cells_of(scene.host.pid());
  if (cells.empty()) return {};
  const pid_t cell = one_of(scene, cells);
  const bool struck = ::kill(cell, SIGSTOP) == 0;
  pause_us(draw(scene, 10000, 600000));
  ::kill(cell, SIGCONT);
  return still_working(scene, struck, before);
}

Strike jump_clock(Scene& scene) {
  constexpr int64_t kSecond = 1000000000;
  constexpr int64_t kFurthest = 400 * 24 * 3600;
  // Mostly small steps: what is longer than any wait is the same however long it is.
  const int64_t most = one_of(scene, std::vector<int64_t>{1, 10, 3600, kFurthest});
  const int64_t before = in_flight(scene.places.swarm);
  scene.host.orders().clock_offset_ns = draw(scene, -most * kSecond, most * kSecond);
  if (draw(scene, 0, 1) == 0) return still_working(scene, true, before);
  return kill_host(scene);
}

// ---- the disk --------------------------------------------------------------------------------------------

struct Order {
  uint32_t calls;
  int32_t most;  // calls that may pass before the one that is hit
  int error;
  Blow blow;
};

void give(Scene& scene, const Order& order) {
  Orders& orders = scene.host.orders();
  orders.calls = order.calls;
  orders.countdown = static_cast<int32_t>(draw(scene, 0, order.most));
  orders.error = order.error;
  // What must wait for this call has time to show that it does not.
  orders.delay_us =
      order.calls == kSync && draw(scene, 0, 3) > 0 ? static_cast<uint32_t>(draw(scene, 0, 80000)) : 0;
  orders.seed = static_cast<uint32_t>(scene.random());
  orders.hits = 0;
  orders.blow = order.blow;
}

// Waits for the end of a host that has work to do.
int end_of(Scene& scene) {
  wait_until("the fault to strike", [&] {
    scene.more_work();
    return !scene.host.running() || scene.host.orders().hits > 0;
  });
  return scene.host.wait_for_end();
}

// The host must stop, say why, and leave work behind.
Strike stops(Scene& scene, const std::string& reason) {
  const int status = end_of(scene);
  expect(scene.host.orders().hits > 0, "the host ended before the fault struck", scene);
  scene.host.calm();
  expect(status == 1, "the host ended with status " + std::to_string(status) + " instead of 1", scene);
  expect(scene.host.said().find(reason) != std::string::npos, "the host does not say: " + reason, scene);
  return image_of_work(scene);
}

Strike fail_sync(Scene& scene) {
  const bool losing = draw(scene, 0, 1) == 1;
  give(scene, {kSync, 12, EIO, losing ? Blow::fail_losing : Blow::fail});
  return stops(scene, "Input/output error");
}

Strike fail_write(Scene& scene) {
  give(scene, {kWrite, 60, EIO, Blow::fail});
  return stops(scene, "Input/output error");
}

Strike cut_power(Scene& scene) {
  const uint32_t calls = draw(scene, 0, 1) == 0 ? kWrite : kSync;
  give(scene, {calls, calls == kWrite ? 60 : 12, EIO, Blow::power_cut});
  const int status = end_of(scene);
  expect(status == kKilled, "the host ended before the power did", scene);
  scene.host.calm();
  return image_of_work(scene);
}

// While the disk is full no host starts, and each says why.
void cannot_start(Scene& scene) {
  scene.host.start();
  const int status = scene.host.wait_for_end();
  expect(status == 1, "on a full disk the host ended with status " + std::to_string(status), scene);
  expect(scene.host.said().find("No space left on device") != std::string::npos ||
             scene.host.said().find("free some space") != std::string::npos,
         "on a full disk the host does not say what it lacks", scene);
}

Strike refuse_space(Scene& scene) {
  give(scene, {kWrite, 60, ENOSPC, Blow::fail_always});
  const int status = end_of(scene);
  expect(status == 1, "the host ended with status " + std::to_string(status) + " instead of 1", scene);
  expect(scene.host.said().find("free some space") != std::string::npos,
         "the host does not say that the disk is full", scene);
  cannot_start(scene);
  scene.host.calm();
  return image_of_work(scene);
}

// Takes all space that is left.
void fill(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) throw Failure("cannot make " + path);
  for (size_t size = 1 << 20; size > 0;) {
    const std::string zeroes(size, '\0');
    if (::write(file, zeroes.data(), size) < 0) size /= 2;
  }
  ::close(file);
}

// Keeps the disk full until the host has ended, and said why.
void stops_for_want_of_space(Scene& scene, const std::string& filler) {
  // The store has room left in the blocks that are its own; others come free again.
  wait_until("the host to stop on a full disk", [&] {
    fill(filler);
    scene.more_work();
    return !scene.host.running();
  });
  const int status = scene.host.wait_for_end();
  expect(status == 1, "the host ended with status " + std::to_string(status) + " instead of 1", scene);
  expect(scene.host.said().find("free some space") != std::string::npos,
         "the host does not say that the disk is full", scene);
}

Strike fill_disk(Scene& scene) {
  const std::string filler = scene.places.swarm + "/filler";
  stops_for_want_of_space(scene, filler);
  // It may come a little further each time, and ends no worse.
  if (draw(scene, 0, 1) == 1) {
    scene.host.start();
    stops_for_want_of_space(scene, filler);
  }
  ::unlink(filler.c_str());
  return image_of_work(scene);
}

}  // namespace

const std::vector<Fault>& faults() {
  constexpr int64_t kSoon = 150000;
  static const std::vector<Fault> all = {
      {"host", "kills", "kill -9 of the host", false, false, kSoon, kill_host},
      {"start", "kills", "kill -9 of the host as it starts after one", false, false, kSoon,
       kill_starting_host},
      {"cell", "kills", "kill -9 of a cell", false, false, kSoon, kill_cell},
      {"cells", "kills", "kill -9 of all cells", false, false, kSoon, kill_cells},
      {"zygote", "kills", "kill -9 of the zygote", false, false, kSoon, kill_zygote},
      {"command", "kills", "kill -9 of a command", false, false, kSoon, kill_command},
      {"keeper", "kills", "kill -9 of a command's keeper", false, false, kSoon, kill_keeper},
      {"stop", "time", "SIGSTOP of the host, for up to 0.9 s", false, false, kSoon, stop_host},
      {"stop-cell", "time", "SIGSTOP of a cell, for up to 0.6 s", false, false, kSoon, stop_cell},
      {"clock", "time", "a jump of the clock, with or without a kill", true, false, kSoon, jump_clock},
      {"fsync", "store", "a failing fsync, with or without a loss", true, false, kSoon, fail_sync},
      {"write", "store", "a failing write", true, false, kSoon, fail_write},
      {"power", "store", "a kill that loses what was not synced", true, false, kSoon, cut_power},
      {"space", "store", "writes that find no space", true, false, kSoon, refuse_space},
      {"disk", "disk", "a full disk", false, true, kSoon, fill_disk},
  };
  return all;
}

}  // namespace storm
