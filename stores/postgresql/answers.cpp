// What PostgreSQL gave back, as answers.
#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "stores/postgresql/questions.h"
#include "stores/postgresql/slices.h"
#include "wire/record_json.h"

namespace lockkeeper::stores::postgresql {
namespace {

using engine::Failed;
using engine::Operation;

// Of the columns from `version` on: version, body, kinds, bodies.
locks::Record record(const Result& result, int row, int version, std::string_view lock) {
  try {
    locks::Record record;
    record.head = wire::decode_head(result.bytes(row, version + 1));
    record.head.version = static_cast<locks::Version>(result.integer(row, version));
    const auto kinds = result.many_integers(row, version + 2);
    const auto bodies = result.many_bytes(row, version + 3);
    for (std::size_t i = 0; i < std::min(kinds.size(), bodies.size()); ++i) {
      wire::insert(record, wire::decode_row(static_cast<locks::RowKind>(kinds[i]), bodies[i]));
    }
    return record;
  } catch (const wire::WireError& error) {
    throw wire::WireError("lock '" + std::string(lock) + "' is damaged: " + error.what());
  }
}

Failed damaged(const wire::WireError& error) {
  return {Failed::Kind::unavailable, error.what()};
}

Operation& numbered(Batch& batch, std::int64_t number) {
  if (number < 1 || number > static_cast<std::int64_t>(batch.size())) {
    throw BadResult("PostgreSQL answered what it was not asked");
  }
  return *batch[static_cast<std::size_t>(number - 1)];
}

// Rows of read_1 and commit_1: number, floor, version, body, kinds, bodies.
template <class What>
void records_found(Batch& batch, const Result& result, const std::string& (*name)(const Operation&)) {
  for (int row = 0; row < result.rows(); ++row) {
    Operation& operation = numbered(batch, result.integer(row, 0));
    What found;
    found.floor = static_cast<locks::Version>(result.integer(row, 1));
    try {
      if (!result.null(row, 2)) found.record = record(result, row, 2, name(operation));
      operation.answer = std::move(found);
    } catch (const wire::WireError& error) {
      operation.answer = damaged(error);
    }
  }
}

engine::Scanned scanned(const Result& result) {
  engine::Scanned answer;
  for (int row = 0; row < result.rows(); ++row) {
    if (result.null(row, 0)) {
      answer.more = true;
      answer.up_to = std::string(result.bytes(row, 2));
      break;
    }
    const auto name = result.bytes(row, 0);
    answer.locks.push_back({std::string(name), record(result, row, 1, name), {}});
  }
  return answer;
}

engine::HistoryRead history(const Result& result, const engine::ReadHistory& question) {
  engine::HistoryRead answer;
  for (int row = 0; row < result.rows(); ++row) {
    if (!result.null(row, 0)) answer.oldest = static_cast<locks::Version>(result.integer(row, 0));
    if (result.null(row, 1)) continue;
    if (answer.events.size() == question.limit) {
      answer.more = true;
      break;
    }
    try {
      answer.events.push_back(wire::decode_event(result.bytes(row, 2)));
    } catch (const wire::WireError& error) {
      throw wire::WireError("the history of lock '" + question.lock + "' is damaged: " + error.what());
    }
    answer.events.back().version = static_cast<locks::Version>(result.integer(row, 1));
  }
  return answer;
}

}  // namespace

void Questions::answer(Batch& batch, const Result& result) {
  switch (kind(*batch.front())) {
    case Kind::commits:
      for (Operation* each : batch) each->answer = engine::Committed();
      records_found<engine::Conflict>(batch, result, [](const Operation& operation) -> const std::string& {
        return std::get<engine::Commit>(operation.question).lock;
      });
      return;
    case Kind::reads:
      records_found<engine::Found>(batch, result, [](const Operation& operation) -> const std::string& {
        return std::get<engine::Read>(operation.question).lock;
      });
      return;
    case Kind::prunes:
      for (Operation* each : batch) each->answer = engine::Pruned{false};
      for (int row = 0; row < result.rows(); ++row) {
        numbered(batch, result.integer(row, 0)).answer = engine::Pruned{true};
      }
      return;
    case Kind::other:
      break;
  }
  Operation& operation = *batch.front();
  try {
    if (std::holds_alternative<engine::Scan>(operation.question)) {
      operation.answer = scanned(result);
    } else if (const auto* read = std::get_if<engine::ReadHistory>(&operation.question)) {
      operation.answer = history(result, *read);
    } else if (const auto* find = std::get_if<engine::FindFree>(&operation.question)) {
      engine::FreeFound found;
      for (const auto name : result.many_bytes(0, 0)) found.locks.emplace_back(name);
      if (found.locks.size() >= find->limit && !found.locks.empty()) {
        free_after_ = found.locks.back();
      } else {
        free_after_ = result.integer(0, 1) < free_slice ? "" : std::string(result.bytes(0, 2));
      }
      operation.answer = std::move(found);
    } else if (const auto* trim = std::get_if<engine::TrimHistory>(&operation.question)) {
      const bool more = result.integer(0, 1) >= static_cast<std::int64_t>(trim->limit);
      operation.answer = engine::Trimmed{static_cast<std::size_t>(result.integer(0, 0)), more};
      trimmed_lock_ = more ? std::string(result.bytes(0, 2)) : "";
      trimmed_version_ = more ? static_cast<std::uint64_t>(result.integer(0, 3)) : 0;
    }
  } catch (const wire::WireError& error) {
    operation.answer = damaged(error);
  }
}

}  // namespace lockkeeper::stores::postgresql
