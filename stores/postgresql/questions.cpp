#include "stores/postgresql/questions.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <variant>

#include "stores/postgresql/notes.h"
#include "stores/postgresql/slices.h"
#include "wire/record_json.h"

namespace lockkeeper::stores::postgresql {
namespace {

using engine::Commit;
using engine::Operation;
using engine::Prune;

template <class Question>
void sort_by_name(Batch& batch) {
  std::sort(batch.begin(), batch.end(), [](const Operation* a, const Operation* b) {
    return std::get<Question>(a->question).lock < std::get<Question>(b->question).lock;
  });
}

// Notes, and which payload each goes into.
class Notes {
 public:
  void add(std::string_view lock, locks::Version version) {
    const std::string text = note(lock, version);
    if (size_ + text.size() + 1 > longest_payload) size_ = 0, ++page_;
    size_ += text.size() + 1;
    notes_.add(text);
    pages_.add(page_);
  }
  void to(Parameters& parameters) const { parameters.add(notes_).add(pages_); }

 private:
  Bytes notes_;
  Integers pages_;
  std::size_t size_ = 0;
  std::uint64_t page_ = 0;
};

std::int64_t milliseconds(locks::WallTime time) {
  return std::int64_t{time.time_since_epoch().count()};
}

bool is_gate(const locks::RowOperation& operation) {
  const auto* row = std::get_if<locks::Row>(&operation);
  return row != nullptr && std::holds_alternative<locks::Gate>(*row);
}

std::uint64_t flags(const locks::Change& change) {
  const bool held = !change.head.key.empty() || std::any_of(change.rows.begin(), change.rows.end(), is_gate);
  return (held ? 1U : 0U) | (change.head.timed != 0 ? 2U : 0U) | (change.creates ? 4U : 0U);
}

// The columns of a batch of commits.
struct Columns {
  Bytes locks, heads, events, gone, put, puts;
  Integers expected, flags, versions, changed;
  Integers event_of, event_versions, event_at;
  Integers gone_of, gone_kinds, put_of, put_kinds;
  Notes notes;
  std::string text;

  void add(const Commit& commit, std::uint64_t number) {
    const locks::Change& change = commit.change;
    locks.add(commit.lock);
    expected.add(change.expected);
    flags.add(postgresql::flags(change));
    versions.add(change.head.version);
    changed.add(milliseconds(change.head.changed));
    wire::encode(change.head, text);
    heads.add(text);
    notes.add(commit.lock, change.head.version);
    for (const auto& event : change.events) {
      event_of.add(number);
      event_versions.add(event.version);
      event_at.add(milliseconds(event.at));
      wire::encode(event, text);
      events.add(text);
    }
    add_rows(change.rows, number);
  }

  // Of operations on one row the last wins; nullptr: taken away.
  void add_rows(const std::vector<locks::RowOperation>& operations, std::uint64_t number) {
    std::map<locks::RowId, const locks::Row*> rows;
    for (const auto& operation : operations) {
      if (const auto* row = std::get_if<locks::Row>(&operation)) {
        rows[locks::id(*row)] = row;
      } else {
        rows[std::get<locks::RowId>(operation)] = nullptr;
      }
    }
    for (const auto& [id, row] : rows) {
      (row != nullptr ? put_of : gone_of).add(number);
      (row != nullptr ? put_kinds : gone_kinds).add(std::uint64_t{static_cast<std::uint8_t>(id.kind)});
      (row != nullptr ? put : gone).add(id.id);
      if (row == nullptr) continue;
      wire::encode(*row, text);
      puts.add(text);
    }
  }
};

}  // namespace

Kind kind(const Operation& operation) {
  if (std::holds_alternative<Commit>(operation.question)) return Kind::commits;
  if (std::holds_alternative<engine::Read>(operation.question)) return Kind::reads;
  if (std::holds_alternative<Prune>(operation.question)) return Kind::prunes;
  return Kind::other;
}

Questions::Questions(const std::string& schema) : schema_(Connection::quoted(schema)) {}

Query Questions::query(Batch& batch) const {
  switch (kind(*batch.front())) {
    case Kind::commits:
      return commits(batch);
    case Kind::reads:
      return reads(batch);
    case Kind::prunes:
      return prunes(batch);
    case Kind::other:
      break;
  }
  return other(*batch.front());
}

Query Questions::commits(Batch& batch) const {
  sort_by_name<Commit>(batch);
  Columns all;
  std::uint64_t number = 0;
  for (const Operation* operation : batch) all.add(std::get<Commit>(operation->question), ++number);
  Query query{commit_sql(schema_), {}};
  Parameters& to = query.parameters;
  to.add(all.locks).add(all.expected).add(all.flags).add(all.versions).add(all.changed).add(all.heads);
  all.notes.to(to);
  to.add(all.event_of).add(all.event_versions).add(all.event_at).add(all.events);
  to.add(all.gone_of).add(all.gone_kinds).add(all.gone);
  to.add(all.put_of).add(all.put_kinds).add(all.put).add(all.puts);
  return query;
}

Query Questions::reads(const Batch& batch) const {
  Bytes locks;
  for (const Operation* operation : batch) locks.add(std::get<engine::Read>(operation->question).lock);
  Query query{read_sql(schema_), {}};
  query.parameters.add(locks);
  return query;
}

Query Questions::prunes(Batch& batch) const {
  sort_by_name<Prune>(batch);
  Bytes locks;
  Integers expected;
  Notes notes;
  for (const Operation* operation : batch) {
    const auto& question = std::get<Prune>(operation->question);
    locks.add(question.lock);
    expected.add(question.expected);
    notes.add(question.lock, 0);
  }
  Query query{"SELECT * FROM " + schema_ + ".prune_1($1,$2,$3,$4)", {}};
  query.parameters.add(locks).add(expected);
  notes.to(query.parameters);
  return query;
}

Query Questions::other(const Operation& operation) const {
  Query query;
  Parameters& to = query.parameters;
  if (const auto* scan = std::get_if<engine::Scan>(&operation.question)) {
    query.sql = "SELECT * FROM " + schema_ + ".scan_1($1,$2,$3,$4,$5=1,$6=1)";
    to.bytes(scan->after).bytes(scan->prefix).bytes(behind(scan->prefix)).integer(std::uint64_t{scan->limit});
    to.integer(std::uint64_t{scan->held_only}).integer(std::uint64_t{scan->timed_only});
  } else if (const auto* history = std::get_if<engine::ReadHistory>(&operation.question)) {
    query.sql = history_sql(schema_, history->newest_first);
    to.bytes(history->lock).integer(history->after).integer(std::uint64_t{history->limit});
  } else if (const auto* find = std::get_if<engine::FindFree>(&operation.question)) {
    query.sql = find_free_sql(schema_);
    to.bytes(free_after_).integer(milliseconds(find->before)).integer(std::uint64_t{find->limit});
  } else if (const auto* trim = std::get_if<engine::TrimHistory>(&operation.question)) {
    query.sql = trim_sql(schema_);
    to.bytes(trimmed_lock_).integer(trimmed_version_).integer(std::uint64_t{trim->limit});
    to.integer(milliseconds(trim->before)).integer(std::max<std::uint64_t>(trim->per_lock, 1));
  }
  return query;
}

}  // namespace lockkeeper::stores::postgresql
