#include "cli/stormlock/mysql/mysql_backend.h"

#include <cctype>
#include <charconv>
#include <utility>

#include "cli/stormlock/lease_id.h"
#include "cli/stormlock/mysql/connection.h"

namespace lockkeeper::cli::stormlock {
namespace {

// Nothing to quote, whatever it holds.
std::string literal(const std::string& text) {
  return "_utf8mb4 X'" + to_hex(text) + "'";
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// In capitals, as the original prints them and we do.
std::string canonical(const std::string& id) {
  const bool is_hex = id.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  if (is_hex && id.size() == 32) return upper(id);
  throw BackendError("'" + id + "' is no lease id: that is 32 hexadecimal digits, as acquire has printed them");
}

Created moment(const std::optional<std::string>& seconds) {
  long long value = 0;
  if (seconds) std::from_chars(seconds->data(), seconds->data() + seconds->size(), value);
  return std::chrono::sys_seconds(std::chrono::seconds(value));
}

struct Row {
  Lease lease;
  std::string resource;
};

class MysqlBackend final : public Backend {
 public:
  explicit MysqlBackend(const MysqlSettings& settings) : table_(settings.table), mysql_(settings) {}

  using Backend::acquire;

  std::variant<Lease, Held> acquire(const Wish& wish) override {
    const std::string id = upper(to_hex(new_lease_id()));
    return acquire_twice(wish.resource, id, [&] { return try_to_acquire(wish, id); });
  }

  void release(const std::string& resource, const std::string& id) override {
    const std::string sql = "DELETE FROM " + table_ + " WHERE " + is_lease(resource, canonical(id));
    ask_twice([&] { return mysql_.ask(sql); });
  }

  bool renew(const std::string& resource, const std::string& id, std::chrono::seconds ttl) override {
    const std::string sql = "UPDATE " + table_ + " SET expires = " + after(ttl) + " WHERE " +
                            is_lease(resource, canonical(id)) + " AND expires >= NOW()";
    return ask_twice([&] { return mysql_.ask(sql); }).matched > 0;
  }

  std::optional<Lease> current(const std::string& resource) override {
    const auto row = ask_twice([&] { return read(resource); });
    if (!row) return std::nullopt;
    require_same_name(resource, *row);
    return row->lease;
  }

  bool is_held(const std::string& resource, const std::string& id) override {
    const std::string sql =
        "SELECT 1 FROM " + table_ + " WHERE " + is_lease(resource, canonical(id)) + " AND expires >= NOW()";
    return !ask_twice([&] { return mysql_.ask(sql); }).rows.empty();
  }

 private:
  // A row whose time is over is nobody's, under whatever name the table takes for this one.
  std::variant<Lease, Held> try_to_acquire(const Wish& wish, const std::string& id) {
    const std::string name = literal(wish.resource);
    const std::string lease = "X'" + id + "'";
    const std::string principal = literal(wish.principal);
    const Lease mine{id, wish.principal,
                     std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())};
    for (int i = 0; i < 3; ++i) {
      const auto taken_over = mysql_.ask(
          "UPDATE " + table_ + " SET resource = " + name + ", lease = " + lease + ", principal = " + principal +
          ", created = NOW(), expires = " + after(wish.ttl) + " WHERE resource = " + name + " AND expires < NOW()");
      if (taken_over.matched == 1) return mine;
      const auto made =
          mysql_.ask("INSERT INTO " + table_ + " (resource, lease, principal, created, expires) VALUES (" + name +
                     ", " + lease + ", " + principal + ", NOW(), " + after(wish.ttl) + ")");
      if (!made.duplicate) return mine;
      const auto row = read(wish.resource);
      if (!row) continue;  // gone before one has seen who it was
      if (row->lease.id == id) return row->lease;
      require_same_name(wish.resource, *row);
      return Held{row->lease};
    }
    return Held{};
  }

  // Whoever holds what the table takes for that name.
  std::optional<Row> read(const std::string& resource) {
    const auto answer = mysql_.ask("SELECT HEX(lease), principal, UNIX_TIMESTAMP(created), resource FROM " +
                                   table_ + " WHERE resource = " + literal(resource) + " AND expires >= NOW()");
    if (answer.rows.empty()) return std::nullopt;
    const auto& row = answer.rows.front();
    return Row{{row[0].value_or(""), row[1].value_or(""), moment(row[2])}, row[3].value_or("")};
  }

  void require_same_name(const std::string& resource, const Row& row) const {
    if (row.resource == resource) return;
    throw BackendError("MySQL: the table " + table_ + " cannot tell '" + resource + "' from '" + row.resource +
                       "', which " + row.lease.principal + " holds; ALTER TABLE " + table_ +
                       " MODIFY resource VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin makes names exact, "
                       "but for blanks at their end");
  }

  // The first condition is for the index, the second for the letter.
  static std::string is_lease(const std::string& resource, const std::string& id) {
    return "resource = " + literal(resource) + " AND HEX(CONVERT(resource USING utf8mb4)) = '" +
           upper(to_hex(resource)) + "' AND lease = X'" + id + "'";
  }

  static std::string after(std::chrono::seconds ttl) {
    return "NOW() + INTERVAL " + std::to_string(ttl.count()) + " SECOND";
  }

  const std::string table_;
  MysqlConnection mysql_;
};

}  // namespace

std::unique_ptr<Backend> make_mysql_backend(const Section& section) {
  return std::make_unique<MysqlBackend>(mysql_settings(section));
}

}  // namespace lockkeeper::cli::stormlock
