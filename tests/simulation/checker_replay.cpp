// One event after the other, into the ledger.
#include <algorithm>
#include <utility>
#include <variant>

#include "tests/simulation/checker.h"

namespace lockkeeper::simulation {

using locks::Acquire;
using locks::Event;
using locks::Release;
using locks::Version;
using locks::What;

void Checker::replay(const Event& event) {
  switch (event.what) {
    case What::acquired:
    case What::shared:
      return came_in(event);
    case What::taken_over:
      return taken_over(event);
    case What::queued:
      return queued(event);
    case What::granted:
      return granted(event);
    case What::offered:
      return offered(event);
    case What::renewed:
      return renewed(event);
    case What::lapsed:
    case What::offer_lapsed:
      return lapsed(event);
    case What::released:
      return released(event);
    case What::forced:
      return forced(event);
    case What::withdrawn:
      return withdrawn(event);
    default:
      fail(std::string("nobody asked for: ") + locks::text(event.what));
  }
}

template <class Command>
const Command* Checker::asked(const Event& event) {
  const Asked* asked = stage_.calls.find(event.by);
  const auto* command = asked != nullptr ? std::get_if<Command>(&asked->meant.what) : nullptr;
  if (command == nullptr) fail("version " + std::to_string(event.version) + " was not asked for by " + event.by);
  return command;
}

namespace {

Version began(const Acquire& acquire, const Event& event) {
  return std::min(acquire.begun.value_or(event.version - 1), event.version - 1);
}

}  // namespace

void Checker::came_in(const Event& event) {
  const auto* acquire = asked<Acquire>(event);
  if (acquire == nullptr) return;
  if (event.holder != acquire->holder || event.claim != acquire->claim) fail("granted to somebody else");
  if (event.what == What::acquired && ledger_->held()) fail("acquired while it was held");
  if (event.what == What::shared && !ledger_->held()) fail("shared while it was free");
  const bool holds = ledger_->counts.count(event.holder) != 0;
  if (!ledger_->queue.empty() && !holds) fail(event.by + " came in before those who are queued");
  add(acquire->key, event);
  if (event.claim.empty()) return;
  const Version begun = began(*acquire, event);
  must_be_open(event.claim, begun);
  add_named(event, {event.holder, event.token, begun, acquire->request});
}

// One claim more, whoever it is.
void Checker::add(const std::string& key, const Event& event) {
  if (event.token != event.version) fail("the token is not the version of the grant");
  if (event.token <= ledger_->highest_token) fail("token " + std::to_string(event.token) + " is not a new one");
  ledger_->highest_token = std::max(ledger_->highest_token, event.token);
  if (!ledger_->held()) ledger_->key = key;
  if (ledger_->key != key) fail("held with two keys at once");
  ++ledger_->counts[event.holder];
}

void Checker::add_named(const Event& event, Named named) {
  const bool queued = std::any_of(ledger_->queue.begin(), ledger_->queue.end(),
                                  [&](const Place& place) { return place.name == event.claim; });
  if (queued) fail("a claim and a place under one name");
  if (!ledger_->named.emplace(event.claim, std::move(named)).second) fail("two claims under one name");
}

void Checker::taken_over(const Event& event) {
  const auto* acquire = asked<Acquire>(event);
  if (acquire == nullptr) return;
  const Version begun = began(*acquire, event);
  if (event.token == 0) {
    const auto place = find_place(event);
    if (place == ledger_->queue.end()) return fail("took a place over that is not there");
    if (begun <= place->begun) fail("a place is taken over by who began earlier");
    must_be_open(event.claim, begun);
    *place = {event.claim, acquire->key, event.holder, place->place, begun, acquire->request};
    return;
  }
  const auto named = ledger_->named.find(event.claim);
  if (named == ledger_->named.end()) return fail("took a claim over that is not there");
  if (begun <= named->second.begun) fail("taken over by who began earlier");
  ledger_->ended.insert(named->second.token);
  subtract(named->second.holder, 1);
  ledger_->named.erase(named);
  // It may have been the only one: the key stays what it was.
  if (ledger_->key != acquire->key) fail("taken over with another key");
  must_be_open(event.claim, begun);
  add(acquire->key, event);
  add_named(event, {event.holder, event.token, begun, acquire->request});
}

void Checker::queued(const Event& event) {
  const auto* acquire = asked<Acquire>(event);
  if (acquire == nullptr) return;
  const auto& terms = stage_.profile.settings.terms;
  if (!acquire->wait && !(acquire->claim.empty() && terms.place_for_refused)) fail("queued without wait");
  if (!event.claim.empty() &&
      (find_place(event) != ledger_->queue.end() || ledger_->named.count(event.claim) != 0)) {
    fail("queued twice under one name");
  }
  const Version begun = began(*acquire, event);
  if (!event.claim.empty()) must_be_open(event.claim, begun);
  ledger_->queue.push_back({event.claim, acquire->key, event.holder, event.version, begun, acquire->request});
}

// From the queue into the lock, or from an offer to a claim.
void Checker::granted(const Event& event) {
  const auto place = find_place(event);
  if (place != ledger_->queue.end()) return from_queue(place, event);
  if (event.claim.empty()) {
    if (ledger_->counts.count(event.holder) == 0) fail("took up an offer that is not there");
    subtract(event.holder, 1);
    return add(ledger_->key, event);
  }
  const auto named = ledger_->named.find(event.claim);
  if (named == ledger_->named.end()) return fail("took up an offer that is not there: " + event.claim);
  Named offer = named->second;
  ledger_->named.erase(named);
  subtract(offer.holder, 1);
  add(ledger_->key, event);
  offer.token = event.token;
  add_named(event, std::move(offer));
}

void Checker::offered(const Event& event) {
  const auto named = ledger_->named.find(event.claim);
  const bool given_back = event.token != event.version;
  if (given_back) {
    if (named == ledger_->named.end() || named->second.token != event.token) fail("handed back what nobody held");
    return;
  }
  const auto place = find_place(event);
  if (place == ledger_->queue.end()) return fail("offered to nobody in the queue");
  from_queue(place, event);
}

void Checker::from_queue(Places::iterator at, const Event& event) {
  Place place = *at;
  // A newer intention may take the place over and be granted the lock at once.
  const Asked* by = stage_.calls.find(event.by);
  const auto* acquire = by != nullptr ? std::get_if<Acquire>(&by->meant.what) : nullptr;
  if (acquire != nullptr && !place.name.empty() && acquire->request != place.request) {
    const Version begun = began(*acquire, event);
    if (begun <= place.begun) fail("a place is taken over by who began earlier");
    must_be_open(place.name, begun);
    place = {place.name, acquire->key, acquire->holder, place.place, begun, acquire->request};
  }
  const bool holds = ledger_->held() && ledger_->key == place.key && ledger_->counts.count(place.holder) != 0;
  if (at != ledger_->queue.begin() && !holds) {
    fail(event.by + " was granted the lock before who was ahead of it in the queue");
  }
  ledger_->queue.erase(at);
  add(place.key, event);
  if (!place.name.empty()) add_named(event, {place.holder, event.token, place.begun, place.request});
}

void Checker::renewed(const Event& event) {
  if (event.token == 0) {
    if (find_place(event) == ledger_->queue.end()) fail("renewed a place that is not there");
    return;
  }
  if (ledger_->ended.count(event.token) != 0) fail("renewed a claim that had ended");
  if (event.claim.empty()) return;
  const auto named = ledger_->named.find(event.claim);
  if (named == ledger_->named.end() || named->second.token != event.token) fail("renewed what nobody held");
}

void Checker::lapsed(const Event& event) {
  if (event.token == 0) {
    const auto place = find_place(event);
    if (place == ledger_->queue.end()) return fail("a place lapsed that is not there");
    ledger_->queue.erase(place);
    return;
  }
  if (!ledger_->ended.insert(event.token).second) fail("ended twice");
  subtract(event.holder, 1);
  if (event.claim.empty()) return;
  const auto named = ledger_->named.find(event.claim);
  if (named == ledger_->named.end() || named->second.token != event.token) return fail("what nobody held lapsed");
  // Who missed an offer may come and queue again.
  if (event.what == What::lapsed) close(event.claim, event.version - 1);
  ledger_->named.erase(named);
}

void Checker::released(const Event& event) {
  const auto* release = asked<Release>(event);
  if (release == nullptr) return;
  if (release->key != ledger_->key) fail("released with another key");
  if (!event.claim.empty()) {
    const auto named = ledger_->named.find(event.claim);
    if (named == ledger_->named.end() || named->second.token != event.token)
      return fail("released what nobody held");
    subtract(named->second.holder, 1);
    return end_named(named, event.version - 1);
  }
  subtract(event.holder, event.count);
  if (!release->all) return;
  for (auto named = ledger_->named.begin(); named != ledger_->named.end();) {
    const auto each = named++;
    if (each->second.holder == event.holder) end_named(each, event.version - 1);
  }
  if (ledger_->counts.count(event.holder) != 0) fail("not all claims of the holder were released");
}

void Checker::forced(const Event& event) {
  std::uint64_t count = 0;
  for (const auto& [holder, number] : ledger_->counts) count += number;
  if (event.count != count) fail("a forced release of not all claims");
  while (!ledger_->named.empty()) end_named(ledger_->named.begin(), event.version - 1);
  ledger_->counts.clear();
}

void Checker::withdrawn(const Event& event) {
  const auto* release = asked<Release>(event);
  if (release == nullptr) return;
  if (release->claim != event.claim) return fail(event.by + " did not withdraw this");
  Version up_to = event.version - 1;
  const bool of_request = !release->request.empty();
  if (of_request) up_to = std::min(up_to, release->begun.value_or(up_to));
  const auto place = find_place(event);
  if (event.token == 0 && place != ledger_->queue.end() && (!of_request || place->request == release->request)) {
    if (place->key != release->key) fail("withdrew a place with another key");
    if (of_request) up_to = std::max(release->begun ? up_to : place->begun, place->begun);
    ledger_->queue.erase(place);
  }
  if (event.token == 0) return close(event.claim, up_to);
  const auto named = ledger_->named.find(event.claim);
  if (named == ledger_->named.end() || named->second.token != event.token) return fail("withdrew what nobody held");
  if (named->second.request != release->request) fail("withdrew another intention's claim");
  if (!release->begun) up_to = named->second.begun;
  up_to = std::max(up_to, named->second.begun);
  subtract(named->second.holder, 1);
  end_named(named, up_to);
}

void Checker::end_named(std::map<std::string, Named>::iterator named, Version up_to) {
  ledger_->ended.insert(named->second.token);
  close(named->first, up_to);
  ledger_->named.erase(named);
}

void Checker::close(const std::string& name, Version up_to) {
  Version& closed = ledger_->closed.try_emplace(name, up_to).first->second;
  closed = std::max(closed, up_to);
}

void Checker::must_be_open(const std::string& name, Version begun) {
  const auto closed = ledger_->closed.find(name);
  if (closed == ledger_->closed.end() || begun > closed->second) return;
  fail("an intention that began at " + std::to_string(begun) + " takes " + name + ", which was closed up to " +
       std::to_string(closed->second));
}

void Checker::subtract(const std::string& holder, std::uint64_t number) {
  const auto count = ledger_->counts.find(holder);
  if (count == ledger_->counts.end() || count->second < number) return fail("more claims ended than there were");
  count->second -= number;
  if (count->second == 0) ledger_->counts.erase(count);
}

// The place that an event is about.
Checker::Places::iterator Checker::find_place(const Event& event) {
  if (event.claim.empty()) return nameless_place(event);
  return std::find_if(ledger_->queue.begin(), ledger_->queue.end(),
                      [&](const Place& place) { return place.name == event.claim; });
}

// Known by its key and holder, if somebody asked for it; if it lapsed, by the rows that the change takes away,
// which go in the order of its events.
Checker::Places::iterator Checker::nameless_place(const Event& event) {
  Places& queue = ledger_->queue;
  const Asked* asked = stage_.calls.find(event.by);
  const auto* acquire = asked != nullptr ? std::get_if<Acquire>(&asked->meant.what) : nullptr;
  const auto find = [&](const auto& is) {
    return std::find_if(queue.begin(), queue.end(), [&](const Place& place) {
      return place.name.empty() && place.holder == event.holder && is(place);
    });
  };
  if (acquire != nullptr) return find([&](const Place& place) { return place.key == acquire->key; });
  if (event.what == What::renewed) return find([](const Place&) { return true; });
  for (const locks::RowOperation& operation : change_->rows) {
    const auto* gone = std::get_if<locks::RowId>(&operation);
    if (gone == nullptr || gone->kind != locks::RowKind::waiter) continue;
    const auto place = find([&](const Place& one) {
      locks::Waiter waiter;
      waiter.place = one.place;
      return locks::id(waiter) == *gone;
    });
    if (place != queue.end()) return place;
  }
  return queue.end();
}

}  // namespace lockkeeper::simulation
