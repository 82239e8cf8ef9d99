#include "stores/dynamodb/dynamodb_store.h"

#include <exception>
#include <utility>
#include <variant>

#include "engine/store_error.h"
#include "http/client.h"
#include "stores/dynamodb/history.h"
#include "stores/dynamodb/layout.h"
#include "stores/dynamodb/open_table.h"
#include "stores/dynamodb/records.h"
#include "stores/dynamodb/scans.h"
#include "wire/record_json.h"

namespace lockkeeper::stores {

using dynamodb::DynamoClient;
using dynamodb::DynamoError;
using dynamodb::Session;
using engine::Failed;
using engine::Operation;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds between_probes(250);
constexpr milliseconds probe_takes_at_most(1000);

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;  // clang 16 does not find it by itself

void carry_out(Operation& operation, Session& session) {
  auto& answer = operation.answer;
  std::visit(Overloaded{[&](const engine::Commit& question) { answer = commit(session, question); },
                        [&](const engine::Read& question) { answer = read(session, question); },
                        [&](const engine::Scan& question) { answer = scan(session, question); },
                        [&](const engine::ReadHistory& question) { answer = read_history(session, question); },
                        [&](const engine::Prune& question) { answer = prune(session, question); },
                        [&](const engine::FindFree& question) { answer = find_free(session, question); },
                        [&](const engine::TrimHistory& question) { answer = trim_history(session, question); }},
             operation.question);
}

}  // namespace

DynamoStore::DynamoStore(dynamodb::DynamoSettings settings, Say warn, Say info)
    : settings_(std::move(settings)), warn_(std::move(warn)), info_(std::move(info)) {
  shared_.table = settings_.table;
  shared_.pause = settings_.round;
}

DynamoStore::~DynamoStore() {
  stop();
}

void DynamoStore::open(engine::Completions& completions) {
  completions_ = &completions;
  try {
    DynamoClient client(settings_.connection);
    dynamodb::open_table(client, settings_, info_);
  } catch (const http::HttpError& error) {
    throw engine::StoreError("dynamodb: " + std::string(error.what()));
  }
  for (std::size_t i = 0; i < settings_.connections; ++i) threads_.emplace_back([this] { work(); });
  threads_.emplace_back([this] { probe(); });
}

void DynamoStore::begin(Operation* chain) {
  const auto at = dynamodb::boot_time();
  const auto deadline = steady_clock::now() + settings_.timeout;
  {
    const std::scoped_lock guard(mutex_);
    while (chain) begun_.push_back({std::exchange(chain, std::exchange(chain->next, nullptr)), at, deadline});
  }
  changed_.notify_all();
}

void DynamoStore::close() {
  stop();
}

void DynamoStore::stop() {
  {
    const std::scoped_lock guard(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void DynamoStore::work() {
  DynamoClient client(settings_.connection);
  while (true) {
    std::unique_lock guard(mutex_);
    changed_.wait(guard, [this] { return closing_ || !begun_.empty(); });
    if (begun_.empty()) return;
    if (away_) {
      auto all = std::exchange(begun_, {});
      guard.unlock();
      answer_all(std::move(all));
      continue;
    }
    const Begun next = begun_.front();
    begun_.pop_front();
    guard.unlock();
    answer(client, next);
  }
}

void DynamoStore::answer_all(std::deque<Begun> begun) {
  const std::string why = why_away();
  Operation* chain = nullptr;
  for (auto one = begun.rbegin(); one != begun.rend(); ++one) {
    one->operation->answer = Failed{Failed::Kind::unavailable, why};
    one->operation->next = std::exchange(chain, one->operation);
  }
  completions_->completed(chain);
}

void DynamoStore::answer(DynamoClient& client, const Begun& begun) {
  const bool in_time = dynamodb::boot_time() - begun.at < settings_.timeout / 2;
  Session session{client, shared_, begun.at, begun.deadline};
  Operation& operation = *begun.operation;
  const auto* change = std::get_if<engine::Commit>(&operation.question);
  const std::string lock = change ? change->lock : "";
  bool committed = false;
  try {
    carry_out(operation, session);
    committed = std::holds_alternative<engine::Committed>(operation.answer);
  } catch (const DynamoError& error) {
    if (session.wrote) shared_.known.forget(lock);
    // What had waited for its turn until little time was left says nothing about the store.
    operation.answer = explain(error, session.wrote, in_time);
  } catch (const wire::WireError& error) {
    operation.answer = Failed{Failed::Kind::unavailable, error.what()};
  }
  completions_->completed(&operation);  // it is the engine's again
  if (committed) move_overhang(session, lock);
}

// Nobody waits for it. What fails is tried again after a later change, or done before one.
void DynamoStore::move_overhang(Session& session, const std::string& lock) {
  try {
    const auto events = overhang(session, lock);
    if (events.empty()) return;
    move_to_history(session.client, shared_.table, lock, events, steady_clock::now() + settings_.timeout);
    shared_.known.moved(lock, events.back().version);
  } catch (const DynamoError& error) {
    if (error.kind == DynamoError::Kind::unreachable) go_away(error.what());
  }
}

Failed DynamoStore::explain(const DynamoError& error, bool wrote, bool in_time) {
  using Kind = DynamoError::Kind;
  const bool open = error.kind == Kind::unanswered || error.kind == Kind::late || error.kind == Kind::failed;
  if (error.kind == Kind::unreachable || (error.kind == Kind::late && in_time)) go_away(error.what());
  return {open && wrote ? Failed::Kind::unknown : Failed::Kind::unavailable,
          "dynamodb: table " + settings_.table + ": " + error.what()};
}

void DynamoStore::go_away(const std::string& why) {
  {
    const std::scoped_lock guard(mutex_);
    if (away_) return;
    why_away_ = "dynamodb: table " + settings_.table + " is away: " + why;
    away_ = true;
  }
  changed_.notify_all();
  warn_(why_away());
}

std::string DynamoStore::why_away() {
  const std::scoped_lock guard(mutex_);
  return why_away_;
}

void DynamoStore::probe() {
  DynamoClient client(settings_.connection);
  std::unique_lock guard(mutex_);
  while (true) {
    changed_.wait(guard, [this] { return closing_ || away_; });
    if (closing_) return;
    guard.unlock();
    bool there = true;
    try {
      client.get(settings_.table, dynamodb::layout_key(), steady_clock::now() + probe_takes_at_most);
    } catch (const DynamoError& error) {
      using Kind = DynamoError::Kind;
      there = error.kind == Kind::throttled || error.kind == Kind::refused || error.kind == Kind::no_table;
    }
    guard.lock();
    if (there) {
      away_ = false;
      info_("dynamodb: table " + settings_.table + " answers again");
    } else {
      changed_.wait_for(guard, between_probes, [this] { return closing_; });
    }
  }
}

}  // namespace lockkeeper::stores
