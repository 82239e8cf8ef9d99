#include "stores/sqlite/records.h"

#include <algorithm>
#include <utility>

#include "wire/record_json.h"

namespace lockkeeper::stores::sqlite {

namespace {

// How many locks and rows one question looks at when few of them are what it asks for, so that no scan holds up
// commits for long: about 10 ms.
constexpr std::size_t slice_size = 16'384;

std::size_t rows_of(const locks::Record& record) {
  return record.claims.size() + record.waiters.size() + record.closed.size();
}

locks::Version read_floor(Database& database) {
  return static_cast<locks::Version>(integer(database, "SELECT value FROM meta WHERE key = 'floor'"));
}

}  // namespace

Records::Records(Database& database, Heads& heads, History& history, Stamps& stamps)
    : database_(database),
      heads_(heads),
      history_(history),
      stamps_(stamps),
      select_rows_(database, "SELECT kind, body FROM rows WHERE lock = ?"),
      any_row_(database, "SELECT 1 FROM rows WHERE lock = ? LIMIT 1"),
      put_row_(database,
               "INSERT INTO rows(lock, kind, id, body, boot, made, written) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?6) "
               "ON CONFLICT DO UPDATE SET body = excluded.body, boot = excluded.boot, written = excluded.written, "
               "made = CASE WHEN boot = excluded.boot AND made < excluded.made THEN made ELSE excluded.made END"),
      // A row that was made by the same put was made no earlier than it was written.
      stamp_row_(database,
                 "UPDATE rows SET written = ?4, made = CASE made WHEN written THEN ?4 ELSE made END "
                 "WHERE lock = ?1 AND kind = ?2 AND id = ?3"),
      delete_row_(database, "DELETE FROM rows WHERE lock = ? AND kind = ? AND id = ?"),
      delete_rows_(database, "DELETE FROM rows WHERE lock = ?"),
      select_stamps_(database, "SELECT id, boot, made, written FROM rows WHERE lock = ? AND kind = ?"),
      note_timed_(database, "INSERT OR IGNORE INTO timed(lock) VALUES(?)"),
      forget_timed_(database, "DELETE FROM timed WHERE lock = ?"),
      timed_from_(database, "SELECT lock FROM timed WHERE lock >= ? ORDER BY lock"),
      from_(database, HeadsFrom::sql),
      slice_(database, "SELECT name, held, changed FROM locks WHERE name > ? ORDER BY name LIMIT ?"),
      raise_floor_(database, "REPLACE INTO meta(key, value) VALUES('floor', ?)"),
      floor_(read_floor(database)) {}

void Records::rolled_back() {
  stamps_.rolled_back();
  floor_ = read_floor(database_);
}

engine::Found Records::read(const engine::Read& question) {
  return {record(question.lock), floor_};
}

std::optional<locks::Record> Records::record(const std::string& lock) {
  const auto head = heads_.read(lock);
  if (!head) return std::nullopt;
  return assemble(lock, head->version, head->has_rows, head->body);
}

locks::Record Records::assemble(std::string_view lock, locks::Version version, bool has_rows,
                                std::string_view body) {
  try {
    return decode(lock, version, has_rows, body);
  } catch (const wire::WireError& error) {
    throw wire::WireError("the record of lock '" + std::string(lock) + "' is damaged: " + error.what());
  }
}

locks::Record Records::decode(std::string_view lock, locks::Version version, bool has_rows, std::string_view body) {
  locks::Record record;
  record.head = wire::decode_head(body);
  record.head.version = version;
  if (!has_rows) return record;
  Execution row(select_rows_, lock);
  while (row.next()) {
    const auto kind = static_cast<locks::RowKind>(row.integer(0));
    wire::insert(record, wire::decode_row(kind, row.bytes(1)));
  }
  return record;
}

engine::Scanned Records::scan(const engine::Scan& question) {
  return question.timed_only ? scan_timed(question) : scan_heads(question);
}

engine::Scanned Records::scan_heads(const engine::Scan& question) {
  engine::Scanned answer;
  // Everything with the prefix sorts from the prefix on, in one piece.
  HeadsFrom head(from_, heads_.recent(), std::max(question.after, question.prefix));
  for (std::size_t looked_at = 0; head.next(); ++looked_at) {
    const auto name = head.name();
    if (!name.starts_with(question.prefix)) break;
    if (name == question.after && !name.empty()) continue;
    // A short answer with `more` is fine, an empty one is not: it has no name to go on from.
    const bool tired = looked_at >= slice_size && !answer.locks.empty();
    if (!tired && question.held_only && !head.held()) continue;
    if (tired || answer.locks.size() >= question.limit) {
      answer.more = true;
      break;
    }
    answer.locks.push_back({std::string(name), assemble(name, head.version(), head.has_rows(), head.body()), {}});
    looked_at += rows_of(answer.locks.back().record);
  }
  return answer;
}

engine::Scanned Records::scan_timed(const engine::Scan& question) {
  engine::Scanned answer;
  Execution row(timed_from_, std::max(question.after, question.prefix));
  for (std::size_t looked_at = 0; row.next(); ++looked_at) {
    const std::string name(row.bytes(0));
    if (!name.starts_with(question.prefix)) break;
    if (name == question.after && !name.empty()) continue;
    if (answer.locks.size() >= question.limit || (looked_at >= slice_size && !answer.locks.empty())) {
      answer.more = true;
      break;
    }
    auto found = record(name);
    if (!found || found->head.timed == 0 || (question.held_only && !locks::held(*found))) continue;
    looked_at += rows_of(*found);
    answer.locks.push_back({name, std::move(*found), ages(name)});
  }
  return answer;
}

// Of its claims. Those whose age is not known are left out.
std::vector<engine::Age> Records::ages(const std::string& lock) {
  std::vector<engine::Age> all;
  Execution row(select_stamps_, lock, static_cast<int>(locks::RowKind::claim));
  while (row.next()) {
    const auto made = stamps_.age({row.integer(1), row.integer(2)});
    const auto written = stamps_.age({row.integer(1), row.integer(3)});
    if (!made || !written) continue;
    all.push_back({{locks::RowKind::claim, std::string(row.bytes(0))}, *written, *made});
  }
  return all;
}

engine::FreeFound Records::find_free(const engine::FindFree& question) {
  engine::FreeFound answer;
  const auto before = std::int64_t{question.before.time_since_epoch().count()};
  for (const auto& [name, head] : heads_.recent()) {
    if (answer.locks.size() >= question.limit) return answer;
    if (!head.held && head.changed < before) answer.locks.push_back(name);
  }
  const auto started_at = examined_;
  std::size_t left = slice_size;
  bool wrapped = started_at.empty();
  while (left > 0 && answer.locks.size() < question.limit) {
    std::size_t seen = 0;
    {
      const auto from = examined_;
      Execution row(slice_, from, std::uint64_t{left});
      for (; answer.locks.size() < question.limit && row.next(); ++seen) {
        examined_ = row.bytes(0);
        if (wrapped && !started_at.empty() && examined_ > started_at) return answer;  // all the way round
        if (row.integer(1) != 0 || row.integer(2) >= before) continue;
        if (!heads_.recent().contains(examined_)) answer.locks.push_back(examined_);
      }
    }
    if (answer.locks.size() >= question.limit || seen == left) break;
    examined_.clear();  // the end: from the start the next time
    if (wrapped) break;
    wrapped = true;
    left -= seen;
  }
  return answer;
}

std::variant<engine::Committed, engine::Conflict> Records::commit(const engine::Commit& question) {
  const auto& [lock, change] = question;
  const auto now = heads_.current(lock);
  if (now.has_value() == change.creates) return engine::Conflict{record(lock), floor_};
  if (change.expected != (now ? now->version : floor_)) return engine::Conflict{record(lock), floor_};

  bool rows = now && now->has_rows;
  if (!change.rows.empty()) {
    write_rows(lock, change.rows);
    // What can lapse is a row: a lock without any was not in the table of timed ones, or is not there any more.
    if (rows && change.head.timed == 0) run(forget_timed_, lock);
    rows = std::holds_alternative<locks::Row>(change.rows.back()) || has_rows(lock);
  }
  if (change.head.timed != 0) run(note_timed_, lock);
  const auto newest = history_.append(lock, now ? now->newest : history_.take_up(lock), change.events);
  StoredHead head{.version = change.head.version,
                  .newest = newest,
                  .changed = std::int64_t{change.head.changed.time_since_epoch().count()},
                  .held = !change.head.key.empty(),
                  .has_rows = rows};
  wire::encode(change.head, head.body);
  heads_.put(lock, std::move(head));
  return engine::Committed{};
}

void Records::write_rows(const std::string& lock, const std::vector<locks::RowOperation>& operations) {
  const auto stamp = stamps_.stamp();
  for (const auto& operation : operations) {
    if (const auto* gone = std::get_if<locks::RowId>(&operation)) {
      run(delete_row_, lock, static_cast<int>(gone->kind), gone->id);
    } else {
      const auto& row = std::get<locks::Row>(operation);
      const auto id = locks::id(row);
      wire::encode(row, text_);
      run(put_row_, lock, static_cast<int>(id.kind), id.id, Blob{text_}, stamp.boot, stamp.at);
    }
  }
}

void Records::stamp_again(const engine::Commit& committed, Stamp stamp) {
  for (const auto& operation : committed.change.rows) {
    const auto* row = std::get_if<locks::Row>(&operation);
    if (!row) continue;
    const auto id = locks::id(*row);
    run(stamp_row_, committed.lock, static_cast<int>(id.kind), id.id, stamp.at);
  }
}

bool Records::has_rows(const std::string& lock) {
  Execution row(any_row_, lock);
  return row.next();
}

engine::Pruned Records::prune(const engine::Prune& question) {
  const auto now = record(question.lock);
  if (!now || now->head.version != question.expected || locks::held(*now) || !now->waiters.empty()) return {};
  if (question.expected > floor_) {
    run(raise_floor_, question.expected);
    floor_ = question.expected;
  }
  history_.prune(question.lock, question.expected, heads_.current(question.lock)->newest);
  run(delete_rows_, question.lock);
  run(forget_timed_, question.lock);
  heads_.erase(question.lock);
  return {.done = true};
}

}  // namespace lockkeeper::stores::sqlite
