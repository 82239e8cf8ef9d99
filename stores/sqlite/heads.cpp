#include "stores/sqlite/heads.h"

#include <algorithm>
#include <utility>

namespace lockkeeper::stores::sqlite {

Heads::Heads(Database& database, std::size_t redo_entries)
    : ring_(static_cast<std::int64_t>(redo_entries)),
      current_(database, "SELECT version, newest, has_rows FROM locks WHERE name = ?"),
      select_(database, "SELECT version, newest, changed, held, has_rows, body FROM locks WHERE name = ?"),
      replace_(
          database,
          "REPLACE INTO locks(name, version, newest, changed, held, has_rows, body) VALUES(?, ?, ?, ?, ?, ?, ?)"),
      delete_(database, "DELETE FROM locks WHERE name = ?"),
      append_(database,
              "REPLACE INTO redo(slot, seq, lock, version, newest, changed, held, has_rows, body) "
              "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      redo_(database, "SELECT lock, version, newest, changed, held, has_rows, body FROM redo WHERE seq > ?"),
      note_settled_(database, "REPLACE INTO meta(key, value) VALUES('settled', ?)") {
  progress_.settled = integer(database, "SELECT value FROM meta WHERE key = 'settled'");
  progress_.last = std::max(integer(database, "SELECT max(seq) FROM redo"), progress_.settled);
  committed_ = progress_;
  redo();
}

// Versions never go back, so the order of the ring does not matter.
void Heads::redo() {
  Execution row(redo_, progress_.settled);
  while (row.next()) {
    const auto version = static_cast<locks::Version>(row.integer(1));
    const auto known = current(row.bytes(0));
    if (known && known->version >= version) continue;
    recent_[std::string(row.bytes(0))] = {version,
                                          row.integer(2),
                                          row.integer(3),
                                          row.integer(4) != 0,
                                          row.integer(5) != 0,
                                          std::string(row.bytes(6))};
  }
}

std::optional<Heads::Current> Heads::current(std::string_view lock) {
  if (const auto found = recent_.find(lock); found != recent_.end()) {
    return Current{found->second.version, found->second.newest, found->second.has_rows};
  }
  Execution row(current_, lock);
  if (!row.next()) return std::nullopt;
  return Current{static_cast<locks::Version>(row.integer(0)), row.integer(1), row.integer(2) != 0};
}

std::optional<StoredHead> Heads::read(std::string_view lock) {
  if (const auto found = recent_.find(lock); found != recent_.end()) return found->second;
  Execution row(select_, lock);
  if (!row.next()) return std::nullopt;
  return StoredHead{static_cast<locks::Version>(row.integer(0)),
                    row.integer(1),
                    row.integer(2),
                    row.integer(3) != 0,
                    row.integer(4) != 0,
                    std::string(row.bytes(5))};
}

void Heads::put(const std::string& lock, StoredHead head) {
  if (progress_.last - progress_.settled + 1 >= ring_) settle_all();
  const auto seq = ++progress_.last;
  run(append_, seq % ring_, seq, lock, head.version, head.newest, head.changed, head.held, head.has_rows,
      Blob{head.body});
  const auto [entry, is_new] = recent_.try_emplace(lock);
  undo_.push_back({lock, is_new ? std::nullopt : std::optional(std::move(entry->second))});
  entry->second = std::move(head);
}

// The ring must not bring it back.
void Heads::erase(const std::string& lock) {
  settle_all();
  run(delete_, lock);
}

// A sweep begins when the ring is half full, and writes two heads for every new one, so that it is through in
// time. The longer it waits, the more heads share a page of the table when it comes by.
void Heads::settle(std::size_t commits) {
  if (progress_.sweep == 0) {
    if (progress_.last - progress_.settled < ring_ / 2) return;
    progress_.sweep = progress_.last;
    progress_.swept.clear();
  }
  auto entry = recent_.lower_bound(progress_.swept);
  for (auto left = 2 * commits; left > 0 && entry != recent_.end(); --left) {
    progress_.swept = entry->first;
    settle_one(entry++);
  }
  if (entry == recent_.end()) end_sweep();
}

void Heads::settle_all() {
  if (progress_.settled == progress_.last) return;
  while (!recent_.empty()) settle_one(recent_.begin());
  progress_.sweep = progress_.last;
  end_sweep();
}

void Heads::settle_one(Recent::iterator entry) {
  const auto& head = entry->second;
  run(replace_, entry->first, head.version, head.newest, head.changed, head.held, head.has_rows, Blob{head.body});
  auto node = recent_.extract(entry);
  undo_.push_back({std::move(node.key()), std::move(node.mapped())});
}

// What changed since the sweep began may still be here, or in the table already: the ring has it in any case.
void Heads::end_sweep() {
  progress_.settled = progress_.sweep;
  progress_.sweep = 0;
  run(note_settled_, progress_.settled);
}

void Heads::committed() {
  undo_.clear();
  committed_ = progress_;
}

void Heads::rolled_back() {
  for (; !undo_.empty(); undo_.pop_back()) {
    auto& [lock, before] = undo_.back();
    if (before) {
      recent_.insert_or_assign(std::move(lock), std::move(*before));
    } else {
      recent_.erase(lock);
    }
  }
  progress_ = committed_;
}

HeadsFrom::HeadsFrom(Statement& table, const Heads::Recent& recent, const std::string& from)
    : row_(table, from), at_(recent.lower_bound(from)), end_(recent.end()), row_there_(row_.next()) {}

bool HeadsFrom::next() {
  if (started_) {
    const bool both = recent_now_ && row_there_ && row_.bytes(0) == at_->first;
    if (!recent_now_ || both) row_there_ = row_.next();
    if (recent_now_) ++at_;
  }
  started_ = true;
  recent_now_ = at_ != end_ && (!row_there_ || at_->first <= row_.bytes(0));
  return recent_now_ || row_there_;
}

locks::Version HeadsFrom::version() const {
  return recent_now_ ? at_->second.version : static_cast<locks::Version>(row_.integer(1));
}

}  // namespace lockkeeper::stores::sqlite
