#include <algorithm>
#include <set>

#include "base/codec.h"
#include "sim/view.h"

namespace sim {
namespace {

// What an agent keeps beside its state, as its runs change it one after the other.
class AgentData {
 public:
  // Plays what a run did. Returns what it read that it could not, or "".
  std::string play(const std::vector<DataAct>& acts) {
    // Of each key, since which act of the run it has which value; 0: since before.
    std::map<std::string, std::vector<std::pair<size_t, clade::Value>>> values;
    for (const auto& [key, value] : values_) values[key] = {{0, value}};
    std::string wrong;
    const auto now = [&](const std::string& key) {
      return values[key].empty() ? clade::Value() : values[key].back().second;
    };
    for (size_t number = 1; number <= acts.size(); ++number) {
      const auto& [op, args, answer, before] = acts[number - 1];
      const std::string& key = args["key"].as_string();
      bool fits = true;
      if (op == "data.set") {
        values[key].emplace_back(number, args["value"]);
      } else if (op == "data.delete") {
        fits = answer == clade::Value(!now(key).is_nil());
        values[key].emplace_back(number, clade::Value());
      } else if (op == "data.get") {
        // As it was at some time between the question and the answer: other strands may set meanwhile.
        fits = answer == now(key);
        const auto& past = values[key];
        for (size_t at = 0; at < past.size(); ++at)
          fits =
              fits || ((at + 1 == past.size() || past[at + 1].first > before) && answer == past[at].second);
        fits = fits || (answer.is_nil() && (past.empty() || past.front().first > before));
      } else if (before + 1 == number) {
        clade::Value::Array keys;
        for (const auto& [there, past] : values) {
          if (there.rfind(args["prefix"].as_string(), 0) == 0 && !now(there).is_nil())
            keys.emplace_back(there);
        }
        fits = answer == clade::Value(std::move(keys));
      }
      if (!fits && wrong.empty())
        wrong = op + " " + key + " gave " + clade::encode_json(answer) + ", and it is " +
                clade::encode_json(now(key));
    }
    values_.clear();
    for (const auto& [key, past] : values) {
      if (!past.empty() && !past.back().second.is_nil()) values_[key] = past.back().second;
    }
    return wrong;
  }
  const std::map<std::string, clade::Value>& values() const { return values_; }

 private:
  std::map<std::string, clade::Value> values_;
};

}  // namespace

Kept kept_intents(const Stored& stored, const Witness& witness) {
  Kept kept;
  // In the order of a run's calls: the handler itself makes them all.
  for (const auto& [place, entry] : stored.journal) {
    const auto part = witness.parts.find(place);
    if (entry.op == "commit" && entry.status == "done" && part != witness.parts.end())
      kept[place.run] = &part->second;
  }
  for (const auto& [id, run] : stored.runs) {
    const auto intent = witness.finished.find(id);
    if (run.status == "committed" && intent != witness.finished.end()) kept[id] = &intent->second;
  }
  return kept;
}

bool is_there(const std::map<std::string, Stored::Message>& messages, const std::string& id) {
  const auto found = messages.lower_bound(id);
  if (found == messages.end()) return false;
  return found->first == id || messages.lower_bound(id + "/") != messages.lower_bound(id + "0");
}

void what_scripts_saw_is_there(const View& view) {
  for (const auto& [place, effect] : view.witness.effects) {
    if (!view.stored.journal.count(place)) view.broken("an effect of " + text(place));
  }
  for (const auto& [place, outcome] : view.witness.told) {
    const auto entry = view.stored.journal.find(place);
    if (entry == view.stored.journal.end() || entry->second.status == "started")
      view.broken("the outcome of " + text(place) + ": " + outcome);
  }
}

// Of what runs wanted, all that is kept is there, once, and nothing else.
void handlers_are_all_or_none(const View& view) {
  const auto& stored = view.stored;
  for (const auto& [id, run] : stored.runs) {
    if (run.status == "committed" && !view.witness.finished.count(id))
      view.broken("run " + std::to_string(id) + " was committed, and its handler never returned");
  }
  std::map<int64_t, std::multiset<std::string>> written;
  for (const auto& file : stored.files) written[file.run].insert(file.path);
  for (const auto& [id, intent] : view.kept) {
    const std::string who = "run " + std::to_string(id) + " is committed without its ";
    for (const auto& task : intent->tasks) {
      if (!stored.tasks.count(task)) view.broken(who + "task " + task);
    }
    for (const auto& message : intent->messages) {
      if (!is_there(stored.messages, message)) view.broken(who + "message " + message);
    }
    for (const auto& proposal : intent->proposals) {
      if (!stored.proposals.count(proposal)) view.broken(who + "proposal " + proposal);
    }
    for (const auto& proposal : intent->votes) {
      const auto found = stored.proposals.find(proposal);
      const std::string& agent = stored.runs.at(id).agent;
      const std::string role = agent.substr(0, agent.find('#'));
      if (found == stored.proposals.end() || !found->second.votes.count(role))
        view.broken(who + "vote on " + proposal);
    }
    std::multiset<std::string> wanted;
    for (const auto& [path, content] : intent->files) wanted.insert(path);
    if (wanted != written[id]) view.broken(who + "files, or with others");
  }
  const auto wanted = [&](int64_t run, const std::vector<std::string> Intent::*list, const std::string& id) {
    const Intent* intent = view.kept_of(run);
    return run == 0 ||
           (intent && std::find((intent->*list).begin(), (intent->*list).end(), id) != (intent->*list).end());
  };
  const std::string accept = ".accept";  // what follows from a proposal
  for (const auto& [id, task] : stored.tasks) {
    const bool follows = id.size() > accept.size() && id.substr(id.size() - accept.size()) == accept;
    if (!wanted(task.run, follows ? &Intent::proposals : &Intent::tasks,
                follows ? id.substr(0, id.size() - accept.size()) : id))
      view.broken("task " + id + " is there without its run");
  }
  for (const auto& [id, message] : stored.messages) {
    // An ask goes out while its run waits.
    if (!message.wants_reply && !wanted(message.run, &Intent::messages, id.substr(0, id.find('/'))))
      view.broken("message " + id + " is there without its run");
  }
  for (const auto& [id, proposal] : stored.proposals) {
    if (!wanted(proposal.run, &Intent::proposals, id))
      view.broken("proposal " + id + " is there without its run");
  }
  for (const auto& [run, paths] : written) {
    if (!paths.empty() && !view.kept_of(run))
      view.broken("file " + *paths.begin() + " is there without its run");
  }
}

void states_are_the_last(const View& view) {
  struct Past {
    int64_t run = 0;  // the last of which something is kept
    int64_t committed = 0;
    int64_t parts = 0;
  };
  std::map<std::string, Past> pasts;  // by agent
  for (const auto& [id, intent] : view.kept) {
    const auto& run = view.stored.runs.at(id);
    Past& past = pasts[run.agent];
    past.run = id;
    past.committed += run.status == "committed";
  }
  for (const auto& [place, entry] : view.stored.journal) {
    if (entry.op == "commit" && entry.status == "done") ++pasts[view.stored.runs.at(place.run).agent].parts;
  }
  for (const auto& [agent, past] : pasts) {
    const auto found = view.stored.states.find(agent);
    const Intent* intent = view.kept_of(past.run);
    if (found == view.stored.states.end() || !intent || found->second != intent->state) {
      view.broken(agent + " has not the state of its run " + std::to_string(past.run));
      continue;
    }
    const int64_t runs = found->second["runs"].as_integer();
    const int64_t parts = found->second["parts"].as_integer();
    if (runs != past.committed || parts != past.parts)
      view.broken(agent + " has counted " + std::to_string(runs) + " of its " +
                  std::to_string(past.committed) + " runs, and " + std::to_string(parts) + " of their " +
                  std::to_string(past.parts) + " parts");
  }
  for (const auto& [agent, state] : view.stored.states) {
    if (!pasts.count(agent)) view.broken(agent + " has a state of no run");
  }
}

void data_is_of_the_runs(const View& view) {
  std::map<std::string, AgentData> agents;
  for (const auto& [id, intent] : view.kept) {
    const std::string& agent = view.stored.runs.at(id).agent;
    const std::string wrong = agents[agent].play(intent->data);
    if (!wrong.empty()) view.broken("run " + std::to_string(id) + " of " + agent + ": " + wrong);
  }
  for (const auto& [agent, data] : view.stored.data) agents.try_emplace(agent);
  for (const auto& [agent, data] : agents) {
    const auto found = view.stored.data.find(agent);
    const bool same =
        found == view.stored.data.end() ? data.values().empty() : found->second == data.values();
    if (!same) view.broken(agent + " has not the data that its runs set");
  }
}

// The journal of a run that was committed knows what became of everything that it began.
void losers_are_ended(const View& view) {
  for (const auto& [place, entry] : view.stored.journal) {
    const bool over = view.stored.runs.at(place.run).status == "committed";
    if (over && entry.status == "started") view.broken(text(place) + " is under way, and its run is over");
    if (entry.status != "cancelled") continue;
    const auto effect = view.witness.effects.find(place);
    const bool may_have = effect != view.witness.effects.end() && !effect->second.idempotent;
    if (may_have && entry.code != "outcome_unknown")
      view.broken(text(place) + " may have taken effect, and counts as " + entry.code);
  }
}

void files_are_written(const View& view) {
  for (const auto& file : view.stored.files) {
    const Intent* intent = view.kept_of(file.run);
    if (!intent) continue;
    bool found = false;
    for (const auto& [path, text] : intent->files) {
      if (path != file.path) continue;
      const auto written = view.witness.files.find(path);
      const bool there = written != view.witness.files.end() && written->second.count(text) > 0;
      found = found || (file.done == 1 ? there : file.content == text);
    }
    if (!found) view.broken(file.path + " of run " + std::to_string(file.run));
  }
}

void same_scripts_never_diverge(const View& view) {
  for (const auto& [id, run] : view.stored.runs) {
    const auto started = view.witness.runs.find(id);
    if (run.status == "diverged" && started != view.witness.runs.end() && !started->second.divergent)
      view.broken("run " + std::to_string(id) + ": " + run.error);
  }
}

}  // namespace sim
