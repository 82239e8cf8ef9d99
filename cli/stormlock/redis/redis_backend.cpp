#include "cli/stormlock/redis/redis_backend.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "cli/stormlock/lease_id.h"
#include "cli/stormlock/redis/asking.h"

namespace lockkeeper::cli::stormlock {
namespace {

using std::chrono::microseconds;
using stores::redis::Command;
using stores::redis::Reply;
using Kind = Reply::Kind;
using Moment = std::chrono::sys_time<microseconds>;

// Who may not EXPIRE leaves no lock behind that never ends.
constexpr std::string_view acquire_script = R"(local found = redis.call('HMGET', KEYS[1], 'id', 'p', 'c')
if found[1] then return found end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'p', ARGV[2], 'c', ARGV[3])
local ends = redis.pcall('EXPIRE', KEYS[1], ARGV[4])
if type(ends) == 'table' and ends.err then
  redis.call('DEL', KEYS[1])
  return ends
end
return false)";
constexpr std::string_view release_script = R"(if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1]))";
constexpr std::string_view renew_script = R"(if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return 0 end
return redis.call('EXPIRE', KEYS[1], ARGV[2]))";

// In either case, and with blanks between the bytes.
std::string from_hex(const std::string& id) {
  std::string bytes;
  for (std::size_t at = 0; at < id.size();) {
    if (std::string_view(" \t\n\v\f\r").find(id[at]) != std::string_view::npos) {
      ++at;
      continue;
    }
    unsigned char byte = 0;
    const char* const begin = id.data() + at;
    const char* const end = id.data() + std::min(at + 2, id.size());
    const auto [stopped, fault] = std::from_chars(begin, end, byte, 16);
    if (fault != std::errc() || stopped != begin + 2) {
      throw BackendError("'" + id + "' is no lease id: that is 32 hexadecimal digits, as acquire has printed them");
    }
    bytes += static_cast<char>(byte);
    at += 2;
  }
  return bytes;
}

std::string to_text(Moment moment) {
  const auto number = moment.time_since_epoch().count();
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%lld.%06lld", static_cast<long long>(number / 1'000'000),
                static_cast<long long>(number % 1'000'000));
  return text.data();
}

// As Python's datetime.fromtimestamp(float(text)) rounds.
std::optional<Moment> to_moment(const std::string& text) {
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr double year_10000 = 253'402'300'800;
  if (fault != std::errc() || end != text.data() + text.size() || !(std::abs(value) < year_10000))
    return std::nullopt;
  double whole = 0;
  const double fraction = std::modf(value, &whole);
  return Moment(microseconds(static_cast<std::int64_t>(whole) * 1'000'000 +
                             static_cast<std::int64_t>(std::nearbyint(fraction * 1e6))));
}

class RedisBackend final : public Backend {
 public:
  explicit RedisBackend(RedisUrl url) : redis_(std::move(url)) {}

  using Backend::acquire;

  std::variant<Lease, Held> acquire(const Wish& wish) override {
    const std::string id = new_lease_id();
    const auto now = std::chrono::floor<microseconds>(std::chrono::system_clock::now());
    const Lease lease{to_hex(id), wish.principal, now};
    const Reply reply =
        run(acquire_script, wish.resource, {id, wish.principal, to_text(now), std::to_string(wish.ttl.count())});
    if (reply.kind == Kind::lost) return read_back(wish.resource, lease, reply.text);
    if (reply.kind == Kind::nil) return lease;
    refuse_errors(reply, wish.resource);
    Held held;
    held.by = Lease{to_hex(field(reply, 0)), field(reply, 1), to_moment(field(reply, 2)).value_or(Moment())};
    return held;
  }

  void release(const std::string& resource, const std::string& id) override {
    const Reply reply = run(release_script, resource, {from_hex(id)});
    if (reply.kind == Kind::lost) {
      throw BackendError(redis_.where() + reply.text +
                         ": whether the lock was released is not known; release it again, that does no harm");
    }
    refuse_errors(reply, resource);
  }

  bool renew(const std::string& resource, const std::string& id, std::chrono::seconds ttl) override {
    const Reply reply = run(renew_script, resource, {from_hex(id), std::to_string(ttl.count())});
    if (reply.kind == Kind::lost) {
      throw BackendError(redis_.where() + reply.text +
                         ": whether the lock was renewed is not known; renew it again, that does no harm");
    }
    refuse_errors(reply, resource);
    return reply.integer == 1;
  }

  std::optional<Lease> current(const std::string& resource) override {
    const Reply reply = read(resource);
    if (reply.elements[0].kind != Kind::text) return std::nullopt;
    const std::string id = to_hex(field(reply, 0));
    const auto created = to_moment(field(reply, 2));
    if (reply.elements[1].kind == Kind::nil || !created) {
      throw BackendError(redis_.where() + "the record of '" + resource + "' is damaged: it has no " +
                         (created ? "p (principal)" : "c (time of creation)") +
                         " that can be read; its lease id is " + id + ", which releases it");
    }
    return Lease{id, field(reply, 1), *created};
  }

  bool is_held(const std::string& resource, const std::string& id) override {
    const std::string asked = from_hex(id);
    const Reply reply = read(resource);
    return reply.elements[0].kind == Kind::text && reply.elements[0].text == asked;
  }

 private:
  // Who may not EVAL may EVALSHA, which is all that the original does.
  Reply run(std::string_view script, const std::string& resource,
            std::initializer_list<std::string_view> arguments) {
    const Command rest = [&] {
      Command words{"1", resource};
      for (const std::string_view each : arguments) words.add(each);
      return words;
    }();
    Reply reply = redis_.ask(Command{"EVAL", script}.add(rest));
    if (!reply.error("NOPERM") || reply.text.find("'eval'") == std::string::npos) return reply;
    const Reply loaded = redis_.ask({"SCRIPT", "LOAD", script});
    if (loaded.kind != Kind::text) return loaded.kind == Kind::lost ? reply : loaded;
    return redis_.ask(Command{"EVALSHA", loaded.text}.add(rest));
  }

  Reply read(const std::string& resource) {
    Reply reply = redis_.ask({"HMGET", resource, "id", "p", "c"});
    if (reply.kind == Kind::lost) throw BackendError(redis_.where() + reply.text);
    refuse_errors(reply, resource);
    if (reply.elements.size() != 3) throw BackendError(redis_.where() + "an answer that Redis does not give");
    return reply;
  }

  // The answer is lost, not perhaps the lock.
  Lease read_back(const std::string& resource, const Lease& lease, const std::string& why) {
    bool reached = false;
    try {
      const Reply reply = read(resource);
      reached = true;
      if (to_hex(field(reply, 0)) == lease.id) return lease;
    } catch (const BackendError&) {
    }
    throw BackendError(redis_.where() + why + ": whether '" + resource + "' is locked is not known" +
                       (reached ? " (not when it was read again)" : "") +
                       "; if `stormlock current --id-only` prints " + lease.id +
                       ", the lock is yours, and `stormlock release` with that id gives it back");
  }

  void refuse_errors(const Reply& reply, const std::string& resource) const {
    if (reply.kind != Kind::error) return;
    std::string why = reply.text;
    if (reply.error("WRONGTYPE")) {
      why = "the key '" + resource +
            "' has other data than a lock; name the resource otherwise, or give the locks a database of their own "
            "(/N at the end of the url)";
    } else if (reply.error("READONLY")) {
      why = "that is a replica, which takes no locks; the url has to lead to the master";
    } else if (reply.error("MOVED")) {
      why = "that is a node of a cluster which does not have the key '" + resource + "' (" + reply.text + ")";
    }
    throw BackendError(redis_.where() + why);
  }

  static std::string field(const Reply& reply, std::size_t which) {
    return which < reply.elements.size() ? reply.elements[which].text : std::string();
  }

  Asking redis_;
};

}  // namespace

std::unique_ptr<Backend> make_redis_backend(const Section& section) {
  return std::make_unique<RedisBackend>(redis_url(section.called(), section.get("url", "redis://localhost:6379")));
}

}  // namespace lockkeeper::cli::stormlock
