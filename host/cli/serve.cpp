#include "cli/serve.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>
#include <tuple>

#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "cell/eval_effect.h"
#include "cell/pool.h"
#include "cell/zygote.h"
#include "cli/control.h"
#include "cli/detach.h"
#include "cli/folder.h"
#include "cli/host_acts.h"
#include "cli/host_commands.h"
#include "cli/lock.h"
#include "cli/output.h"
#include "cli/scripts.h"
#include "cli/settings.h"
#include "cli/view.h"
#include "loop/signal.h"
#include "loop/timer.h"
#include "loop/watch.h"
#include "mail/mail.h"
#include "queue/queue.h"
#include "run/dispatcher.h"
#include "run/file_write.h"
#include "run/reload.h"
#include "run/retention.h"
#include "run/settlement.h"
#include "run/shadow.h"
#include "run/sleep.h"
#include "script/library.h"
#include "script/manifest.h"
#include "store/audit.h"
#include "store/ballast.h"
#include "store/readers.h"
#include "worker/command.h"

namespace clade::cli {
namespace {

constexpr int64_t kTickMs = 250;       // of the view
constexpr int64_t kQuietMs = 50;       // files that are being saved settle for this long
constexpr int kIdleTicks = 2;          // the idle window: this many ticks without anything to do
constexpr int kInterrupted = 130;      // 128 + SIGINT, as shells report it
constexpr const char* kHost = "host";  // in the audit
constexpr const char* kGoalTask = "scan_skills";

// Everything a running host consists of. Members are destroyed in reverse order: what acts goes before what
// it acts on.
class Host {
 public:
  Host(const ServeOptions& options, Lock lock, store::Ballast ballast, cell::Zygote zygote, Log log)
      : options_(options),
        lock_(std::move(lock)),
        ballast_(std::move(ballast)),
        log_(std::move(log)),
        zygote_(std::move(zygote)),
        blobs_(blobs_path(options.folder)),
        library_(options.folder, clock_),
        mail_(clock_),
        tick_(loop_) {}

  // Opens the state, checks what swarm.yaml requires, builds the rest. Errors are said by the caller.
  Status open();
  // Runs until stopped. The exit status.
  int run();

 private:
  Status check_layers();
  void open_view();
  void begin();
  Status submit_goals();
  Status listen();
  void watch();
  // Role → what a person is to do about it.
  void tick();
  void show();
  // `by` wants it, for `reason`.
  void stop(int status, const std::string& by, const std::string& reason);
  void record_end();
  void watch_store();
  void log_pinned(int64_t bytes);
  Value store_status() const;
  void fatal(const Error& error);

  const ServeOptions options_;
  SystemClock clock_;
  Lock lock_;
  store::Ballast ballast_;
  Log log_;
  loop::Loop loop_;
  cell::Zygote zygote_;
  store::Blobs blobs_;
  std::optional<store::Database> reader_;
  std::unique_ptr<store::Writer> writer_;
  script::Library library_;
  std::unique_ptr<run::Governance> governance_;
  run::Data data_;
  std::unique_ptr<queue::Queue> queue_;
  mail::Mail mail_;
  std::unique_ptr<run::Kernel> kernel_;
  std::unique_ptr<View> view_;
  std::unique_ptr<cell::Pool> pool_;
  std::unique_ptr<cell::EvalEffect> evaluate_;
  std::unique_ptr<worker::CommandEffect> command_;
  std::unique_ptr<run::SleepEffect> sleep_;
  std::unique_ptr<run::Settlement> settlement_;
  std::unique_ptr<run::Dispatcher> dispatcher_;
  std::unique_ptr<cell::Pool> shadow_pool_;  // for past runs that are replayed
  std::unique_ptr<run::Shadow> shadow_;
  std::unique_ptr<run::Reload> reload_;
  std::unique_ptr<run::Retention> retention_;
  std::unique_ptr<HostCommands> commands_;
  std::optional<Control> control_;
  std::optional<loop::Watch> watch_;
  std::vector<std::tuple<std::string, dev_t, ino_t>> watched_;  // folders
  std::vector<loop::Signal> signals_;
  loop::Timer tick_;
  std::map<std::string, ViewState::Agent> doing_;  // every agent
  int64_t started_at_ = 0;
  int64_t given_up_before_ = 0;  // files, in the runs of earlier hosts
  int64_t pinned_bytes_ = 0;     // of the log, by a foreign reader
  bool held_ = false;            // cells wait for the store
  int idle_ticks_ = 0;
  bool begun_ = false;  // agents may work
  bool stopping_ = false;
  int status_ = 0;
  std::string stopped_by_;
  std::string stop_reason_;
};

Status Host::open() {
  const std::string path = database_path(options_.folder);
  auto database = store::Database::open(path, store::Database::Mode::read_write);
  if (!database) return failure(database.error());
  if (auto status = store::migrate(*database); !status) return status;
  auto reader = store::Database::open(path, store::Database::Mode::read_only);
  if (!reader) return failure(reader.error());
  reader_ = std::move(*reader);
  zygote_.attach(loop_, [this](const std::string& reason) {
    fatal({"io", "the zygote is gone: " + reason});
  });
  if (auto status = blobs_.prepare(); !status) return status;
  writer_ = std::make_unique<store::Writer>(std::move(*database), loop_);
  watch_store();
  store::Batch batch;
  if (auto status = library_.load(*reader_, batch); !status) return status;
  if (auto status = check_layers(); !status) return status;
  const auto& swarm = library_.swarm();
  store::Batch start;
  if (auto status = record_start(library_, options_.folder, *reader_, clock_.wall_ms(), start); !status)
    return status;
  auto settings = settings_in_force(options_, swarm.settings, *reader_, clock_.wall_ms(), batch);
  if (!settings) return failure(settings.error());
  governance_ = std::make_unique<run::Governance>(
      run::VoteRules{swarm.quorum, swarm.threshold, swarm.vote_deadline_ms});
  if (auto status = governance_->load(*reader_); !status) return status;
  if (auto status = data_.load(*reader_); !status) return status;
  queue_ = std::make_unique<queue::Queue>(
      clock_, [this](const std::string& type) { return dispatcher_->roles().handles(type); },
      [this] { return dispatcher_->roles().known_types(); });
  if (auto status = queue_->load(*reader_); !status) return status;
  std::vector<mail::Recipient> recipients;
  for (const auto& agent : swarm.agents) {
    for (const std::string& name : instance_names(agent)) {
      recipients.push_back({name, agent.role, library_.agent(agent.role).topics});
      doing_[name] = {name, "", 0};
    }
  }
  mail_.set_recipients(std::move(recipients));
  if (auto status = mail_.load(*reader_); !status) return status;

  const std::string report = options_.report.empty() ? options_.folder + "/report" : options_.report;
  kernel_ = std::make_unique<run::Kernel>(run::Kernel{clock_, loop_, log_, *writer_, *reader_, blobs_,
                                                      *queue_, mail_, library_, *governance_, data_,
                                                      options_.folder, report, *settings});
  cell::PoolOptions pool;
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  pool.shared_cells = cores;
  // While the process of one is born or reaped, another one computes.
  pool.parallel_evaluations = 2 * cores;
  pool_ = std::make_unique<cell::Pool>(loop_, zygote_, pool, log_);
  evaluate_ = std::make_unique<cell::EvalEffect>(*pool_);
  // A command that a crash cut off is dead before the next host gets the lock.
  command_ = std::make_unique<worker::CommandEffect>(loop_, options_.folder,
                                                     loop::Keeper{"/proc/self/exe", lock_.descriptor()});
  sleep_ = std::make_unique<run::SleepEffect>(loop_, clock_);
  settlement_ = std::make_unique<run::Settlement>(*kernel_, (*settings)["approve"].as_string() == "auto");
  run::Dispatcher::Hooks hooks;
  hooks.fatal = [this](const Error& error) { fatal(error); };
  hooks.published = [this](const std::string& name) { reload_->refresh(name); };
  hooks.try_version = [this](const script::Version& candidate, const std::string& agent,
                             std::function<void(Status)> done) {
    return reload_->try_version(candidate, agent, std::move(done));
  };
  hooks.examine = [this](run::Program program, run::StateQuestion question,
                         std::function<void(Result<Value>)> done) {
    const uint64_t handle = pool_->examine(std::move(program), std::move(question), std::move(done));
    return [this, handle] { pool_->cancel_examination(handle); };
  };
  const run::Examine examine = hooks.examine;
  hooks.activity = [this](const std::string& agent, const std::string& what) {
    doing_[agent] = {agent, what, clock_.wall_ms()};
  };
  hooks.decided = [this](const run::Decision& decision) {
    const bool is_trouble =
        decision.kind == run::Decision::Kind::suspended || decision.kind == run::Decision::Kind::undone;
    log_.write(is_trouble ? LogLevel::warning : LogLevel::info, "host", decision.text);
    view_->event("host", decision.text);
    reload_->catch_up(decision.roles);
  };
  hooks.alarm = [this](const std::string& text) { view_->banner(text); };
  dispatcher_ = std::make_unique<run::Dispatcher>(*kernel_, *settlement_, *pool_, std::move(hooks));
  pool_->report_to(dispatcher_.get());
  dispatcher_->add_effect("cell.eval", *evaluate_);
  dispatcher_->add_effect("process.run", *command_);
  dispatcher_->add_effect("sleep", *sleep_);
  run::Reload::Checks checks;
  checks.start = [this](run::Program program, const std::string& agent,
                        std::function<void(Result<Value>)> done) {
    return pool_->check(std::move(program), agent, [done = std::move(done)](Result<cell::ProgramInfo> info) {
      done(info ? Result<Value>(std::move(info->info)) : failure(info.error()));
    });
  };
  checks.cancel = [this](uint64_t check) { pool_->cancel_check(check); };
  checks.examine = examine;
  cell::PoolOptions offline = pool;
  offline.shared_cells = 0;
  shadow_pool_ = std::make_unique<cell::Pool>(loop_, zygote_, offline, log_);
  shadow_ =
      std::make_unique<run::Shadow>(loop_, *reader_, blobs_, *shadow_pool_,
                                    [this](run::RunEvents* events) { shadow_pool_->report_to(events); });
  checks.shadow = [this](const std::string& role, run::Program program,
                         std::function<void(run::ShadowReport)> done) {
    shadow_->compare(role, std::move(program), std::move(done));
  };
  reload_ = std::make_unique<run::Reload>(*kernel_, *dispatcher_, std::move(checks),
                                          [this](const std::string& name, const std::string& text) {
                                            log_.info("host", name + " " + text);
                                            if (view_) view_->event("host", name + " " + text);
                                          });
  retention_ = std::make_unique<run::Retention>(*kernel_, swarm.retention,
                                                [this](store::Batch slice, std::function<void(Status)> done) {
                                                  dispatcher_->commit(std::move(slice), std::move(done));
                                                });
  commands_ = std::make_unique<HostCommands>(
      *kernel_, loop_, *dispatcher_, *reload_, *pool_, *command_, zygote_, [this] { return store_status(); },
      [this](const std::string& by) { stop(0, by, "clade stop"); });
  queue_->observe([this](const queue::Task& task, queue::Verb verb, queue::State) {
    settlement_->observe(task, verb);
    dispatcher_->observe(task, verb);
    log_.info("host", "task " + task.id + " (" + task.type + ") " + queue::name(verb) + " → " +
                          queue::name(task.state));
    if (view_) view_->task(task, verb);
  });
  dispatcher_->commit(std::move(start), nullptr);
  dispatcher_->commit(std::move(batch), nullptr);
  auto files = run::unwritten_files(*reader_);
  if (!files) return failure(files.error());
  given_up_before_ = files->given_up;
  return {};
}

Status Host::check_layers() {
  std::string degraded;
  for (const auto& layer : zygote_.layers()) {
    if (layer.missing.empty()) continue;
    const auto& required = library_.swarm().require;
    if (std::find(required.begin(), required.end(), layer.name) != required.end()) {
      return failure("refused", "swarm.yaml requires the isolation layer " + layer.name +
                                    ", which this machine does not give: " + layer.missing);
    }
    degraded += (degraded.empty() ? "" : "; ") + layer.name + ": " + layer.missing;
  }
  open_view();
  if (!degraded.empty()) {
    view_->banner("isolation is degraded (" + degraded + "); `clade doctor` says more");
    log_.warning("host", "isolation is degraded: " + degraded);
  }
  for (const auto& problem : library_.problems()) {
    view_->event("host", problem.message);
    log_.warning("host", problem.message);
  }
  return {};
}

void Host::open_view() {
  ViewOptions options;
  options.mode = options_.json ? ViewMode::json : options_.live ? ViewMode::live : ViewMode::plain;
  if (output_is_dropped()) options.mode = ViewMode::none;
  options.colour = colour_wanted(STDOUT_FILENO);
  options.swarm = library_.swarm().name;
  view_ = std::make_unique<View>(std::move(options), clock_);
  log_.gather();
  loop_.at_turn_end([this] {
    log_.flush();
    view_->flush();
  });
}

int Host::run() {
  started_at_ = clock_.wall_ms();
  for (const int number : {SIGINT, SIGTERM}) {
    signals_.emplace_back(loop_, number, [this, number] {
      if (stopping_) _exit(kInterrupted);  // asked twice: at once; the store is consistent at any moment
      stop(0, kHost, number == SIGINT ? "SIGINT" : "SIGTERM");
    });
  }
  // What changed while no host ran is tried first: it may repair a role that does not load.
  reload_->look([this] {
    reload_->try_roles([this](Status status) {
      if (status) {
        begin();
      } else {
        fatal(status.error());
      }
    });
  });
  loop_.run();
  control_.reset();
  watch_.reset();
  tick_.stop();
  retention_->stop();
  reload_->stop();
  dispatcher_->stop();
  record_end();
  if (!begun_) return status_;  // nothing ran: the error has said all there is
  show();
  Value summary{{"seconds", std::round(static_cast<double>(clock_.wall_ms() - started_at_) / 100) / 10}};
  Value approvals = Value::Array();
  Value unhandled = Value::Array();
  Value stopped = Value::Array();
  const auto stopped_roles = dispatcher_->stopped();
  const size_t unfinished = dispatcher_->unfinished();
  for (const auto& id : queue_->ids(queue::State::awaiting_approval)) approvals.push(id);
  for (const auto& [type, count] : queue_->queued_types()) {
    if (!dispatcher_->roles().handles(type)) unhandled.push(std::to_string(count) + " " + type);
  }
  if (!approvals.as_array().empty()) summary.set("approvals waiting", std::move(approvals));
  if (!unhandled.as_array().empty()) summary.set("no role handles", std::move(unhandled));
  for (const auto& [role, advice] : stopped_roles) stopped.push(advice);
  if (!stopped.as_array().empty()) summary.set("stopped", std::move(stopped));
  if (unfinished > 0)
    summary.set("unfinished", std::to_string(unfinished) + " tasks: `clade run` goes on with them");
  struct stat report {};
  const std::string report_path = kernel_->report + "/report.md";
  if (stat(report_path.c_str(), &report) == 0 && S_ISREG(report.st_mode)) {
    // The system stamps a file with the time of its last tick, a little before the clock.
    const bool new_one = int64_t{report.st_mtim.tv_sec + 1} * 1000 > started_at_;
    summary.set(new_one ? "report" : "report of an earlier run", report_path);
  }
  if (auto files = run::unwritten_files(*reader_)) {
    const int64_t missing = files->given_up + retention_->removed().files_given_up - given_up_before_;
    if (missing > 0) summary.set("files not written", std::to_string(missing) + ": `clade logs` says why");
    if (files->open > 0)
      summary.set("files left to write", std::to_string(files->open) + ": `clade run` goes on with them");
  }
  view_->finish(summary);
  return status_;
}

void Host::begin() {
  if (stopping_) return;
  Status status = dispatcher_->recover();
  if (status) status = submit_goals();
  if (status) status = listen();
  if (!status) {
    fatal(status.error());
    return;
  }
  watch();
  for (const auto& [role, advice] : dispatcher_->stopped()) view_->banner(advice);
  dispatcher_->start();
  retention_->start();
  begun_ = true;
  log_.info("host", "up as process " + std::to_string(getpid()));
  announce_ready(options_.ready_descriptor);
  if (options_.until_idle || options_.live)
    tick_.start(
        0, [this] { tick(); }, kTickMs);
}

Status Host::submit_goals() {
  const Value& settings = kernel_->settings;
  store::Batch batch;
  for (const auto& goal : library_.swarm().goals.as_array()) {
    // One job per goal and settings: the same ones go on where they were, others begin anew.
    const Value about{{"seed", settings["seed"]},
                      {"evaluations", settings["evaluations"]},
                      {"instances", settings["instances"]},
                      {"goal", goal}};
    queue::NewTask task;
    task.id = "g-" + goal["name"].as_string() + "-" + content_hash(encode_msgpack(about)).substr(0, 8);
    task.type = kGoalTask;
    task.by = kHost;
    task.payload = Value{{"goal", goal}};
    auto known = queue::task_with_history(*reader_, task.id);
    if (!known) return failure(known.error());
    if (!known->is_nil() || !dispatcher_->roles().handles(task.type)) continue;
    if (auto ids = queue_->submit({std::move(task)}, batch); !ids) return failure(ids.error());
  }
  dispatcher_->commit(std::move(batch), nullptr);
  return {};
}

Status Host::listen() {
  auto control = Control::open(loop_, options_.folder + "/.clade/socket",
                               [this](const std::string& command, const Value& args, Control::Reply reply) {
                                 commands_->handle(command, args, std::move(reply));
                               });
  if (!control) return failure(control.error());
  control_ = std::move(*control);
  return {};
}

void Host::watch() {
  const auto folders = library_.watched_folders();
  // A folder that was moved away and made again is another one, though its name is the same.
  std::vector<std::tuple<std::string, dev_t, ino_t>> found;
  for (const auto& folder : folders) {
    struct stat entry {};
    if (stat(folder.c_str(), &entry) == 0) found.emplace_back(folder, entry.st_dev, entry.st_ino);
  }
  if (found == watched_) return;
  auto watch = loop::Watch::folders(loop_, folders, kQuietMs,
                                    [this] { reload_->look([this] { watch_ ? this->watch() : void(); }); });
  if (!watch) {
    log_.warning("host", "changed scripts are not seen until the next start: " + watch.error().message);
    view_->banner("changed scripts are not seen until the next start: " + watch.error().message);
    return;
  }
  const bool again = !watched_.empty();
  watched_ = std::move(found);
  watch_ = std::move(*watch);
  // What was saved in a new folder before it was watched.
  if (again) reload_->look([this] { watch_ ? this->watch() : void(); });
}

void Host::tick() {
  show();
  if (!options_.until_idle) return;
  idle_ticks_ = dispatcher_->idle() ? idle_ticks_ + 1 : 0;
  if (idle_ticks_ >= kIdleTicks) stop(0, kHost, "idle");
}

void Host::show() {
  ViewState state;
  const auto stopped_roles = dispatcher_->stopped();
  for (const auto& entry : library_.swarm().agents) {
    for (const std::string& name : instance_names(entry))
      doing_[name].stopped = stopped_roles.count(entry.role) > 0;
  }
  for (const auto& [name, agent] : doing_) state.agents.push_back(agent);
  state.queue = queue_->counts();
  const auto& approvals = queue_->ids(queue::State::awaiting_approval);
  state.approvals.assign(approvals.begin(), approvals.end());
  auto query = reader_->prepare("SELECT coalesce(sum(units), 0) FROM ledger WHERE kind = 'cell.eval'");
  if (auto row = query.step(); row && *row) state.done = query.integer(0);
  state.goal = kernel_->settings["evaluations"].as_integer();
  view_->tick(state);
}

void Host::stop(int status, const std::string& by, const std::string& reason) {
  if (stopping_) return;
  stopping_ = true;
  status_ = status;
  stopped_by_ = by;
  stop_reason_ = reason;
  loop_.stop();
}

// The last line of the audit, and its head where somebody may keep it.
void Host::record_end() {
  store::Batch batch;
  record_stop(stopped_by_, stop_reason_, clock_.wall_ms(), batch);
  library_.pause(batch);
  writer_->commit(std::move(batch), [this](Status status) {
    const auto head = status ? store::audit_head(*reader_) : failure(status.error());
    if (head)
      log_.info("host", "down; the audit's head is " + head->hash + ", line " + std::to_string(head->line));
    loop_.stop();
  });
  loop_.run();
}

// A reader that pins the log is named while it does: it may well be forgotten in another terminal.
void Host::watch_store() {
  store::Writer::Watch watch;
  watch.pressure = [this](bool high) {
    held_ = high;
    log_.warning("host", high ? "the store is behind: the cells wait until it has caught up"
                              : "the store has caught up: the cells go on");
    if (pool_) pool_->hold(high);
  };
  watch.pinned = [this](int64_t bytes) { log_pinned(bytes); };
  writer_->watch(std::move(watch));
}

void Host::log_pinned(int64_t bytes) {
  pinned_bytes_ = bytes;
  if (bytes == 0) {
    log_.info("host", "the write-ahead log is not held by a reader any more");
    return;
  }
  const auto readers = store::foreign_readers(database_path(options_.folder));
  const std::string text =
      store::readers_text(readers) +
      " reads the state in one long transaction, and the write-ahead log grows meanwhile (" +
      std::to_string(bytes >> 20) + " MB): let it end";
  log_.warning("host", text);
  if (view_) view_->banner(text);
}

Value Host::store_status() const {
  Value readers = Value::Array();
  if (pinned_bytes_ > 0) {
    for (const auto& reader : store::foreign_readers(database_path(options_.folder))) {
      readers.push(Value{{"pid", static_cast<int64_t>(reader.process)}, {"command", reader.command}});
    }
  }
  return Value{{"removed", retention_->removed().value()},
               {"pinned_bytes", pinned_bytes_},
               {"readers", std::move(readers)},
               {"pending_bytes", static_cast<int64_t>(writer_->pending_bytes())},
               {"cells_wait", held_}};
}

void Host::fatal(const Error& error) {
  if (stopping_) return;
  // Room for the log's last words, and for whoever reads the state afterwards.
  if (error.code == "no_space") (void)ballast_.release();
  log_.error("host", error.message);
  (void)fail(error);
  stop(1, kHost, error.message);
}

}  // namespace

int serve(const ServeOptions& options) {
  // A cell, a client or a pipe that is gone is an error of its own write, not of the host.
  std::signal(SIGPIPE, SIG_IGN);
  auto lock = Lock::acquire(options.folder);
  if (!lock) return fail(lock.error());
  store::Ballast ballast(ballast_path(options.folder));
  const auto reserved = ballast.fill();
  if (!reserved && reserved.error().code == "no_space") return fail(reserved.error());
  auto zygote = cell::Zygote::start();
  if (!zygote) return fail(zygote.error());
  // What is wrong with the file is said when all of it is needed.
  const auto swarm = script::read_swarm_manifest(options.folder + "/swarm.yaml");
  const auto rules = swarm ? swarm->retention : script::RetentionRules();
  auto log = Log::open(log_path(options.folder), false, static_cast<size_t>(rules.log_bytes));
  if (!log) return fail(log.error());
  if (!reserved) log->warning("host", reserved.error().message);
  Host host(options, std::move(*lock), std::move(ballast), std::move(*zygote), std::move(*log));
  if (auto status = host.open(); !status) return fail(status.error());
  return host.run();
}

}  // namespace clade::cli
