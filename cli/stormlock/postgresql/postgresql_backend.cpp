#include "cli/stormlock/postgresql/postgresql_backend.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "cli/stormlock/lease_id.h"
#include "cli/stormlock/lost_answer.h"
#include "cli/stormlock/postgresql/session.h"
#include "cli/stormlock/postgresql/statements.h"
#include "cli/stormlock/postgresql/zoned_lease_id.h"
#include "cli/stormlock/table_name.h"

namespace lockkeeper::cli::stormlock {
namespace {

using stores::postgresql::Parameters;
using stores::postgresql::Result;

// Anything that is a UUID without its punctuation, as PostgreSQL reads it.
void require_lease_id(const std::string& id) {
  const auto digits = std::count_if(id.begin(), id.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
  const bool plain = std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return std::isxdigit(c) != 0 || c == '-' || c == '{' || c == '}';
  });
  if (digits == 32 && plain) return;
  throw BackendError("'" + id + "' is no lease id: that is a UUID, as acquire has printed it");
}

class PostgresqlBackend final : public Backend {
 public:
  PostgresqlBackend(const std::string& connection, const std::string& table, const std::string& zone)
      : statements_(table, zone), session_(connection, table) {}

  using Backend::acquire;

  std::variant<Lease, Held> acquire(const Wish& wish) override {
    const auto minutes = ask_twice(
        [&] { return session_.ask(statements_.offset, Parameters().integer(wish.ttl.count())).integer(0, 0); });
    const std::string id = zoned_lease_id(minutes, new_lease_id());
    return acquire_twice(wish.resource, id, [&] { return try_to_acquire(wish, id, minutes); });
  }

  void release(const std::string& resource, const std::string& id) override {
    require_lease_id(id);
    ask_twice([&] { return session_.ask(statements_.release, Parameters().text(resource).text(id)); });
  }

  bool renew(const std::string& resource, const std::string& id, std::chrono::seconds ttl) override {
    require_lease_id(id);
    const auto arguments = Parameters().text(resource).text(id).integer(ttl.count());
    return ask_twice([&] { return session_.ask(statements_.renew, arguments); }).rows() == 1;
  }

  std::optional<Lease> current(const std::string& resource) override {
    return ask_twice([&] { return read(resource); });
  }

  bool is_held(const std::string& resource, const std::string& id) override {
    require_lease_id(id);
    const auto arguments = Parameters().text(resource).text(id);
    return ask_twice([&] { return session_.ask(statements_.is_held, arguments); }).rows() == 1;
  }

 private:
  std::variant<Lease, Held> try_to_acquire(const Wish& wish, const std::string& id, std::int64_t minutes) {
    const auto arguments =
        Parameters().text(wish.resource).text(id).text(wish.principal).integer(wish.ttl.count()).integer(minutes);
    // Whoever is in the way may be gone before one has seen who it was.
    for (int i = 0; i < 3; ++i) {
      const Result taken = session_.ask(statements_.acquire, arguments);
      if (taken.rows() == 1) return Lease{id, wish.principal, std::string(taken.bytes(0, 0))};
      if (auto by = read(wish.resource)) {
        if (by->id == id) return *by;
        return Held{std::move(by)};
      }
    }
    return Held{};
  }

  std::optional<Lease> read(const std::string& resource) {
    const Result found = session_.ask(statements_.current, Parameters().text(resource));
    if (found.rows() == 0) return std::nullopt;
    return Lease{std::string(found.bytes(0, 0)), std::string(found.bytes(0, 1)), std::string(found.bytes(0, 2))};
  }

  Statements statements_;
  Session session_;
};

std::string zone_name(const Section& section) {
  std::string zone = section.get("time_zone", "");
  const bool plain = std::all_of(zone.begin(), zone.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '/' || c == '+' || c == '-';
  });
  if (!plain) throw ConfigError(section.called() + ": time_zone is no name of a zone, such as Europe/Zurich");
  return zone;
}

}  // namespace

std::unique_ptr<Backend> make_postgresql_backend(const Section& section) {
  const auto connection = section.get("connection");
  if (!connection) {
    throw ConfigError(section.called() +
                      ": connection is missing, such as: connection = host=HOST dbname=DATABASE");
  }
  return std::make_unique<PostgresqlBackend>(*connection, table_name(section, '"'), zone_name(section));
}

}  // namespace lockkeeper::cli::stormlock
