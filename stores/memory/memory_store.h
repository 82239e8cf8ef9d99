// The model the other stores are tested against: a map, complete and obvious, with hooks for faults.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/store.h"
#include "stores/boot_clock.h"

namespace lockkeeper::stores {

class MemoryStore final : public engine::Store {
 public:
  // Operations complete inside begin() unless `hold` is set: then each waits for release_held().
  MemoryStore();

  void open(engine::Completions& completions) override;
  void begin(engine::Operation* chain) override;
  void close() override;
  bool exclusive() const override;
  bool ready() const override;

  // For tests. Same thread as begin().
  void hold(bool on);
  std::size_t held() const;
  void release_held(std::size_t number = SIZE_MAX);  // completes the oldest ones
  // Asked before each operation is carried out; an answer given here is returned instead.
  std::function<std::optional<engine::Failed>(const engine::Operation&)> fault;
  // Rows that are put while it is set tell their age; outlives the store.
  const BootClock* boot_clock = nullptr;

 private:
  struct Stamp {
    std::string boot;
    std::chrono::nanoseconds written{0};
    std::chrono::nanoseconds made{0};
  };
  using Stamps = std::map<locks::RowId, Stamp>;

  void stamp(Stamps& stamps, const std::vector<locks::RowOperation>& rows) const;
  std::vector<engine::Age> ages(const std::string& lock) const;
  void carry_out(engine::Operation& operation);
  decltype(engine::Operation::answer) answer(engine::Commit& commit);
  decltype(engine::Operation::answer) answer(const engine::Read& read);
  decltype(engine::Operation::answer) answer(const engine::Scan& scan);
  decltype(engine::Operation::answer) answer(const engine::ReadHistory& read);
  decltype(engine::Operation::answer) answer(const engine::Prune& prune);
  decltype(engine::Operation::answer) answer(const engine::FindFree& find);
  decltype(engine::Operation::answer) answer(const engine::TrimHistory& trim);

  engine::Completions* completions_ = nullptr;
  std::map<std::string, locks::Record> records_;
  std::map<std::string, std::deque<locks::Event>> history_;  // outlives the lock; oldest first
  std::map<std::string, Stamps> stamps_;                     // of each lock's rows
  std::string trimmed_to_;                                   // where the next slice begins
  locks::Version floor_ = 0;
  bool hold_ = false;
  std::deque<engine::Operation*> held_;
};

}  // namespace lockkeeper::stores
