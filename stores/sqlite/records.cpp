#include "stores/sqlite/records.h"

#include <algorithm>
#include <utility>

#include "wire/record_json.h"

namespace lockkeeper::stores::sqlite {

namespace {

// How many locks one question looks at when few of them are what it asks for, so that no scan holds up commits
// for long: about 10 ms.
constexpr std::size_t slice_size = 16'384;

locks::Version read_floor(Database& database) {
  return static_cast<locks::Version>(integer(database, "SELECT value FROM meta WHERE key = 'floor'"));
}

}  // namespace

Records::Records(Database& database, Heads& heads, History& history)
    : database_(database),
      heads_(heads),
      history_(history),
      select_rows_(database, "SELECT kind, body FROM rows WHERE lock = ?"),
      any_row_(database, "SELECT 1 FROM rows WHERE lock = ? LIMIT 1"),
      replace_row_(database, "REPLACE INTO rows(lock, kind, id, body) VALUES(?, ?, ?, ?)"),
      delete_row_(database, "DELETE FROM rows WHERE lock = ? AND kind = ? AND id = ?"),
      delete_rows_(database, "DELETE FROM rows WHERE lock = ?"),
      from_(database, HeadsFrom::sql),
      slice_(database, "SELECT name, held, changed FROM locks WHERE name > ? ORDER BY name LIMIT ?"),
      raise_floor_(database, "REPLACE INTO meta(key, value) VALUES('floor', ?)"),
      floor_(read_floor(database)) {}

void Records::rolled_back() {
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
    answer.locks.push_back({std::string(name), assemble(name, head.version(), head.has_rows(), head.body())});
  }
  return answer;
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
    rows = has_rows(lock);
  }
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
  for (const auto& operation : operations) {
    if (const auto* gone = std::get_if<locks::RowId>(&operation)) {
      run(delete_row_, lock, static_cast<int>(gone->kind), gone->id);
    } else {
      const auto& row = std::get<locks::Row>(operation);
      const auto id = locks::id(row);
      wire::encode(row, text_);
      run(replace_row_, lock, static_cast<int>(id.kind), id.id, Blob{text_});
    }
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
  heads_.erase(question.lock);
  return {.done = true};
}

}  // namespace lockkeeper::stores::sqlite
