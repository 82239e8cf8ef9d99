// Records in PostgreSQL, which any number of servers share. Fail-over keeps every acknowledged lock where
// PostgreSQL replicates synchronously, and the host that was primary takes no more reads either (as whatever
// promotes another one has to see to in any case).
#pragma once

#include <memory>
#include <string>

#include "engine/store.h"
#include "stores/module.h"

namespace lockkeeper::stores {

class PostgresqlStore final : public engine::Store {
 public:
  // Throws StoreError for what the URL says wrong (postgresql/options.h).
  explicit PostgresqlStore(StoreSettings settings);
  ~PostgresqlStore() override;

  void open(engine::Completions& completions) override;
  void begin(engine::Operation* chain) override;
  void close() override;
  bool exclusive() const override { return false; }
  bool watches() const override;
  bool ready() const override;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

// For StoreKind.
std::string postgresql_schema(const StoreUrl& url);
void migrate_postgresql(const StoreSettings& settings);
void adjust_to_postgresql(const StoreUrl& url, engine::Settings& settings);

}  // namespace lockkeeper::stores
