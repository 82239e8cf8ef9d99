#include "cli/lockctl/commands.h"
#include "cli/lockctl/exit.h"
#include "cli/lockctl/lock_json.h"
#include "cli/lockctl/lock_rows.h"
#include "cli/lockctl/watch.h"

namespace lockkeeper::cli::lockctl {
namespace {

constexpr std::size_t slice = 500;

// Each slice has its own widths, so that a million locks are not kept for the sake of one column.
void print_all(Session& session, const std::string& prefix) {
  JsonArray array;
  bool titles = true;
  std::string after;
  do {
    const wire::LockPage page = session.client().list(prefix, after, slice);
    if (session.json()) {
      for (const wire::LockView& lock : page.locks) session.out << array.member(json_of(lock));
    } else {
      if (titles && page.locks.empty() && session.terminal.is_one) {
        session.out << "no lock is held\n";
        return;
      }
      const Columns table = columns_of(page.locks);
      const auto lines = lines_of(table.columns, table.rows, session.terminal.width, session.color);
      for (std::size_t i = titles ? 0 : 1; i < lines.size(); ++i) session.out << lines[i] << '\n';
      titles = false;
    }
    after = page.next;
  } while (!after.empty() && session.out && !session.interrupt->raised());
  if (session.json()) session.out << array.end();
}

}  // namespace

int list(Session& session) {
  const std::string prefix = session.line.words.empty() ? "" : session.line.words[0];
  if (!session.line.has("watch")) {
    if (session.line.has("interval")) throw Failure(Exit::usage, "--interval goes with --watch");
    print_all(session, prefix);
  } else if (session.terminal.is_one && !session.json()) {
    watch_on_terminal(session, prefix);
  } else {
    watch_changes(session, prefix);
  }
  return 0;
}

}  // namespace lockkeeper::cli::lockctl
