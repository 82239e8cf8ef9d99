#include "stores/dynamodb/history.h"

#include <algorithm>
#include <map>

#include "stores/dynamodb/layout.h"
#include "stores/dynamodb/lock_item.h"
#include "wire/record_json.h"

namespace lockkeeper::stores::dynamodb {
namespace {

// Of the events that are items; `most` of them at most.
std::vector<Item> ask_history(Session& session, const engine::ReadHistory& question, std::size_t most) {
  Question query;
  query.condition = {"p = :p AND s > :s",
                     {{":p", bytes(history_of(question.lock))}, {":s", bytes(sort_of(question.after))}}};
  query.descending = question.newest_first;
  std::vector<Item> found;
  do {
    query.limit = most - found.size();
    Page page = session.client.ask(session.shared.table, query, session.deadline);
    std::move(page.items.begin(), page.items.end(), std::back_inserter(found));
    query.from = std::move(page.next);
  } while (found.size() < most && !query.from.empty());
  return found;
}

locks::Event decode_moved(const Item& item) {
  locks::Event event = wire::decode_event(bytes_of(item, "b"));
  event.version = version_of_sort(bytes_of(item, "s"));
  return event;
}

}  // namespace

void move_to_history(DynamoClient& client, const std::string& table, const std::string& lock,
                     const std::vector<locks::Event>& events, Deadline deadline) {
  std::vector<Item> items;
  std::string text;
  for (const locks::Event& event : events) {
    wire::encode(event, text);
    Item item = key_of(history_of(lock), sort_of(event.version));
    item["a"] = number(std::int64_t{event.at.time_since_epoch().count()});
    item["b"] = bytes(text);
    items.push_back(std::move(item));
  }
  client.put_all(table, items, deadline);
}

// The lock's item first: what has left it by then is among the others.
engine::HistoryRead read_history(Session& session, const engine::ReadHistory& question) {
  std::map<locks::Version, locks::Event> events;
  locks::Version oldest_in_item = 0;
  if (const auto item = session.client.get(session.shared.table, lock_key(question.lock), session.deadline);
      item && !item->contains("d")) {
    for (locks::Event& event : decode_events(bytes_of(*item, "e"))) {
      if (oldest_in_item == 0) oldest_in_item = event.version;
      const auto version = event.version;
      if (version > question.after) events.emplace(version, std::move(event));
    }
  }
  for (const Item& item : ask_history(session, question, question.limit + 1)) {
    locks::Event event = decode_moved(item);
    const auto version = event.version;
    events.emplace(version, std::move(event));
  }
  engine::HistoryRead answer;
  const auto oldest = ask_history(session, {.lock = question.lock}, 1);
  answer.oldest = oldest.empty() ? oldest_in_item : version_of_sort(bytes_of(oldest.front(), "s"));
  if (oldest_in_item != 0) answer.oldest = std::min(answer.oldest, oldest_in_item);
  answer.more = events.size() > question.limit;
  const auto wanted = std::min(events.size(), question.limit);
  answer.events.reserve(wanted);
  const auto add = [&](auto from, auto to) {
    for (; from != to && answer.events.size() < wanted; ++from) answer.events.push_back(std::move(from->second));
  };
  if (question.newest_first) {
    add(events.rbegin(), events.rend());
  } else {
    add(events.begin(), events.end());
  }
  return answer;
}

}  // namespace lockkeeper::stores::dynamodb
