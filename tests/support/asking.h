// Asks a store and waits for the answers.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/store.h"

namespace lockkeeper::support {

using Question = decltype(engine::Operation::question);
using Answer = decltype(engine::Operation::answer);

class Asking final : public engine::Completions {
 public:
  explicit Asking(engine::Store& store) : store_(store) { store_.open(*this); }
  ~Asking() { store_.close(); }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

  std::vector<Answer> operator()(std::vector<Question> questions) {
    std::vector<engine::Operation> operations(questions.size());
    for (std::size_t i = 0; i < questions.size(); ++i) {
      operations[i].question = std::move(questions[i]);
      operations[i].next = i + 1 < questions.size() ? &operations[i + 1] : nullptr;
    }
    store_.begin(operations.data());
    wait_for(operations.size());
    std::vector<Answer> answers;
    for (auto& operation : operations) answers.push_back(std::move(operation.answer));
    return answers;
  }

  Answer operator()(Question question) {
    std::vector<Question> questions;
    questions.push_back(std::move(question));
    return std::move((*this)(std::move(questions)).front());
  }

 private:
  void completed(engine::Operation* chain) noexcept override {
    const std::lock_guard lock(mutex_);
    for (; chain; chain = chain->next) ++answered_;
    arrived_.notify_one();
  }

  void wait_for(std::size_t number) {
    std::unique_lock lock(mutex_);
    const bool all = arrived_.wait_for(lock, std::chrono::minutes(1), [&] { return answered_ >= number; });
    if (!all) std::terminate();  // the store still owns the operations
    answered_ -= number;
  }

  engine::Store& store_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::size_t answered_ = 0;
};

}  // namespace lockkeeper::support
