#include "server/commands/asker.h"

#include <thread>
#include <utility>
#include <variant>

#include "engine/store_error.h"

namespace lockkeeper::server {
namespace {

using engine::Operation;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds between_tries{250};

// Its own change is there already: it was carried out, and the answer was lost.
bool met_itself(const Operation& operation) {
  const auto* commit = std::get_if<engine::Commit>(&operation.question);
  const auto* conflict = std::get_if<engine::Conflict>(&operation.answer);
  return commit != nullptr && conflict != nullptr && conflict->record &&
         conflict->record->head.version == commit->change.head.version;
}

}  // namespace

Asker::Asker(engine::Store& store, std::string called, std::chrono::milliseconds patience)
    : store_(store), called_(std::move(called)), patience_(patience) {
  store_.open(*this);
}

Asker::~Asker() {
  store_.close();
}

std::vector<Asker::Answer> Asker::ask_all(std::vector<Question> questions) {
  std::vector<Operation> operations(questions.size());
  for (std::size_t i = 0; i < questions.size(); ++i) operations[i].question = std::move(questions[i]);
  std::vector<char> lost(operations.size(), 0);  // whether an answer to it may have been
  const auto end = steady_clock::now() + patience_;
  for (;;) {
    Operation* chain = nullptr;
    std::size_t number = 0;
    for (std::size_t i = operations.size(); i-- > 0;) {
      Operation& one = operations[i];
      const auto* failed = std::get_if<engine::Failed>(&one.answer);
      if (failed == nullptr && !std::holds_alternative<std::monostate>(one.answer)) continue;
      if (failed != nullptr && steady_clock::now() >= end) throw engine::StoreError(called_ + ": " + failed->why);
      if (failed != nullptr && failed->kind == engine::Failed::Kind::unknown) lost[i] = 1;
      one.answer = std::monostate();
      one.next = chain;
      chain = &one;
      ++number;
    }
    if (chain == nullptr) break;
    run(chain, number);
    bool failed = false;
    for (std::size_t i = 0; i < operations.size(); ++i) {
      if (lost[i] != 0 && met_itself(operations[i])) operations[i].answer = engine::Committed{};
      failed |= std::holds_alternative<engine::Failed>(operations[i].answer);
    }
    if (failed) std::this_thread::sleep_for(between_tries);
  }
  std::vector<Answer> answers;
  answers.reserve(operations.size());
  for (Operation& one : operations) answers.push_back(std::move(one.answer));
  return answers;
}

void Asker::run(Operation* chain, std::size_t number) {
  store_.begin(chain);
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [&] { return number_ == number; });
  number_ = 0;
}

void Asker::completed(Operation* chain) noexcept {
  std::size_t number = 0;
  for (; chain != nullptr; chain = chain->next) ++number;
  const std::lock_guard lock(mutex_);
  number_ += number;
  arrived_.notify_one();
}

}  // namespace lockkeeper::server
