#include "stores/sqlite/worker.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <variant>

#include "engine/store_error.h"
#include "stores/sqlite/database_file.h"
#include "wire/record_json.h"

namespace lockkeeper::stores {

namespace {

using engine::Failed;
using engine::Operation;

// Frames of 4 KiB: 16 MiB. Fewer would sync more often and write pages that change again soon; more would make
// one checkpoint a pause that is felt.
constexpr std::int64_t checkpoint_frames = 4000;

void say_and_exit(const std::string& why) {
  std::fprintf(stderr, "lockkeeper: %s\n", why.c_str());
  _exit(1);  // no destructor may checkpoint
}

bool writes(const Operation& operation) {
  return std::holds_alternative<engine::Commit>(operation.question) ||
         std::holds_alternative<engine::Prune>(operation.question) ||
         std::holds_alternative<engine::TrimHistory>(operation.question);
}

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;  // clang 16 does not find it by itself

void answer_all(Operation* chain, const Failed& failed) {
  for (auto* operation = chain; operation; operation = operation->next) operation->answer = failed;
}

Failed damaged(const wire::WireError& error) {
  return {Failed::Kind::unavailable, error.what()};
}

void answer_read(Operation& operation, sqlite::Records& records, sqlite::History& history) {
  auto& answer = operation.answer;
  std::visit(Overloaded{[&](const engine::Read& question) { answer = records.read(question); },
                        [&](const engine::Scan& question) { answer = records.scan(question); },
                        [&](const engine::FindFree& question) { answer = records.find_free(question); },
                        [&](const engine::ReadHistory& question) { answer = history.read(question); },
                        [&](const auto&) {}},
             operation.question);
}

void answer_write(Operation& operation, sqlite::Records& records, sqlite::History& history) {
  auto& answer = operation.answer;
  std::visit(Overloaded{[&](const engine::Commit& question) {
                          std::visit([&](auto&& result) { answer = std::move(result); }, records.commit(question));
                        },
                        [&](const engine::Prune& question) { answer = records.prune(question); },
                        [&](const engine::TrimHistory& question) { answer = history.trim(question); },
                        [&](const auto&) {}},
             operation.question);
}

}  // namespace

void SqliteStore::Worker::Chain::add(Operation* operation) {
  operation->next = nullptr;
  (last ? last->next : first) = operation;
  last = operation;
}

SqliteStore::Worker::Worker(SqliteOptions options) : options_(std::move(options)) {
  if (!options_.fatal) options_.fatal = say_and_exit;
  if (!options_.boot_clock) options_.boot_clock = &system_boot_clock_;
  database_ = sqlite::open_database_file(options_);
  try {
    heads_ = std::make_unique<sqlite::Heads>(*database_, options_.redo_entries);
    history_ = std::make_unique<sqlite::History>(*database_, *heads_);
    stamps_ = std::make_unique<sqlite::Stamps>(*database_, *options_.boot_clock, options_.age_allowance);
    records_ = std::make_unique<sqlite::Records>(*database_, *heads_, *history_, *stamps_);
    begin_ = std::make_unique<sqlite::Statement>(*database_, "BEGIN IMMEDIATE");
    commit_ = std::make_unique<sqlite::Statement>(*database_, "COMMIT");
  } catch (const sqlite::SqliteError& error) {
    throw engine::StoreError("cannot use " + options_.path +
                             ": it is damaged, and was left as it is: " + error.what());
  }
}

SqliteStore::Worker::~Worker() {
  close();
}

void SqliteStore::Worker::start(engine::Completions& completions) {
  completions_ = &completions;
  thread_ = std::thread([this] { run(); });
}

void SqliteStore::Worker::push(Operation* chain) {
  begun_.push(chain);
  sleeper_.wake();
}

void SqliteStore::Worker::close() {
  if (!database_) return;
  closing_ = true;
  sleeper_.wake();
  if (thread_.joinable()) thread_.join();
  try {
    settle_heads();
    database_->finish();
  } catch (const sqlite::SqliteError& error) {
    if (error.fsync_failed()) die(error.what());
    // Whatever else it is: the WAL stays, and the next start goes on from it.
  }
  commit_.reset();
  begin_.reset();
  records_.reset();
  stamps_.reset();
  history_.reset();
  heads_.reset();
  database_.reset();
}

void SqliteStore::Worker::run() {
  while (Operation* begun = wait()) {
    take_turn(begun);
    checkpoint_if_due();
  }
}

Operation* SqliteStore::Worker::wait() {
  while (true) {
    const bool closing = closing_;  // before looking: what was begun before close() is still carried out
    if (Operation* begun = begun_.take(); begun != nullptr || closing) return begun;
    sleeper_.sleep(std::chrono::hours(1), last_turn_ <= engine::Sleeper::few,
                   [this] { return begun_.empty() && !closing_; });
  }
}

// Reads go first: they are short, and the engine decides on their answers while the commits wait for the disk.
void SqliteStore::Worker::take_turn(Operation* begun) {
  Chain reading;
  Chain writing;
  last_turn_ = 0;
  while (begun) {
    ++last_turn_;
    auto* operation = std::exchange(begun, begun->next);
    (writes(*operation) ? writing : reading).add(operation);
  }
  if (reading.first) answer_reads(reading);
  if (writing.first) answer_writes(writing);
}

void SqliteStore::Worker::answer_reads(Chain chain) {
  for (auto* operation = chain.first; operation; operation = operation->next) {
    try {
      answer_read(*operation, *records_, *history_);
      ready_ = true;
    } catch (const sqlite::SqliteError& error) {
      operation->answer = explain(error, false);
    } catch (const wire::WireError& error) {
      operation->answer = damaged(error);
    }
  }
  completions_->completed(chain.first);
}

void SqliteStore::Worker::answer_writes(Chain chain) {
  bool committing = false;
  try {
    sqlite::run(*begin_);
    std::size_t number = 0;
    for (auto* operation = chain.first; operation; operation = operation->next, ++number) {
      try {
        answer_write(*operation, *records_, *history_);
      } catch (const wire::WireError& error) {
        // Its neighbours have nothing to do with it. A record is read before anything of its operation is written.
        operation->answer = damaged(error);
      }
    }
    heads_->settle(number);
    committing = true;
    sqlite::run(*commit_);
    heads_->committed();
    ready_ = true;
    correct_stamps(chain);
  } catch (const sqlite::SqliteError& error) {
    answer_all(chain.first, explain(error, committing));
    roll_back();
  }
  completions_->completed(chain.first);
}

// Its faults are none of the commit's, which is durable. (With no room for it a restart may take a row for older
// than it is, by what that commit took: a disk that was slow, then full, and a restart before the next renewal.)
void SqliteStore::Worker::correct_stamps(Chain chain) {
  try {
    while (const auto stamp = stamps_->outdated()) {
      sqlite::run(*begin_);
      for (auto* operation = chain.first; operation; operation = operation->next) {
        if (!std::holds_alternative<engine::Committed>(operation->answer)) continue;
        records_->stamp_again(std::get<engine::Commit>(operation->question), *stamp);
      }
      sqlite::run(*commit_);
    }
  } catch (const sqlite::SqliteError& error) {
    explain(error, true);
    roll_back();
  }
}

// The last frame of a commit is the one that makes it one. A write that was refused came before its end, so
// nothing was committed; whatever else fails in COMMIT may have come after.
Failed SqliteStore::Worker::explain(const sqlite::SqliteError& error, bool committing) {
  const std::string what = options_.path + ": " + error.what();
  if (error.fsync_failed()) die("fsync failed, so nothing in the page cache can be trusted: " + what);
  if (error.damage()) die("the database is damaged: " + what);
  if (error.no_room()) return {Failed::Kind::no_room, what};
  if (committing && !error.write_failed()) die("a commit ended in an unknown state: " + what);
  ready_ = false;
  return {Failed::Kind::unavailable, what};
}

void SqliteStore::Worker::roll_back() {
  try {
    if (database_->in_transaction()) database_->execute("ROLLBACK");
    heads_->rolled_back();
    records_->rolled_back();
  } catch (const sqlite::SqliteError& error) {
    die("a rollback failed: " + options_.path + ": " + error.what());
  }
}

// Nothing is lost without it; the next start is quicker, and the table is what people look at with other tools.
void SqliteStore::Worker::settle_heads() {
  if (heads_->recent().empty()) return;
  sqlite::run(*begin_);
  heads_->settle_all();
  sqlite::run(*commit_);
}

// After the answers have left: nobody waits for it but the next batch. No room for it is fine, the WAL keeps
// what it has; SQLite tries again after the next commit.
void SqliteStore::Worker::checkpoint_if_due() {
  if (database_->wal_frames() < checkpoint_frames) return;
  try {
    database_->checkpoint();
  } catch (const sqlite::SqliteError& error) {
    if (!error.no_room()) explain(error, false);
  }
}

void SqliteStore::Worker::die(const std::string& why) {
  options_.fatal(why);
  std::abort();
}

}  // namespace lockkeeper::stores
