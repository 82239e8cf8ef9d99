#include <algorithm>

#include "locks/duration.h"
#include "locks/limits.h"
#include "wire/json_in.h"
#include "wire/native_json.h"
#include "wire/record_json.h"
#include "wire/time_text.h"

namespace lockkeeper::wire {

namespace {

constexpr std::size_t longest_error = 500;  // bytes: enough for a sentence, too little for a proxy's whole page

locks::WallTime need_time(const JsonValue& object, const char* name) {
  const auto time = parse_time(need_text(object, name));
  if (!time) wrong(std::string(name) + " is not a time");
  return *time;
}

locks::WallTime time_or_epoch(const JsonValue& object, const char* name) {
  return find(object, name) == nullptr ? locks::WallTime() : need_time(object, name);
}

std::optional<std::chrono::milliseconds> duration(const JsonValue& row, const char* name) {
  if (find(row, name) == nullptr) return std::nullopt;
  const auto parsed = locks::parse_duration(need_text(row, name));
  if (const auto* found = std::get_if<std::chrono::milliseconds>(&parsed)) return *found;
  wrong(std::string(name) + " is not a duration");
}

locks::Metadata read_metadata(const JsonValue& row) {
  locks::Metadata metadata;
  const JsonValue* pairs = find(row, "metadata");
  if (pairs == nullptr) return metadata;
  for (const auto& [key, value] : object(*pairs, "metadata").GetObject()) {
    metadata.emplace_back(text_of(key, "metadata key"), text_of(value, "metadata value"));
  }
  return metadata;
}

// Every member of the array `name`, read by `read`; absent is empty.
template <class T>
std::vector<T> read_all(const JsonValue& parent, const char* name, T (*read)(const JsonValue&)) {
  std::vector<T> result;
  const JsonValue* values = find(parent, name);
  if (values == nullptr) return result;
  for (const JsonValue& value : array(*values, name).GetArray()) result.push_back(read(object(value, name)));
  return result;
}

HoldView read_hold(const JsonValue& row) {
  HoldView hold;
  hold.holder = need_text(row, "holder");
  hold.count = need_number(row, "count");
  hold.since = need_time(row, "since");
  hold.metadata = read_metadata(row);
  return hold;
}

ClaimView read_claim(const JsonValue& row) {
  ClaimView claim;
  claim.claim = text_or_empty(row, "claim");
  claim.holder = need_text(row, "holder");
  claim.count = number_or(row, "count", 1);
  claim.token = need_number(row, "token");
  claim.since = need_time(row, "since");
  claim.metadata = read_metadata(row);
  claim.by = text_or_empty(row, "by");
  claim.ttl = duration(row, "ttl");
  claim.max_hold = duration(row, "max_hold");
  claim.offered = duration(row, "offered");
  return claim;
}

WaiterView read_waiter(const JsonValue& row) {
  WaiterView waiter;
  waiter.claim = text_or_empty(row, "claim");
  waiter.holder = need_text(row, "holder");
  waiter.since = need_time(row, "since");
  waiter.place = need_number(row, "place");
  waiter.metadata = read_metadata(row);
  waiter.by = text_or_empty(row, "by");
  waiter.ttl = duration(row, "ttl");
  return waiter;
}

HoldView read_ahead(const JsonValue& row) {
  HoldView hold;
  hold.holder = need_text(row, "holder");
  hold.since = need_time(row, "since");
  return hold;
}

QueuedView read_queued(const JsonValue& row) {
  QueuedView view;
  view.claim = text_or_empty(row, "claim");
  view.request = text_or_empty(row, "request");
  view.position = need_number(row, "position");
  view.waiters = need_number(row, "waiters");
  view.since = need_time(row, "since");
  view.estimate = duration(row, "estimate");
  view.ahead = read_all(row, "ahead", read_ahead);
  return view;
}

locks::Event read_event(const JsonValue& row) {
  locks::Event event;
  event.version = need_number(row, "version");
  event.at = need_time(row, "at");
  event.change = text_or_empty(row, "change");
  if (!locks::parse_what(need_text(row, "what"), event.what)) wrong("an event of an unknown kind");
  event.holder = text_or_empty(row, "holder");
  event.claim = text_or_empty(row, "claim");
  event.token = number_or(row, "token", 0);
  event.count = number_or(row, "count", 1);
  event.by = text_or_empty(row, "by");
  event.door = text_or_empty(row, "door");
  event.reason = text_or_empty(row, "reason");
  return event;
}

LockView read_lock_member(const JsonValue& row) {
  LockView view;
  view.lock = need_text(row, "lock");
  const std::string state = need_text(row, "state");
  if (state != "held" && state != "free") wrong("state is neither held nor free");
  view.held = state == "held";
  view.version = need_number(row, "version");
  view.count = number_or(row, "count", 0);
  view.mean_hold = duration(row, "mean_hold");
  view.holders = read_all(row, "holders", read_hold);
  view.claims = read_all(row, "claims", read_claim);
  view.queue = read_all(row, "queue", read_waiter);
  return view;
}

// For a log line: one line, UTF-8, bounded.
std::string cleaned(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, longest_error)) {
    const auto byte = static_cast<unsigned char>(c);
    result += byte < 0x20 || byte == 0x7F ? ' ' : c;
  }
  if (!locks::valid_utf8(result)) {
    std::replace_if(
        result.begin(), result.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  }
  const auto first = result.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return result.substr(first, result.find_last_not_of(' ') - first + 1);
}

}  // namespace

LockView read_lock(std::string_view json) {
  return read_lock_member(JsonTree(json).top());
}

LockPage read_lock_page(std::string_view json) {
  const JsonTree tree(json);
  if (find(tree.top(), "locks") == nullptr) wrong("locks is missing");
  LockPage page;
  page.locks = read_all(tree.top(), "locks", read_lock_member);
  if (!flag(tree.top(), "more")) return page;
  if (page.locks.empty()) wrong("more after no lock at all");
  page.next = page.locks.back().lock;
  return page;
}

GrantedView read_granted(std::string_view json) {
  const JsonTree tree(json);
  GrantedView view;
  view.native = find(tree.top(), "version") != nullptr;
  view.version = number_or(tree.top(), "version", 0);
  view.token = number_or(tree.top(), "token", 0);
  view.since = time_or_epoch(tree.top(), "since");
  view.count = number_or(tree.top(), "count", 0);
  view.again = flag(tree.top(), "again");
  view.taken_over = flag(tree.top(), "taken_over");
  view.claim = text_or_empty(tree.top(), "claim");
  view.request = text_or_empty(tree.top(), "request");
  view.ttl = duration(tree.top(), "ttl");
  view.max_hold = duration(tree.top(), "max_hold");
  view.others = read_all(tree.top(), "others", read_hold);
  return view;
}

ReleasedView read_released(std::string_view json) {
  const JsonTree tree(json);
  ReleasedView view;
  view.native = find(tree.top(), "version") != nullptr;
  view.version = number_or(tree.top(), "version", 0);
  view.released = number_or(tree.top(), "released", 0);
  view.withdrawn = flag(tree.top(), "withdrawn");
  view.ended = text_or_empty(tree.top(), "ended");
  view.holders = read_all(tree.top(), "holders", read_hold);
  return view;
}

DeniedView read_denied(std::string_view json) {
  const JsonTree tree(json);
  DeniedView view;
  view.error = need_text(tree.top(), "error");
  view.native = find(tree.top(), "version") != nullptr;
  view.version = number_or(tree.top(), "version", 0);
  view.why = text_or_empty(tree.top(), "why");
  view.ended = text_or_empty(tree.top(), "ended");
  view.holders = read_all(tree.top(), "holders", read_hold);
  if (find(tree.top(), "position") != nullptr) view.queued = read_queued(tree.top());
  return view;
}

RenewedView read_renewed(std::string_view json) {
  const JsonTree tree(json);
  RenewedView view;
  view.version = need_number(tree.top(), "version");
  view.token = need_number(tree.top(), "token");
  view.ttl = duration(tree.top(), "ttl");
  view.max_hold = duration(tree.top(), "max_hold");
  return view;
}

HistoryView read_history(std::string_view json) {
  const JsonTree tree(json);
  HistoryView view;
  view.version = need_number(tree.top(), "version");
  view.oldest = number_or(tree.top(), "oldest", 0);
  view.more = flag(tree.top(), "more");
  view.events = read_all(tree.top(), "events", read_event);
  return view;
}

std::vector<OldLockView> read_old_locks(std::string_view json) {
  const JsonTree tree(json);
  std::vector<OldLockView> locks;
  for (const auto& [name, value] : tree.top().GetObject()) {
    OldLockView view;
    view.lock = text_of(name, "lock");
    view.key = text_or_empty(object(value, "lock"), "key");
    if (const JsonValue* holders = find(value, "locked_by")) {
      for (const auto& [holder, count] : object(*holders, "locked_by").GetObject()) {
        if (!count.IsInt64()) wrong("a count is not a number");  // an original's can be below 0: it overflows
        view.locked_by.emplace_back(text_of(holder, "holder"), count.GetInt64());
      }
    }
    locks.push_back(std::move(view));
  }
  return locks;
}

std::string read_error(std::string_view text) noexcept {
  try {
    return cleaned(need_text(JsonTree(text).top(), "error"));
  } catch (const WireError&) {
    return cleaned(text);
  }
}

}  // namespace lockkeeper::wire
