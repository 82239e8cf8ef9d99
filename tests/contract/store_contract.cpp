#include "tests/contract/store_contract.h"

#include <chrono>
#include <ostream>
#include <utility>

namespace lockkeeper::contract {

void Inbox::completed(engine::Operation* chain) noexcept {
  std::size_t number = 0;
  for (; chain != nullptr; chain = chain->next) ++number;
  const std::lock_guard lock(mutex_);
  number_ += number;
  arrived_.notify_all();
}

bool Inbox::wait_for(std::size_t number) {
  std::unique_lock lock(mutex_);
  if (!arrived_.wait_for(lock, std::chrono::seconds(30), [&] { return number_ >= number; })) return false;
  number_ -= number;
  return true;
}

void StoreContract::SetUp() {
  place_ = GetParam()();
  store_ = &place_->store();
  store_->open(inbox_);
}

void StoreContract::TearDown() {
  if (store_ != nullptr) store_->close();
}

void StoreContract::reopen() {
  store_->close();
  store_ = &place_->store();
  store_->open(inbox_);
}

std::vector<Answer> StoreContract::ask_all(std::vector<Question> questions) {
  std::vector<engine::Operation> operations(questions.size());
  for (std::size_t i = 0; i < questions.size(); ++i) {
    operations[i].question = std::move(questions[i]);
    operations[i].next = i + 1 < questions.size() ? &operations[i + 1] : nullptr;
  }
  store_->begin(operations.data());
  if (!inbox_.wait_for(operations.size())) {
    // The store still owns the operations: nothing can go on.
    ADD_FAILURE() << "the store did not answer " << operations.size() << " operations";
    std::abort();
  }
  std::vector<Answer> answers;
  answers.reserve(operations.size());
  for (auto& operation : operations) answers.push_back(std::move(operation.answer));
  return answers;
}

Answer StoreContract::ask(Question question) {
  std::vector<Question> questions;
  questions.push_back(std::move(question));
  return std::move(ask_all(std::move(questions)).front());
}

engine::Found StoreContract::read(const std::string& lock) {
  return std::get<engine::Found>(ask(engine::Read{lock}));
}

engine::Scanned StoreContract::scan(engine::Scan question) {
  return std::get<engine::Scanned>(ask(std::move(question)));
}

engine::HistoryRead StoreContract::history(engine::ReadHistory question) {
  return std::get<engine::HistoryRead>(ask(std::move(question)));
}

void StoreContract::commit(const std::string& lock, const locks::Change& change) {
  const Answer answer = ask(engine::Commit{lock, change});
  ASSERT_TRUE(std::holds_alternative<engine::Committed>(answer)) << lock << " to " << change.head.version;
}

locks::Version StoreContract::floor() {
  return read("a lock that nobody made").floor;
}

locks::Record StoreContract::create(const std::string& lock, bool held) {
  const locks::Version from = floor();
  const locks::Change made = creation(from, head(from + 1, held, at(0)));
  commit(lock, made);
  locks::Record record = locks::absent(from);
  locks::apply(record, made);
  return record;
}

locks::Record StoreContract::advance(const std::string& lock, const locks::Record& record, bool held) {
  const locks::Version from = record.head.version;
  const locks::Change next = change(from, head(from + 1, held, record.head.changed + std::chrono::seconds(1)));
  commit(lock, next);
  locks::Record after = record;
  locks::apply(after, next);
  return after;
}

locks::WallTime at(long long seconds) {
  return locks::WallTime(std::chrono::sys_days(std::chrono::year(2026) / 3 / 1)) + std::chrono::seconds(seconds);
}

locks::Head head(locks::Version version, bool held, locks::WallTime changed) {
  locks::Head head;
  head.version = version;
  head.changed = changed;
  if (held) {
    head.key = "k";
    head.tallies = {{"ci", 1, version, version, changed}};
  }
  return head;
}

locks::Change change(locks::Version expected, locks::Head head, std::vector<locks::RowOperation> rows) {
  locks::Change change;
  change.expected = expected;
  change.rows = std::move(rows);
  for (locks::Version version = expected + 1; version <= head.version; ++version) {
    locks::Event event;
    event.version = version;
    event.at = head.changed;
    event.change = "change-" + std::to_string(version);
    event.what = head.key.empty() ? locks::What::released : locks::What::acquired;
    event.holder = "ci";
    change.events.push_back(std::move(event));
  }
  change.head = std::move(head);
  return change;
}

locks::Change creation(locks::Version floor, locks::Head head, std::vector<locks::RowOperation> rows) {
  locks::Change made = change(floor, std::move(head), std::move(rows));
  made.creates = true;
  return made;
}

std::vector<std::string> names(const engine::Scanned& scanned) {
  std::vector<std::string> names;
  for (const auto& each : scanned.locks) names.push_back(each.lock);
  return names;
}

std::vector<locks::Version> versions(const engine::HistoryRead& history) {
  std::vector<locks::Version> versions;
  for (const auto& event : history.events) versions.push_back(event.version);
  return versions;
}

}  // namespace lockkeeper::contract

namespace lockkeeper::locks {

std::ostream& operator<<(std::ostream& out, const Record& record) {
  const Head& head = record.head;
  out << "version " << head.version << " forgotten " << head.forgotten << " key '" << head.key << "' changed "
      << head.changed.time_since_epoch().count();
  for (const auto& tally : head.tallies) out << " tally " << tally.holder << " x" << tally.count;
  for (const auto& claim : record.claims) out << " claim '" << claim.name << "' #" << claim.token;
  for (const auto& waiter : record.waiters) out << " waiter '" << waiter.name << "' at " << waiter.place;
  for (const auto& closed : record.closed) out << " closed '" << closed.name << "' up to " << closed.up_to;
  return out;
}

}  // namespace lockkeeper::locks
