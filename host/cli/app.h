// The command line as a whole: builds the tree of commands, parses, runs what was asked.
#pragma once

namespace clade::cli {

class Context;
class Command;

// Exit statuses of every command.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kNoHost = 3;

// Parses and runs. Returns the exit status; errors have been said on stderr.
int run_program(int argc, const char* const* argv);

// One per file of this folder: each adds its commands to the root (or the group it names).
void add_run_commands(Command root, Context& context);
void add_run_history_commands(Command run, Context& context);
void add_logs_command(Command root, Context& context);
void add_init_command(Command root, Context& context);
void add_status_command(Command root, Context& context);
void add_task_commands(Command root, Context& context);
void add_agent_commands(Command root, Context& context);
void add_agent_test_command(Command agent, Context& context);
void add_mail_commands(Command root, Context& context);
void add_approval_commands(Command root, Context& context);
void add_skill_commands(Command root, Context& context);
void add_eval_command(Command root, Context& context);
void add_script_commands(Command root, Context& context);
void add_audit_commands(Command root, Context& context);
void add_repl_command(Command root, Context& context);
void add_db_commands(Command root, Context& context);
void add_doctor_command(Command root, Context& context);
void add_replay_command(Command root, Context& context);
void add_completion_command(Command root, Context& context);

}  // namespace clade::cli
