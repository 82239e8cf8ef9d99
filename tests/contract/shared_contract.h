// What a store promises beyond StoreContract when several servers share it. A store joins by compiling the suite's
// sources (SHARED_CONTRACT in CMakeLists.txt) too and defining make_shared_place().
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/contract/store_contract.h"

namespace lockkeeper::contract {

// Whose another() gives stores.
std::unique_ptr<Place> make_shared_place();

// One more server's end of the store.
class OtherServer final : private engine::Completions {
 public:
  explicit OtherServer(std::unique_ptr<engine::Store> store);
  ~OtherServer();

  engine::Store& store() { return *store_; }
  std::vector<Answer> ask_all(std::vector<Question> questions);  // as one chain; answers in the order asked
  Answer ask(Question question);
  // Whether it was told, within half a minute, that the lock is at that version or a newer one (0: that it is
  // gone).
  bool hears_of(const std::string& lock, locks::Version version);

 private:
  void completed(engine::Operation* chain) noexcept override { inbox_.completed(chain); }
  void changed(std::vector<engine::Changed> locks) noexcept override;

  Inbox inbox_;
  std::mutex mutex_;
  std::condition_variable heard_;
  std::vector<engine::Changed> changes_;
  std::unique_ptr<engine::Store> store_;
};

class SharedStoreContract : public StoreContract {
 public:
  void SetUp() override;
  void TearDown() override;

  std::unique_ptr<OtherServer> other_;
};

}  // namespace lockkeeper::contract
