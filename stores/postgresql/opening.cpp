#include "stores/postgresql/opening.h"

#include <chrono>
#include <random>
#include <thread>

#include "engine/store_error.h"
#include "stores/postgresql/schema.h"
#include "stores/postgresql/slices.h"

namespace lockkeeper::stores::postgresql {
namespace {

using engine::StoreError;
using std::chrono::milliseconds;

// Of one host; the next one may be the one that answers.
constexpr milliseconds a_host{2000};
constexpr milliseconds between_tries{250};

std::unique_ptr<Connection> listening(const Options& options, int stop, std::string& why) {
  auto one = Connection::connect(*options.watch, a_host, stop, why);
  if (!one) return nullptr;
  const Answer answer = one->ask("LISTEN " + Connection::quoted(options.schema), {}, options.timeout);
  if (!answer.fault) return one;
  why = answer.fault->text;
  return nullptr;
}

// Until it does, or connect_timeout is over.
template <class Connect>
std::unique_ptr<Connection> keep_trying(const Options& options, const char* what, Connect connect) {
  const Time end = std::chrono::steady_clock::now() + options.connect_timeout;
  std::string why;
  while (true) {
    if (auto one = connect(why)) return one;
    if (std::chrono::steady_clock::now() + between_tries > end) break;
    std::this_thread::sleep_for(between_tries);
  }
  throw StoreError(options.shown + ": cannot " + what + ": " + why);
}

std::string hosts_of(const Target& target) {
  std::string all;
  for (const auto& [host, port] : target.hosts) {
    all += all.empty() ? "" : ",";
    all += host + ":" + port;
  }
  return all;
}

// Who hears at the very address at which he works has sessions of his own there, also through a pooler.
void prepare(Connection& work, const Options& options) {
  if (!options.watch || options.watch->hosts != options.work.hosts) return;
  const std::string schema = Connection::quoted(options.schema);
  for (const auto& sql : {commit_sql(schema), read_sql(schema)}) work.prepare(sql, options.timeout);
}

// In PgBouncer's transaction mode LISTEN succeeds, and nothing is ever heard.
void try_to_hear(Connection& work, Connection& watch, const Options& options) {
  std::random_device random;
  const std::string word = "?" + std::to_string(random()) + std::to_string(random());
  const Answer said =
      work.ask("SELECT pg_notify('" + options.schema + "', '" + word + "')", {}, options.connect_timeout);
  if (said.fault) throw StoreError(options.shown + ": cannot notify: " + said.fault->text);
  const Time end = std::chrono::steady_clock::now() + options.timeout;
  while (std::chrono::steady_clock::now() < end && !watch.lost()) {
    for (const auto& payload : watch.notifications()) {
      if (payload == word) return;
    }
    // An answer brings along what was notified before it.
    watch.ask("SELECT 1", {}, options.timeout);
    std::this_thread::sleep_for(milliseconds(10));
  }
  throw StoreError(options.shown + ": LISTEN at " + hosts_of(*options.watch) +
                   " hears nothing, as in PgBouncer's transaction mode: say listen_host=HOST:PORT of PostgreSQL "
                   "itself, or listen=off");
}

void check_promises(Connection& work, const Options& options, const Say& warn) {
  const Answer answer = work.ask(
      "SELECT current_setting('synchronous_commit'), current_setting('fsync'), current_setting('full_page_writes'),"
      " current_setting('synchronous_standby_names'), pg_is_in_recovery(),"
      " (SELECT count(*) FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup')"
      " + (SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT temporary),"
      " current_setting('transaction_isolation')",
      {}, options.connect_timeout);
  if (answer.fault) throw StoreError(options.shown + ": cannot read its settings: " + answer.fault->text);
  const Result& result = answer.result;
  if (result.flag(0, 4)) throw StoreError(options.shown + ": this is a standby: it takes no writes");
  if (result.bytes(0, 6) != "read committed") {
    throw StoreError(options.shown + ": default_transaction_isolation is " + std::string(result.bytes(0, 6)) +
                     ", and locks need read committed: ALTER ROLE ... SET default_transaction_isolation = "
                     "'read committed'");
  }
  const auto commit = result.bytes(0, 0);
  const bool names = !result.bytes(0, 3).empty();
  const bool standbys = result.integer(0, 5) > 0;
  if (commit == "off") {
    warn("synchronous_commit is off: a crash of PostgreSQL may lose the newest locks; set it to on for this role");
  } else if (commit == "local" && (names || standbys)) {
    warn("synchronous_commit is local: a fail-over may lose the newest locks; set it to on for this role");
  }
  for (const auto& [column, name] : {std::pair(1, "fsync"), std::pair(2, "full_page_writes")}) {
    if (result.bytes(0, column) == "off") {
      warn(std::string(name) + " is off: a crash of the machine may damage or lose locks");
    }
  }
  if (standbys && !names) {
    warn("there are standbys, and synchronous_standby_names is empty: a fail-over may lose the newest locks");
  }
}

}  // namespace

std::unique_ptr<Connection> connect_plain(const Options& options) {
  return keep_trying(options, "connect",
                     [&](std::string& why) { return Connection::connect(options.work, a_host, -1, why); });
}

Opened open_connections(const Options& options, const Say& warn) {
  Opened opened;
  opened.work = connect_plain(options);
  settle_schema(*opened.work, options);
  check_promises(*opened.work, options, warn);
  if (!options.watch) return opened;
  const std::string what = "listen at " + hosts_of(*options.watch);
  opened.watch = keep_trying(options, what.c_str(), [&](std::string& why) { return listening(options, -1, why); });
  try_to_hear(*opened.work, *opened.watch, options);
  prepare(*opened.work, options);
  return opened;
}

std::unique_ptr<Connection> connect_work(const Options& options, int stop) {
  std::string why;
  auto one = Connection::connect(options.work, a_host, stop, why);
  if (!one) return nullptr;
  const Answer answer = one->ask("SELECT pg_is_in_recovery() FROM " + Connection::quoted(options.schema) + ".meta",
                                 {}, options.timeout);
  const bool usable = !answer.fault && answer.result.rows() == 1 && !answer.result.flag(0, 0);
  if (!usable) return nullptr;
  prepare(*one, options);
  return one->lost() ? nullptr : std::move(one);
}

std::unique_ptr<Connection> connect_watch(const Options& options, int stop) {
  std::string why;
  return listening(options, stop, why);
}

}  // namespace lockkeeper::stores::postgresql
