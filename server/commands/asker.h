// A store asked by a thread that waits for the answers: for commands, which have nothing else to do meanwhile.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/store.h"

namespace lockkeeper::server {

class Asker final : public engine::Completions {
 public:
  using Question = decltype(engine::Operation::question);
  using Answer = decltype(engine::Operation::answer);

  // Opens the store, and closes it at the end. `called` begins what is said of its faults; whatever it answers with
  // Failed is asked again for so long as `patience`. Throws StoreError.
  Asker(engine::Store& store, std::string called, std::chrono::milliseconds patience = std::chrono::seconds(30));
  ~Asker();

  // All at once, and never two of them about one lock unless they only read; answers in the order asked, none of
  // which is Failed. A commit that conflicts with itself, since an answer to it was lost, is Committed. Throws
  // StoreError.
  std::vector<Answer> ask_all(std::vector<Question> questions);

  Answer ask_one(Question question) {
    std::vector<Question> one;
    one.push_back(std::move(question));
    return std::move(ask_all(std::move(one)).front());
  }

  template <class Expected>
  Expected ask(Question question) {
    return std::get<Expected>(ask_one(std::move(question)));
  }

 private:
  void completed(engine::Operation* chain) noexcept override;
  void run(engine::Operation* chain, std::size_t number);

  engine::Store& store_;
  const std::string called_;
  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::size_t number_ = 0;
};

}  // namespace lockkeeper::server
