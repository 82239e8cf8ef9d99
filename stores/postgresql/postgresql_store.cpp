#include "stores/postgresql/postgresql_store.h"

#include <algorithm>
#include <utility>

#include "stores/postgresql/opening.h"
#include "stores/postgresql/options.h"
#include "stores/postgresql/schema.h"
#include "stores/postgresql/schema_sql.h"
#include "stores/postgresql/worker.h"

namespace lockkeeper::stores {

class PostgresqlStore::Parts {
 public:
  explicit Parts(StoreSettings settings) : options(postgresql::options_of(settings.url)), warn(settings.warn) {}

  const postgresql::Options options;
  const postgresql::Say warn;
  std::unique_ptr<postgresql::Worker> worker;
};

PostgresqlStore::PostgresqlStore(StoreSettings settings) : parts_(std::make_unique<Parts>(std::move(settings))) {}

PostgresqlStore::~PostgresqlStore() = default;

void PostgresqlStore::open(engine::Completions& completions) {
  auto opened = postgresql::open_connections(parts_->options, parts_->warn);
  parts_->worker =
      std::make_unique<postgresql::Worker>(parts_->options, std::move(opened), parts_->warn, completions);
}

void PostgresqlStore::begin(engine::Operation* chain) {
  parts_->worker->begin(chain);
}

void PostgresqlStore::close() {
  parts_->worker.reset();
}

bool PostgresqlStore::watches() const {
  return parts_->options.watch.has_value();
}

bool PostgresqlStore::ready() const {
  return parts_->worker && parts_->worker->ready();
}

std::string postgresql_schema(const StoreUrl& url) {
  return postgresql::schema_sql(postgresql::options_of(url).schema);
}

void migrate_postgresql(const StoreSettings& settings) {
  const auto options = postgresql::options_of(settings.url);
  const auto connection = postgresql::connect_plain(options);
  postgresql::make_schema(*connection, options);
}

// The store gives up first, and says why.
void adjust_to_postgresql(const StoreUrl& url, engine::Settings& settings) {
  const auto timeout = postgresql::options_of(url).timeout;
  settings.deadline = std::max(settings.deadline, timeout + std::chrono::milliseconds(500));
}

}  // namespace lockkeeper::stores
