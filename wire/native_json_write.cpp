#include <algorithm>
#include <map>

#include "locks/duration.h"
#include "wire/json_out.h"
#include "wire/native_json.h"
#include "wire/time_text.h"

namespace lockkeeper::wire {

namespace {

using locks::Claim;
using locks::Hold;
using locks::Metadata;
using locks::Tally;
using locks::Version;
using locks::Waiter;
using std::chrono::milliseconds;

void put(JsonOut& json, std::string_view name, const std::optional<milliseconds>& duration) {
  if (duration) json.name(name).text(locks::exact_duration(*duration));
}

const char* text(locks::End end) {
  switch (end) {
    case locks::End::released:
      return "released";
    case locks::End::lapsed:
      return "lapsed";
    case locks::End::forced:
      break;
  }
  return "forced";
}

void put(JsonOut& json, const std::optional<locks::End>& ended) {
  if (ended) json.name("ended").text(text(*ended));
}

JsonOut& put(JsonOut& json, const Metadata& metadata) {
  json.open('{');
  for (const auto& [key, value] : metadata) json.text_name(key).text(value);
  return json.close('}');
}

void put(JsonOut& json, const Hold& hold) {
  json.open('{').name("holder").text(hold.holder).name("count").number(hold.count);
  json.name("since").text(time_text(hold.since));
  put(json.name("metadata"), hold.metadata).close('}');
}

void put(JsonOut& json, std::string_view name, const std::vector<Hold>& holds) {
  json.name(name).open('[');
  for (const Hold& hold : holds) put(json, hold);
  json.close(']');
}

void put(JsonOut& json, const Claim& claim) {
  json.open('{');
  if (!claim.name.empty()) json.name("claim").text(claim.name);
  json.name("holder").text(claim.holder).name("count").number(std::uint64_t{1}).name("token").number(claim.token);
  json.name("since").text(time_text(claim.since));
  put(json.name("metadata"), claim.metadata);
  if (!claim.by.empty()) json.name("by").text(claim.by);
  put(json, "ttl", claim.ttl);
  put(json, "max_hold", claim.max_hold);
  put(json, "offered", claim.offered);
  json.close('}');
}

void put(JsonOut& json, const Waiter& waiter) {
  json.open('{');
  if (!waiter.name.empty()) json.name("claim").text(waiter.name);
  json.name("holder").text(waiter.holder).name("since").text(time_text(waiter.since));
  put(json.name("place").number(waiter.place).name("metadata"), waiter.metadata);
  if (!waiter.by.empty()) json.name("by").text(waiter.by);
  put(json, "ttl", waiter.ttl);
  json.close('}');
}

// The token of a block is that of its last grant: what a fence would have seen last.
void put(JsonOut& json, const Tally& tally) {
  json.open('{').name("holder").text(tally.holder).name("count").number(tally.count);
  json.name("token").number(tally.newest).name("since").text(time_text(tally.since));
  json.name("metadata").open('{').close('}').close('}');
}

// Claims and blocks, oldest first.
void put_claims(JsonOut& json, const locks::Record& record) {
  std::vector<const Tally*> tallies;
  for (const Tally& tally : record.head.tallies) tallies.push_back(&tally);
  std::sort(tallies.begin(), tallies.end(),
            [](const Tally* one, const Tally* other) { return one->oldest < other->oldest; });
  auto tally = tallies.begin();
  json.name("claims").open('[');
  for (const Claim& claim : record.claims) {
    while (tally != tallies.end() && (*tally)->oldest < claim.token) put(json, **tally++);
    put(json, claim);
  }
  while (tally != tallies.end()) put(json, **tally++);
  json.close(']');
}

void put(JsonOut& json, const locks::Event& event) {
  json.open('{').name("version").number(event.version).name("at").text(time_text(event.at));
  json.name("what").text(locks::text(event.what)).name("holder").text(event.holder);
  if (!event.claim.empty()) json.name("claim").text(event.claim);
  if (event.token != 0) json.name("token").number(event.token);
  json.name("count").number(event.count);
  if (!event.by.empty()) json.name("by").text(event.by);
  json.name("door").text(event.door);
  if (!event.reason.empty()) json.name("reason").text(event.reason);
  json.name("change").text(event.change).close('}');
}

// An object that begins in a text that may already hold something: no comma before it.
JsonOut begin(std::string& out) {
  out += '{';
  return {out, Escapes::web};
}

JsonOut begin_denied(std::string_view error, std::string_view lock, Version version, std::string& out) {
  JsonOut json = begin(out);
  json.name("error").text(error).name("lock").text(lock).name("version").number(version);
  return json;
}

JsonOut begin_body(const std::string& key, const std::string& holder, const std::string& claim,
                   const std::string& request, std::string& out) {
  JsonOut json = begin(out);
  json.name("key").text(key);
  if (!holder.empty()) json.name("requestor").text(holder);
  if (!claim.empty()) json.name("claim").text(claim);
  if (!request.empty()) json.name("request").text(request);
  return json;
}

}  // namespace

void write_error(std::string_view error, std::string& out) {
  begin(out).name("error").text(error).close('}');
  out += '\n';
}

void write_response(std::string_view response, std::string& out) {
  begin(out).name("response").text(response).close('}');
  out += '\n';
}

void write_granted(std::string_view response, std::string_view lock, std::string_view claim,
                   std::string_view request, const locks::Granted& granted, std::string& out) {
  JsonOut json = begin(out);
  json.name("response").text(response).name("lock").text(lock).name("version").number(granted.version);
  json.name("token").number(granted.token).name("since").text(time_text(granted.since));
  json.name("count").number(granted.count);
  if (!claim.empty()) json.name("claim").text(claim);
  if (!request.empty()) json.name("request").text(request);
  json.name("again").boolean(granted.again).name("taken_over").boolean(granted.took_over);
  put(json, "ttl", granted.ttl);
  put(json, "max_hold", granted.max_hold);
  put(json, "others", granted.others);
  json.close('}');
  out += '\n';
}

void write_renewed(std::string_view response, std::string_view lock, const locks::Renewed& renewed,
                   std::string& out) {
  JsonOut json = begin(out);
  json.name("response").text(response).name("lock").text(lock).name("version").number(renewed.version);
  json.name("token").number(renewed.token);
  put(json, "ttl", renewed.ttl);
  put(json, "max_hold", renewed.max_hold);
  json.close('}');
  out += '\n';
}

void write_released(std::string_view response, std::string_view lock, const locks::Released& released,
                    std::string& out) {
  JsonOut json = begin(out);
  json.name("response").text(response).name("lock").text(lock).name("version").number(released.version);
  json.name("released").number(released.released).name("withdrawn").boolean(released.withdrawn);
  put(json, released.ended);
  put(json, "holders", released.holds);
  json.close('}');
  out += '\n';
}

void write_denied(std::string_view error, std::string_view lock, Version version, std::string_view why,
                  std::optional<locks::End> ended, const std::vector<Hold>& holds, std::string& out) {
  JsonOut json = begin_denied(error, lock, version, out);
  if (!why.empty()) json.name("why").text(why);
  put(json, ended);
  put(json, "holders", holds);
  json.close('}');
  out += '\n';
}

void write_queued(std::string_view error, std::string_view lock, std::string_view claim, std::string_view request,
                  const locks::Queued& queued, std::string& out) {
  JsonOut json = begin_denied(error, lock, queued.version, out);
  put(json, "holders", queued.holds);
  if (!claim.empty()) json.name("claim").text(claim);
  if (!request.empty()) json.name("request").text(request);
  json.name("position")
      .number(std::uint64_t{queued.position})
      .name("waiters")
      .number(std::uint64_t{queued.waiters});
  json.name("since").text(time_text(queued.since));
  put(json, "estimate", queued.estimate);
  json.name("ahead").open('[');
  for (const locks::Ahead& one : queued.ahead) {
    json.open('{').name("holder").text(one.holder).name("since").text(time_text(one.since)).close('}');
  }
  json.close(']').close('}');
  out += '\n';
}

void write_lock_member(std::string_view lock, const locks::Record& record, std::string& out) {
  const std::vector<Hold> holds = locks::holds(record);
  JsonOut json = begin(out);
  json.name("lock").text(lock).name("state").text(holds.empty() ? "free" : "held");
  json.name("version").number(record.head.version).name("count").number(locks::count(record));
  if (!holds.empty()) {
    // A take-over keeps a claim's `since` under a new token, so the first of the list need not be the earliest.
    const auto first = std::min_element(holds.begin(), holds.end(),
                                        [](const Hold& one, const Hold& other) { return one.since < other.since; });
    json.name("since").text(time_text(first->since));
  }
  if (record.head.mean_hold.count() != 0) put(json, "mean_hold", record.head.mean_hold);
  put(json, "holders", holds);
  put_claims(json, record);
  json.name("queue").open('[');
  for (const Waiter& waiter : record.waiters) put(json, waiter);
  json.close(']').close('}');
}

void write_lock(std::string_view lock, const locks::Record& record, std::string& out) {
  write_lock_member(lock, record, out);
  out += '\n';
}

void write_old_lock_member(std::string_view lock, const locks::Record& record, std::string& out) {
  write_text(lock, out);
  out += ':';
  JsonOut json = begin(out);
  json.name("locked_by").open('{');
  if (record.claims.empty()) {
    // Tallies are sorted by holder already.
    for (const Tally& tally : record.head.tallies) json.text_name(tally.holder).number(tally.count);
  } else {
    std::map<std::string_view, std::uint64_t> counts;
    for (const Tally& tally : record.head.tallies) counts[tally.holder] += tally.count;
    for (const Claim& claim : record.claims) ++counts[claim.holder];
    for (const auto& [holder, count] : counts) json.text_name(holder).number(count);
  }
  json.close('}').name("key").text(record.head.key).close('}');
}

void write_history(std::string_view lock, Version version, Version oldest, bool more,
                   const std::vector<locks::Event>& events, std::string& out) {
  JsonOut json = begin(out);
  json.name("lock").text(lock).name("version").number(version).name("oldest").number(oldest);
  json.name("more").boolean(more).name("events").open('[');
  for (const locks::Event& event : events) put(json, event);
  json.close(']').close('}');
  out += '\n';
}

std::string write_body(const AcquireBody& body) {
  std::string out;
  JsonOut json = begin_body(body.key, body.holder, body.claim, body.request, out);
  if (body.has_begun) json.name("begun").number(body.begun);
  put(json.name("metadata"), body.metadata);
  put(json, "ttl", body.ttl);
  put(json, "wait", body.wait);
  json.close('}');
  return out;
}

std::string write_body(const RenewBody& body) {
  std::string out;
  JsonOut json = begin_body(body.key, "", body.claim, "", out);
  if (body.token != 0) json.name("token").number(body.token);
  put(json, "ttl", body.ttl);
  json.close('}');
  return out;
}

std::string write_force_body(std::string_view reason) {
  std::string out;
  JsonOut(out, Escapes::web).open('{').name("reason").text(reason).close('}');
  return out;
}

std::string write_body(const ReleaseBody& body) {
  std::string out;
  JsonOut json = begin_body(body.key, body.holder, body.claim, body.request, out);
  if (body.has_begun) json.name("begun").number(body.begun);
  json.name("all").boolean(body.all);
  json.close('}');
  return out;
}

}  // namespace lockkeeper::wire
