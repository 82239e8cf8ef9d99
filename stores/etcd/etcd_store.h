// Records in an etcd cluster (3.4 or newer), for any number of servers: options.h has the URL, layout.h what lies
// where. Each change is one Txn, conditional on the version it expects, and many are under way at a time. A watch
// tells of what others change.
#pragma once

#include <memory>

#include "engine/store.h"
#include "stores/module.h"

namespace lockkeeper::stores {

class EtcdStore final : public engine::Store {
 public:
  explicit EtcdStore(StoreSettings settings);  // throws StoreError for a URL that is wrong
  ~EtcdStore() override;

  void open(engine::Completions& completions) override;
  void begin(engine::Operation* chain) override;
  void close() override;
  bool exclusive() const override { return false; }
  bool watches() const override { return true; }
  bool ready() const override;

 private:
  class Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace lockkeeper::stores
