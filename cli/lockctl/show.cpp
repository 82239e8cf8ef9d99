#include "cli/lockctl/commands.h"
#include "cli/lockctl/lock_json.h"
#include "cli/lockctl/lock_rows.h"
#include "cli/lockctl/own_claim.h"
#include "cli/shown/text.h"

namespace lockkeeper::cli::lockctl {
namespace {

template <typename Member>
void print(const Session& session, const std::vector<Member>& members) {
  const Columns table = columns_of(members);
  for (const std::string& line : lines_of(table.columns, table.rows, session.terminal.width, session.color)) {
    session.out << line << '\n';
  }
}

}  // namespace

int show(Session& session) {
  client::LockClient& client = session.client();
  const wire::LockView lock = client.lock(session.lock());
  if (session.json()) {
    session.out << json_of(lock) << '\n';
    return 0;
  }
  session.out << harmless(lock.lock) << ": " << state_text(lock);
  if (client.kind() == client::ServerKind::original) {
    session.out << " (" << lock.count << (lock.count == 1 ? " claim" : " claims") << ")\n";
    for (const wire::HoldView& hold : lock.holders) {
      session.out << "  " << harmless(hold.holder) << "  " << hold.count << '\n';
    }
    return 0;
  }
  session.out << "; version " << lock.version << '\n';
  if (!lock.claims.empty()) {
    session.out << '\n';
    print(session, lock.claims);
  }
  if (!lock.queue.empty()) {
    session.out << '\n';
    print(session, lock.queue);
  }
  return 0;
}

int queue(Session& session) {
  client::LockClient& client = session.client();
  const wire::LockView lock = looked_up(client, session, "queue");
  if (session.json()) {
    JsonArray array;
    for (const wire::WaiterView& waiter : lock.queue) session.out << array.member(json_of(waiter));
    session.out << array.end();
    return 0;
  }
  if (lock.queue.empty()) {
    session.out << harmless(lock.lock) << ": nobody waits; " << state_text(lock) << '\n';
    return 0;
  }
  print(session, lock.queue);
  return 0;
}

}  // namespace lockkeeper::cli::lockctl
