#include "server/commands/copy.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "locks/gate.h"
#include "server/commands/pieces.h"
#include "server/commands/walk.h"
#include "wire/native_json.h"

namespace lockkeeper::server {
namespace {

using engine::StoreError;

constexpr std::size_t events_a_page = 500;

std::string quoted(const std::string& name) {
  std::string text;
  wire::write_text(name, text);
  return text;
}

class Copier {
 public:
  Copier(Asker& from, Asker& to, const std::function<void(const Copied&)>& progress)
      : from_(from), to_(to), progress_(progress) {}

  Copied run() {
    look();
    try {
      put_mark();
      bring();
      compare();
      take_mark();
    } catch (const std::exception& error) {
      throw UnfinishedCopy(error.what());
    }
    return copied_;
  }

 private:
  engine::Found find_mark(Asker& store) { return store.ask<engine::Found>(engine::Read{copy_mark}); }

  void look() {
    const engine::Found there = find_mark(to_);
    if (there.record) throw StoreError("TO has what is left of a copy that did not come to its end");
    if (there.floor != 0 || Walk(to_, 1).next()) throw StoreError("TO is not empty: it has, or has had, locks");
    const engine::Found here = find_mark(from_);
    if (here.record) throw StoreError("FROM is itself a copy that did not come to its end");
    copied_.floor = here.floor;
    if (here.floor == 0 && !Walk(from_, 1).next()) throw StoreError("FROM has no locks, and never had any");
  }

  // It carries the floor: raising that is what forgetting a lock of such a version does.
  void put_mark() {
    engine::Commit commit{copy_mark, {}};
    commit.change.creates = true;
    commit.change.head.version = std::max<locks::Version>(copied_.floor, 1);
    commit.change.head.changed = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const auto answer = to_.ask_one(std::move(commit));
    if (!std::holds_alternative<engine::Committed>(answer)) throw StoreError("somebody else writes to TO");
  }

  void take_mark() {
    const auto version = find_mark(to_).record.value().head.version;
    // Asked again after a lost answer, it has been forgotten already.
    to_.ask<engine::Pruned>(engine::Prune{copy_mark, version});
    const engine::Found left = find_mark(to_);
    if (left.record || left.floor < copied_.floor) throw StoreError("somebody else writes to TO");
    copied_.floor = left.floor;
  }

  void bring() {
    Walk walk(from_);
    for (auto slice = walk.slice(); !slice.empty(); slice = walk.slice()) {
      auto histories = read_histories(slice);
      std::vector<std::vector<engine::Commit>> all;
      for (std::size_t i = 0; i < slice.size(); ++i) {
        copied_.events += histories[i].size();
        ++(locks::is_gate(slice[i].lock) ? copied_.gates : copied_.locks);
        all.push_back(pieces(slice[i], std::move(histories[i])));
      }
      write(std::move(all));
      progress_(copied_);
    }
  }

  std::vector<std::vector<locks::Event>> read_histories(const std::vector<engine::NamedRecord>& slice) {
    std::vector<std::vector<locks::Event>> histories(slice.size());
    std::vector<std::size_t> unread(slice.size());
    for (std::size_t i = 0; i < slice.size(); ++i) unread[i] = i;
    while (!unread.empty()) {
      std::vector<Asker::Question> questions;
      for (const std::size_t i : unread) {
        const locks::Version after = histories[i].empty() ? 0 : histories[i].back().version;
        questions.emplace_back(engine::ReadHistory{slice[i].lock, after, events_a_page});
      }
      auto answers = from_.ask_all(std::move(questions));
      std::vector<std::size_t> left;
      for (std::size_t n = 0; n < unread.size(); ++n) {
        auto& page = std::get<engine::HistoryRead>(answers[n]);
        auto& history = histories[unread[n]];
        std::move(page.events.begin(), page.events.end(), std::back_inserter(history));
        if (page.more && !page.events.empty()) left.push_back(unread[n]);
      }
      unread = std::move(left);
    }
    return histories;
  }

  // The first pieces of all locks at once, then their second ones...
  void write(std::vector<std::vector<engine::Commit>> all) {
    for (std::size_t round = 0;; ++round) {
      std::vector<Asker::Question> questions;
      for (auto& lock : all) {
        if (round < lock.size()) questions.emplace_back(std::move(lock[round]));
      }
      if (questions.empty()) return;
      for (const auto& answer : to_.ask_all(std::move(questions))) {
        if (!std::holds_alternative<engine::Committed>(answer)) throw StoreError("somebody else writes to TO");
      }
    }
  }

  // FROM is read once more: what has changed since it was copied must not be lost in silence.
  void compare() {
    Walk here(from_);
    Walk there(to_);
    for (;;) {
      const auto one = here.next();
      auto other = there.next();
      if (other && other->lock == copy_mark) other = there.next();
      if (!one && !other) break;
      if (one && other && one->lock == other->lock && one->record == other->record) continue;
      const bool behind = one && (!other || one->lock <= other->lock);
      throw StoreError("the lock " + quoted(behind ? one->lock : other->lock) +
                       " has changed in FROM since it was copied: stop all servers over FROM");
    }
    if (find_mark(from_).floor != copied_.floor) {
      throw StoreError("FROM has forgotten a lock since the copy began: stop all servers over FROM");
    }
  }

  Asker& from_;
  Asker& to_;
  const std::function<void(const Copied&)>& progress_;
  Copied copied_;
};

}  // namespace

Copied copy(Asker& from, Asker& to, const std::function<void(const Copied&)>& progress) {
  return Copier(from, to, progress).run();
}

}  // namespace lockkeeper::server
