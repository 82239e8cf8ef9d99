#include "cli/lockctl/lockctl.h"

#include <poll.h>
#include <unistd.h>

#include "cli/lockctl/commands.h"
#include "cli/lockctl/exit.h"
#include "cli/lockctl/help.h"
#include "cli/lockctl/session.h"
#include "cli/lockctl/signals.h"
#include "cli/shown/terminal.h"
#include "cli/shown/text.h"

namespace lockkeeper::cli::lockctl {
namespace {

bool colored(const Configuration& configuration, const Terminal& terminal) {
  if (configuration.color == Configuration::Color::automatic) return terminal.colours;
  return configuration.color == Configuration::Color::always;
}

// Whoever read the output has left, as in `lockctl list | head`: nothing to complain about.
bool reader_has_left() {
  pollfd polled = {STDOUT_FILENO, POLLOUT, 0};
  return poll(&polled, 1, 0) == 1 && (polled.revents & POLLERR) != 0;
}

int carry_out(Session& session) {
  const CommandKind& command = *session.line.command;
  if (command.manner != CommandKind::Manner::local)
    session.configuration = read_configuration(session.line, session.environment);
  for (const std::string& warning : session.configuration.warnings) session.warn(warning);
  session.terminal = terminal_of(STDOUT_FILENO, session.environment);
  session.color = colored(session.configuration, session.terminal);
  // `run` handles signals by itself, and forks.
  http::Interrupt* interrupt = nullptr;
  if (command.manner != CommandKind::Manner::runs) {
    interrupt = new http::Interrupt;  // for the handlers, which may be at work until the very end
    end_on_signals(*interrupt);
    session.interrupt = interrupt;
  }
  int code = command.carry_out(session);
  session.out << std::flush;
  if (interrupt != nullptr && interrupt->raised() && !session.done) code = 128 + signal_that_came();
  if (!session.out && !reader_has_left()) {
    throw Failure(Exit::failed, "the output cannot be written: check where it goes");
  }
  return session.out ? code : static_cast<int>(Exit::failed);
}

bool farewell(const Line& line, std::ostream& out) {
  if (line.has("help")) {
    out << help_text(line.command) << std::flush;
  } else if (line.has("version")) {
    out << "lockctl " LOCKKEEPER_VERSION "\n" << std::flush;
  }
  return line.has("help") || line.has("version");
}

}  // namespace

int lockctl(const std::vector<std::string>& arguments, const Environment& environment, std::ostream& out,
            std::ostream& err) {
  bool runs = false;
  try {
    Session session{.line = read_line(arguments, commands()), .environment = environment, .out = out, .err = err};
    if (farewell(session.line, out)) return 0;
    runs = session.line.command->manner == CommandKind::Manner::runs;
    return carry_out(session);
  } catch (const std::exception&) {
    const Failure failure = current_failure();
    out << std::flush;
    const int came = signal_that_came();
    if (failure.code == Exit::interrupted && came != 0) return 128 + came;
    err << "lockctl: " << harmless(failure.what()) << std::endl;
    return static_cast<int>(runs ? Exit::run_failed : failure.code);
  }
}

}  // namespace lockkeeper::cli::lockctl
