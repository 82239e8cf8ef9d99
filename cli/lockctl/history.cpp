#include <algorithm>

#include "cli/lockctl/commands.h"
#include "cli/lockctl/lock_json.h"
#include "cli/lockctl/lock_rows.h"
#include "cli/lockctl/own_claim.h"

namespace lockkeeper::cli::lockctl {
namespace {

constexpr std::size_t slice = 100;

// What came after `after`, oldest first.
std::vector<locks::Event> events_after(client::LockClient& client, const std::string& lock, locks::Version after) {
  std::vector<locks::Event> events;
  for (;;) {
    wire::HistoryView view = client.history(lock, after, slice, false);
    events.insert(events.end(), std::make_move_iterator(view.events.begin()),
                  std::make_move_iterator(view.events.end()));
    if (!view.more || events.empty()) return events;
    after = events.back().version;
  }
}

class Printer {
 public:
  explicit Printer(Session& session) : session_(session), follow_(session.line.has("follow")) {}

  void print(const std::vector<locks::Event>& events) {
    if (session_.json()) {
      for (const locks::Event& event : events) {
        session_.out << (follow_ ? json_of(event) + "\n" : array_.member(json_of(event)));
      }
    } else {
      const Columns table = columns_of(events);
      const auto lines = lines_of(table.columns, table.rows, session_.terminal.width, session_.color);
      // What follows has the titles no second time.
      for (std::size_t i = begun_ ? 1 : 0; i < lines.size(); ++i) session_.out << lines[i] << '\n';
    }
    begun_ = true;
    session_.out << std::flush;
  }

  void end() {
    if (session_.json() && !follow_) session_.out << array_.end();
  }

 private:
  Session& session_;
  bool follow_;
  bool begun_ = false;
  JsonArray array_;
};

}  // namespace

int history(Session& session) {
  const std::size_t limit = session.line.number("limit", 20, 1'000'000);
  const auto interval = session.interval();
  client::LockClient& client = session.client();
  looked_up(client, session, "history");
  // One event a version: so many versions back.
  const locks::Version now = client.history(session.lock(), 0, 1, true).version;
  locks::Version last = now > limit ? now - limit : 0;
  Printer printer(session);
  for (;;) {
    const auto events = events_after(client, session.lock(), last);
    if (!events.empty()) last = events.back().version;
    printer.print(events);
    if (!session.line.has("follow")) break;
    if (session.interrupt->sleep(interval)) break;
  }
  printer.end();
  return 0;
}

}  // namespace lockkeeper::cli::lockctl
