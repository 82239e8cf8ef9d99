#include "server/doors/lock_list.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "locks/gate.h"
#include "wire/native_json.h"

namespace lockkeeper::server {
namespace {

// Locks a slice: large enough that a scan's start does not matter, small enough to keep no thread for long.
constexpr std::size_t slice = 500;

}  // namespace

std::variant<std::string, ListQuestion> parse_list_query(std::string_view query) {
  ListQuestion question;
  // Whatever else an old client appends was ignored by the original, and still is.
  const auto view = parameter(query, "view");
  if (!view) return question;
  if (*view != "full") return "view is not full";
  question.full = true;
  question.prefix = parameter(query, "prefix").value_or("");
  question.after = parameter(query, "after").value_or("");
  const auto state = parameter(query, "state");
  if (state && *state != "held") return "state is not held";
  question.held_only = state.has_value();
  if (const auto limit = parameter(query, "limit")) {
    question.limit = whole_number(*limit);
    if (!question.limit || *question.limit == 0) return "limit is not a whole number of 1 or more";
  }
  return question;
}

engine::Scan ListText::next_scan() const {
  engine::Scan scan;
  scan.after = std::max(question_.after, std::string(locks::gates_end));  // gates are not locks
  scan.prefix = question_.prefix;
  scan.held_only = question_.held_only;
  scan.limit = question_.limit ? std::min<std::uint64_t>(slice, *question_.limit) : slice;
  return scan;
}

std::string ListText::add(const engine::Scanned& scanned) {
  std::string text;
  if (!std::exchange(begun_, true)) text += question_.full ? "{\"locks\":[" : "{";
  for (const engine::NamedRecord& lock : scanned.locks) {
    if (!std::exchange(empty_, false)) text += ',';
    if (question_.full) {
      wire::write_lock_member(lock.lock, lock.record, text);
    } else {
      wire::write_old_lock_member(lock.lock, lock.record, text);
    }
  }
  if (scanned.more) question_.after = engine::next_after(scanned);
  if (question_.limit) *question_.limit -= std::min<std::uint64_t>(*question_.limit, scanned.locks.size());
  done_ = !scanned.more || (question_.limit && *question_.limit == 0);
  if (done_) text += !question_.full ? "}\n" : scanned.more ? "],\"more\":true}\n" : "],\"more\":false}\n";
  return text;
}

void serve_list(FrontDesk& desk, http::Exchange& exchange, std::string_view query, std::string_view door,
                std::string user) {
  auto parsed = parse_list_query(query);
  if (const auto* fault = std::get_if<std::string>(&parsed)) return exchange.answer(error_reply(400, *fault));
  auto text = std::make_unique<ListText>(std::get<ListQuestion>(std::move(parsed)));
  serve_slices(desk, exchange, std::move(text), door, std::move(user));
}

}  // namespace lockkeeper::server
