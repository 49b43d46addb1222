#include "sim/promises.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <tuple>

#include "run/standing.h"
#include "sim/view.h"

namespace sim {
namespace {

using clade::queue::Verb;

constexpr int64_t kQuorum = 2;  // of the simulated swarm

std::optional<Verb> verb_from_name(const std::string& text) {
  for (int verb = 0; verb < clade::queue::kVerbs; ++verb) {
    if (text == name(static_cast<Verb>(verb))) return static_cast<Verb>(verb);
  }
  return std::nullopt;
}

bool is_over(const std::string& state) {
  const auto known = clade::queue::state_from_name(state);
  return known && clade::queue::is_final(*known);
}

void file_is_whole(const View& view) {
  if (view.stored.integrity != "ok") view.broken(view.stored.integrity);
}

void acknowledged_is_there(const View& view) {
  for (const auto& id : view.witness.submitted) {
    if (!view.stored.tasks.count(id)) view.broken("task " + id + " is gone");
  }
  for (const auto& id : view.witness.mailed) {
    if (!is_there(view.stored.messages, id)) view.broken("message " + id + " is gone");
  }
  for (const auto& acknowledged : view.witness.verbs) {
    // Not bound by a structured binding: lambdas use them.
    const std::string& task = acknowledged.task;
    const std::string& verb = acknowledged.verb;
    const std::string& by = acknowledged.by;
    const auto events = view.stored.events.find(task);
    const bool there = events != view.stored.events.end() &&
                       std::any_of(events->second.begin(), events->second.end(), [&](const auto& event) {
                         return event.verb == verb && event.agent == by;
                       });
    if (!there) view.broken("the " + verb + " of task " + task + " by " + by + " is gone");
  }
}

void edges_are_legal(const View& view) {
  for (const auto& [id, task] : view.stored.tasks) {
    const auto events = view.stored.events.find(id);
    if (events == view.stored.events.end() || events->second.front().verb != "submit") {
      view.broken("task " + id + " was never submitted");
      continue;
    }
    std::string state;
    for (const auto& event : events->second) {
      const auto verb = verb_from_name(event.verb);
      const auto from = clade::queue::state_from_name(state);
      const bool first = state.empty() && event.verb == "submit" && event.state == "created";
      const bool stays = (event.verb == "note" || event.verb == "late") && event.state == state;
      const auto to = verb && from ? next_state(*from, *verb) : std::nullopt;
      if (!first && !stays && !(to && event.state == name(*to)))
        view.broken("task " + id + " went from " + state + " by " + event.verb + " to " + event.state);
      state = event.state;
    }
    if (state != task.state) view.broken("task " + id + " is " + task.state + ", its history says " + state);
  }
}

void attempts_are_bounded(const View& view) {
  for (const auto& stored : view.stored.tasks) {
    const std::string& id = stored.first;
    const auto& task = stored.second;
    if (task.attempt > task.max_attempts) view.broken("task " + id);
    const auto events = view.stored.events.find(id);
    if (events == view.stored.events.end()) continue;
    int64_t attempts = 0;
    for_edges(events->second, [&](const std::string& from, const Stored::Event& event) {
      if (event.verb == "assign") ++attempts;
      if (event.verb == "release") --attempts;
      if (event.verb == "retry" && from != "failed") attempts = 0;  // an operator's
      if (attempts > task.max_attempts)
        view.broken("task " + id + " began attempt " + std::to_string(attempts));
    });
    if (attempts != task.attempt) view.broken("task " + id + " counts " + std::to_string(task.attempt));
  }
  for (const auto& [id, message] : view.stored.messages) {
    if (message.attempt > 3) view.broken("message " + id);
  }
}

void leases_are_one(const View& view) {
  std::set<int64_t> holders;
  for (const auto& stored : view.stored.tasks) {
    const std::string& id = stored.first;
    const auto& task = stored.second;
    const bool leased = task.state == "assigned" || task.state == "executing";
    if (leased != (task.lease_run != 0)) view.broken("task " + id + " is " + task.state);
    if (leased && !holders.insert(task.lease_run).second)
      view.broken("run " + std::to_string(task.lease_run));
    // Who holds the lease is who was given it last, and only that one ends an execution.
    int64_t holder = 0;
    const auto events = view.stored.events.find(id);
    if (events == view.stored.events.end()) continue;
    for_edges(events->second, [&](const std::string& from, const Stored::Event& event) {
      if (event.verb == "assign") holder = event.run;
      const bool claimants = event.verb == "complete" || event.verb == "review" || event.verb == "release" ||
                             (event.verb == "fail" && from == "executing");
      if (claimants && event.run != holder)
        view.broken("task " + id + " was ended by run " + std::to_string(event.run) +
                    " under the lease of run " + std::to_string(holder));
    });
    if (leased && task.lease_run != holder) view.broken("task " + id + " has a lease that it was not given");
  }
}

void triggers_are_consumed_once(const View& view) {
  const auto& stored = view.stored;
  std::map<std::string, std::multiset<int64_t>> by_trigger;  // committed runs
  for (const auto& [id, run] : stored.runs) {
    if (run.status == "committed") by_trigger[run.trigger].insert(id);
  }
  for (const auto& [id, message] : stored.messages) {
    const size_t handled = by_trigger.count(id) ? by_trigger.at(id).size() : 0;
    if (handled != (message.state == "handled" ? 1U : 0U))
      view.broken("message " + id + " is " + message.state + ", and " + std::to_string(handled) +
                  " runs handled it");
  }
  for (const auto& [id, task] : stored.tasks) {
    std::multiset<int64_t> consumed;
    const auto events = stored.events.find(id);
    if (events == stored.events.end()) continue;
    for_edges(events->second, [&](const std::string& from, const Stored::Event& event) {
      const auto run = stored.runs.find(event.run);
      const bool committed = run != stored.runs.end() && run->second.status == "committed";
      if (event.verb == "complete" || event.verb == "review") consumed.insert(event.run);
      if (event.verb == "fail" && from == "executing" && committed) {
        const auto intent = view.witness.finished.find(event.run);
        if (intent != view.witness.finished.end() && intent->second.fails) consumed.insert(event.run);
      }
    });
    const auto runs = by_trigger.count(id) ? by_trigger.at(id) : std::multiset<int64_t>();
    if (runs != consumed)
      view.broken("task " + id + ": the runs that were committed are not those that ended it");
  }
}

void mail_is_in_order(const View& view) {
  const auto& stored = view.stored;
  std::map<std::string, int64_t> handlers;  // message → the run that handled it
  for (const auto& [id, run] : stored.runs) {
    if (run.status == "committed" && run.kind == "mail") handlers[run.trigger] = id;
  }
  std::map<std::string, std::map<int64_t, std::string>> boxes;  // by seq
  std::set<int64_t> seqs;
  for (const auto& [id, message] : stored.messages) {
    boxes[message.recipient][message.seq] = id;
    if (!seqs.insert(message.seq).second) view.broken("two messages have the number of " + id);
  }
  for (const auto& [recipient, box] : boxes) {
    int64_t last_handler = 0;
    std::map<std::string, int64_t> last_run;  // by sender
    for (const auto& [seq, id] : box) {
      const auto& message = stored.messages.at(id);
      if (!message.wants_reply && message.run != 0 && message.sender != "host") {
        if (message.run < last_run[message.sender]) view.broken("message " + id + " overtook an earlier one");
        last_run[message.sender] = message.run;
      }
      const auto handler = handlers.find(id);
      if (handler == handlers.end()) continue;
      if (handler->second < last_handler) view.broken("message " + id + " was handled after a later one");
      last_handler = handler->second;
    }
  }
}

void dependencies_are_kept(const View& view) {
  for (const auto& [id, task] : view.stored.tasks) {
    if (task.state != "executing" && task.state != "assigned" && task.state != "completed") continue;
    for (const auto& after : task.after) {
      const auto dependency = view.stored.tasks.find(after);
      if (dependency == view.stored.tasks.end() || dependency->second.state != "completed")
        view.broken("task " + id + " is " + task.state + " before " + after);
    }
  }
}

void votes_decide(const View& view) {
  for (const auto& [id, proposal] : view.stored.proposals) {
    int64_t yes = 0;
    int64_t no = 0;
    for (const auto& [role, choice] : proposal.votes) {
      yes += choice == "yes";
      no += choice == "no";
      if (std::find(proposal.voters.begin(), proposal.voters.end(), role) == proposal.voters.end())
        view.broken(role + " voted on " + id);
    }
    const bool follows = view.stored.tasks.count(id + ".accept") > 0;
    if (follows != (proposal.state == "accepted")) view.broken("proposal " + id + " is " + proposal.state);
    if (proposal.state == "open") continue;
    // What was in force then, it says itself: "…: 66 %, 60 % needed".
    const auto comma = proposal.reason.rfind(", ");
    const int64_t needed = comma == std::string::npos ? 0 : std::atoi(proposal.reason.c_str() + comma + 2);
    const auto votes = static_cast<int64_t>(proposal.votes.size());
    const bool passes = votes >= kQuorum && yes > 0 && yes * 100 >= needed * (yes + no);
    if (passes != (proposal.state == "accepted"))
      view.broken("proposal " + id + " is " + proposal.state + ": " + proposal.reason);
  }
}

void approvals_are_given(const View& view) {
  for (const auto& stored : view.stored.tasks) {
    const std::string& id = stored.first;
    const auto& task = stored.second;
    const auto events = view.stored.events.find(id);
    if (task.approval.empty() || events == view.stored.events.end()) continue;
    bool approved = false;
    for_edges(events->second, [&](const std::string&, const Stored::Event& event) {
      if (event.state == "created") approved = false;
      if (event.verb == "approve") approved = true;
      if (event.verb == "assign" && !approved) view.broken("task " + id + " runs without one");
      const bool by_nobody = event.verb == "approve" && event.agent.rfind("nobody", 0) == 0;
      if (by_nobody && !view.witness.approves_itself) view.broken("task " + id + " was approved by nobody");
    });
  }
}

void deaths_quarantine(const View& view) {
  std::map<std::string, std::vector<int64_t>> deaths;  // of a combination, within the time that counts
  std::string due;
  for (const auto& event : view.stored.script_events) {
    const auto& [verb, at] = std::tie(event.verb, event.at);
    if (event.install != 0 || (verb != "blamed" && verb != "quarantined" && verb != "released")) continue;
    const std::string& combination = event.detail["combination"].as_string();
    if (!due.empty() && (verb != "quarantined" || combination != due)) view.broken("combination " + due);
    due.clear();
    auto& its = deaths[combination];
    if (verb == "released") its.clear();
    if (verb == "quarantined") its.assign(1, 0);  // counts anew only once it is released
    if (verb != "blamed") continue;
    its.push_back(at);
    while (its.front() + clade::run::kDeathsMs <= at) its.erase(its.begin());
    if (its.size() == clade::run::kDeaths) due = combination;
  }
  if (!due.empty()) view.broken("combination " + due);
}

void late_writes_are_kept(const View& view) {
  const auto is_kept = [&](const std::string& task, int64_t run) {
    const auto events = view.stored.events.find(task);
    return events != view.stored.events.end() &&
           std::any_of(events->second.begin(), events->second.end(),
                       [&](const auto& event) { return event.verb == "late" && event.run == run; });
  };
  for (const auto& [task, run] : view.witness.late) {
    if (!is_kept(task, run)) view.broken("what run " + std::to_string(run) + " wrote to task " + task);
  }
  for (const auto& [id, run] : view.stored.runs) {
    if (run.status == "fenced" && !is_kept(run.trigger, id))
      view.broken("what run " + std::to_string(id) + " wrote to task " + run.trigger);
  }
}

// Only at the end.
void nothing_is_left(const View& view) {
  const auto& stored = view.stored;
  for (const auto& [id, run] : stored.runs) {
    if (run.status == "running") view.broken("run " + std::to_string(id) + " is running");
  }
  for (const auto& [id, message] : stored.messages) {
    if (message.state == "stored") view.broken("message " + id + " waits");
  }
  for (const auto& [id, proposal] : stored.proposals) {
    if (proposal.state == "open") view.broken("proposal " + id + " is open");
  }
  for (const auto& file : stored.files) {
    if (file.done == 0) view.broken("file " + file.path + " is not written");
  }
  for (const auto& [id, task] : stored.tasks) {
    if (is_over(task.state)) continue;
    const bool waits = std::any_of(task.after.begin(), task.after.end(), [&](const std::string& after) {
      const auto found = stored.tasks.find(after);
      return found == stored.tasks.end() || found->second.state != "completed";
    });
    if (task.state != "blocked" || !waits) view.broken("task " + id + " is " + task.state);
    const bool dead = std::any_of(task.after.begin(), task.after.end(), [&](const std::string& after) {
      const auto& state = stored.tasks.at(after).state;
      return state == "cancelled" || state == "dead_letter";
    });
    if (dead && task.error.empty()) view.broken("task " + id + " does not say what it waits for");
  }
}

struct Promise {
  const char* text;
  void (*check)(const View&);
  bool at_rest = false;  // holds only when nothing is under way
};

const Promise kPromises[] = {
    {"the database file is whole", file_is_whole},
    {"what was acknowledged is there", acknowledged_is_there},
    {"what an effect or a script has seen of a run is in its journal", what_scripts_saw_is_there},
    {"a task takes only edges of the life cycle", edges_are_legal},
    {"attempts never exceed what is allowed", attempts_are_bounded},
    {"at most one lease, and only its holder ends an execution", leases_are_one},
    {"a late write is kept as evidence", late_writes_are_kept},
    {"a handler's effects are there all or none, up to each clade.commit", handlers_are_all_or_none},
    {"a task or message is consumed by one run, and with that run's commit", triggers_are_consumed_once},
    {"mail is in order", mail_is_in_order},
    {"an agent's state is what its last committed run wrote", states_are_the_last},
    {"an agent's data is what its runs set, and what they read there", data_is_of_the_runs},
    {"what a run began has an end once it is committed", losers_are_ended},
    {"a file is written as its run wanted it, or kept for the next host", files_are_written},
    {"a script that asks for the same again does not diverge", same_scripts_never_diverge},
    {"a task runs after those it depends on", dependencies_are_kept},
    {"what needs an approval runs only with one", approvals_are_given},
    {"three deaths in ten minutes quarantine a version", deaths_quarantine},
    {"what is in force is what became of installs, each as a whole; what was undone comes back by force "
     "alone",
     scripts_are_in_force},
    {"a version is undone if the one before handled what it failed on, with the commit of that, or is worse",
     verdicts_are_proved},
    {"a suspicion costs no task or message anything", suspicions_are_free},
    {"votes decide what follows, each role has one", votes_decide},
    {"at rest everything is over, or says what it waits for", nothing_is_left, true},
};

}  // namespace

void check_stored(const Stored& stored, Witness& witness, bool rests) {
  const Kept kept = kept_intents(stored, witness);
  for (const auto& promise : kPromises) {
    if (promise.at_rest && !rests) continue;
    promise.check({stored, witness, kept, promise.text});
  }
}

void count_edges(const Stored& stored, Counters& counters) {
  for (const auto& [id, events] : stored.events) {
    for_edges(events, [&](const std::string& from, const Stored::Event& event) {
      const auto state = clade::queue::state_from_name(from);
      const auto verb = verb_from_name(event.verb);
      if (state && verb && next_state(*state, *verb)) counters.edge(*state, *verb);
    });
    for (const auto& event : events) {
      if (event.verb == "late") counters.add("write refused as late");
    }
  }
  for (const auto& [id, run] : stored.runs) {
    if (run.status != "running") counters.add("run: " + run.status);
  }
  for (const auto& [place, entry] : stored.journal) {
    const std::string& status = stored.runs.at(place.run).status;
    if (entry.op == "commit" && entry.status == "done" && status != "committed" && status != "running")
      counters.add("clade.commit, and its run failed");
    if (entry.code == "outcome_unknown") counters.add("given up, its outcome unknown");
  }
  for (const auto& [id, message] : stored.messages) {
    if (message.state == "handled") counters.add("message: handled");
    if (message.state == "dead_letter") counters.add("message: dead letter");
  }
  for (const auto& [id, proposal] : stored.proposals) {
    if (proposal.state != "open") counters.add("proposal: " + proposal.state);
  }
}

}  // namespace sim
