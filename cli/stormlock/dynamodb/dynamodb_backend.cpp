#include "cli/stormlock/dynamodb/dynamodb_backend.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <utility>

#include "cli/stormlock/dynamodb/dynamodb_section.h"
#include "cli/stormlock/lease_id.h"
#include "cli/stormlock/lost_answer.h"
#include "http/client.h"

namespace lockkeeper::cli::stormlock {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;
using namespace stores::dynamodb;
using Kind = DynamoError::Kind;

constexpr seconds kPatience{10};  // for each request
constexpr seconds kTooLong{2};    // what a lease may last longer than it says
// An item without both is nobody's lock.
constexpr const char* kNothing = "(attribute_not_exists(lease) AND attribute_not_exists(expires))";
constexpr std::int64_t kYear10000 = 253'402'300'800;

// What is later the original cannot read.
std::int64_t end_of(std::int64_t begin, seconds ttl) {
  if (ttl.count() >= kYear10000 - begin) throw BackendError("a lease in DynamoDB ends before the year 10000");
  return begin + ttl.count();
}

std::optional<double> number_of(const Item& item, const std::string& name) {
  const auto found = item.find(name);
  if (found == item.end() || found->second.type != Attribute::Type::number) return std::nullopt;
  const std::string& text = found->second.value;
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string text_of(const Item& item, const std::string& name) {
  const auto found = item.find(name);
  return found == item.end() || found->second.type != Attribute::Type::text ? std::string() : found->second.value;
}

Lease lease_of(const Item& item) {
  const double created = number_of(item, "created").value_or(0);
  const auto moment = std::abs(created) < static_cast<double>(kYear10000) ? std::llround(created * 1e6) : 0;
  return {text_of(item, "lease"), text_of(item, "principal"),
          std::chrono::sys_time<microseconds>(microseconds(moment))};
}

bool may_have_happened(const DynamoError& error) {
  return error.kind == Kind::unanswered || error.kind == Kind::late || error.kind == Kind::failed;
}

class DynamoBackend final : public Backend {
 public:
  explicit DynamoBackend(DynamoSection section)
      : section_(std::move(section)),
        client_(section_.connection),
        where_("DynamoDB at " + section_.connection.endpoint + ": ") {}

  using Backend::acquire;

  // What is there is looked at before it is taken over: the answer tells DynamoDB's time, which decides.
  std::variant<Lease, Held> acquire(const Wish& wish) override {
    const std::string id = to_hex(new_lease_id());
    if (const auto lease = put(wish, id, kNothing)) return *lease;
    if (const auto found = read(wish.resource)) return Held{lease_of(*found)};
    if (const auto lease = put(wish, id, std::string(kNothing) + " OR expires < :now")) return *lease;
    Held held;
    if (const auto found = read(wish.resource)) held.by = lease_of(*found);
    return held;
  }

  void release(const std::string& resource, const std::string& id) override {
    if (id.empty()) return;  // nobody's, and no text that DynamoDB compares
    try {
      client_.remove(section_.table, key(resource), {"lease = :lease", {{":lease", text(id)}}}, deadline());
    } catch (const DynamoError& error) {
      if (error.kind == Kind::condition) return;
      fail(error, "whether the lock was released is not known; release it again, that does no harm");
    }
  }

  bool renew(const std::string& resource, const std::string& id, seconds ttl) override {
    try {
      return is_held(resource, id) && set_end(resource, id, ttl);
    } catch (const DynamoError& error) {
      fail(error, "whether the lock is renewed is not known; its id is " + id +
                      ": renew it (again), that does no harm, or release it");
    }
  }

  std::optional<Lease> current(const std::string& resource) override {
    const auto found = read(resource);
    if (!found) return std::nullopt;
    const Lease lease = lease_of(*found);
    if (lease.id.empty() || lease.principal.empty() || !number_of(*found, "created")) {
      throw BackendError(where_ + "the item of '" + resource +
                         "' is damaged: lease, principal or created is not there" +
                         (lease.id.empty() ? "" : "; its lease id is " + lease.id + ", which releases it"));
    }
    return lease;
  }

  bool is_held(const std::string& resource, const std::string& id) override {
    const auto found = read(resource);
    return found && !id.empty() && text_of(*found, "lease") == id;
  }

 private:
  static Deadline deadline() { return std::chrono::steady_clock::now() + kPatience; }
  static Item key(const std::string& resource) { return {{"resource", text(resource)}}; }

  // DynamoDB's time, of its last answer: however small the difference between two machines' clocks is, who is fast
  // would take what who is slow still holds. This machine's, before there is one. Seconds since 1970.
  std::int64_t now() const {
    const auto own = std::chrono::floor<seconds>(std::chrono::system_clock::now());
    return client_.date().value_or(own.time_since_epoch().count());
  }

  // What has no end counts for ever, for the original too.
  bool counts(const Item& item) const {
    const auto expires = number_of(item, "expires");
    return !expires || *expires >= static_cast<double>(now());
  }

  // nullopt: the condition does not hold.
  std::optional<Lease> put(const Wish& wish, const std::string& id, const std::string& condition) {
    const std::int64_t created = now();
    const std::int64_t ends = end_of(created, wish.ttl);
    const Item item{{"resource", text(wish.resource)},
                    {"principal", text(wish.principal)},
                    {"lease", text(id)},
                    {"created", number(created)},
                    {"expires", number(ends)}};
    Expression expression{condition, {}};
    if (condition != kNothing) expression.values = {{":now", number(created)}};
    try {
      client_.put(section_.table, item, expression, deadline(), created);
    } catch (const DynamoError& error) {
      if (error.kind == Kind::condition) return std::nullopt;
      if (!may_have_happened(error)) fail(error);
      read_back(wish.resource, id, error);
    }
    // The end was written down by this machine's clock, and before DynamoDB had time for it.
    const auto left = seconds(ends - now());
    const bool sound = left >= wish.ttl && left <= wish.ttl + kTooLong;
    if (!sound && !set_end_or_give_back(wish.resource, id, wish.ttl)) return std::nullopt;
    return lease_of(item);
  }

  bool set_end_or_give_back(const std::string& resource, const std::string& id, seconds ttl) {
    try {
      return set_end(resource, id, ttl);
    } catch (const DynamoError& error) {
      const std::string why = where_ + error.what() + ": its end could not be set";
      try {
        release(resource, id);
      } catch (const BackendError&) {
        throw perhaps_taken(why, resource, id);
      }
      throw BackendError(why + ", and the lock was given back; try again");
    }
  }

  // So that the whole ttl is left when the answer comes, however long that takes. False: it is not that lease any
  // more. Throws DynamoError.
  bool set_end(const std::string& resource, const std::string& id, seconds ttl) {
    for (const seconds more : {seconds(0), seconds(1), kPatience + seconds(1)}) {
      const std::int64_t begin = now() + more.count();
      const Expression update{"SET expires = :expires",
                              {{":expires", number(end_of(begin, ttl))}, {":lease", text(id)}}};
      try {
        client_.update(section_.table, key(resource), update, "lease = :lease", deadline());
      } catch (const DynamoError& error) {
        if (error.kind == Kind::condition) return false;
        throw;
      }
      if (now() <= begin) break;
    }
    return true;
  }

  // If it counts.
  std::optional<Item> read(const std::string& resource) {
    try {
      auto found = client_.get(section_.table, key(resource), deadline());
      if (found && !counts(*found)) found.reset();
      return found;
    } catch (const DynamoError& error) {
      fail(error);
    }
  }

  // The answer is lost, not perhaps the lock: throws unless it is there.
  void read_back(const std::string& resource, const std::string& id, const DynamoError& why) {
    bool reached = false;
    try {
      const auto found = client_.get(section_.table, key(resource), deadline());
      reached = true;
      if (found && text_of(*found, "lease") == id) return;
    } catch (const DynamoError&) {
    }
    throw BackendError(where_ + why.what() + ": whether '" + resource + "' is locked is not known" +
                       (reached ? " (not when it was read again)" : "") +
                       "; if `stormlock current --id-only` prints " + id +
                       ", the lock is yours, and `stormlock release` with that id gives it back");
  }

  [[noreturn]] void fail(const DynamoError& error, const std::string& unknown = {}) const {
    if (error.kind == Kind::no_table) {
      throw BackendError(where_ + "there is no table " + section_.table + " in " + section_.connection.region +
                         ": its hash key is resource (a string), and the attribute of its time to live is expires");
    }
    throw BackendError(where_ + error.what() +
                       (unknown.empty() || !may_have_happened(error) ? "" : ": " + unknown));
  }

  const DynamoSection section_;
  DynamoClient client_;
  const std::string where_;
};

}  // namespace

std::unique_ptr<Backend> make_dynamodb_backend(const Section& section) {
  try {
    return std::make_unique<DynamoBackend>(dynamo_section(section, process_environment));
  } catch (const http::HttpError& error) {
    throw BackendError(section.called() + ": " + error.what());
  }
}

}  // namespace lockkeeper::cli::stormlock
