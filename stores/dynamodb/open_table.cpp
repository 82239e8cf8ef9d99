#include "stores/dynamodb/open_table.h"

#include <algorithm>
#include <thread>

#include "engine/store_error.h"
#include "stores/dynamodb/layout.h"
#include "wire/record_json.h"

namespace lockkeeper::stores::dynamodb {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Kind = DynamoError::Kind;

constexpr milliseconds between_looks(100);
constexpr std::chrono::minutes making_takes_at_most(1);

class Opening {
 public:
  Opening(DynamoClient& client, const DynamoSettings& settings, const std::function<void(const std::string&)>& info)
      : client_(client), settings_(settings), info_(info) {}

  void find_table() {
    const Deadline give_up = steady_clock::now() + settings_.connect_timeout;
    while (true) {
      try {
        if (!present() && !made()) continue;
        return require_layout();
      } catch (const DynamoError& error) {
        const bool may_pass = error.kind == Kind::unreachable || error.kind == Kind::late ||
                              error.kind == Kind::unanswered || error.kind == Kind::throttled ||
                              error.kind == Kind::failed;
        if (!may_pass || steady_clock::now() + between_looks >= give_up) refuse(error.what());
        std::this_thread::sleep_for(between_looks);
      } catch (const wire::WireError& error) {
        refuse(error.what());
      }
    }
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw engine::StoreError("dynamodb: table " + settings_.table + " at " + settings_.connection.endpoint + ": " +
                             why);
  }

  Deadline soon() const { return steady_clock::now() + std::max(settings_.timeout, milliseconds(1000)); }

  // Waits while it is being made.
  bool present() {
    const Deadline give_up = steady_clock::now() + making_takes_at_most;
    while (const auto table = client_.describe_table(settings_.table, soon())) {
      if (table->active) {
        require_keys(*table);
        return true;
      }
      if (steady_clock::now() >= give_up) refuse("it has not become active within a minute");
      std::this_thread::sleep_for(between_looks);
    }
    return false;
  }

  void require_keys(const Table& table) const {
    const Table wanted = wanted_table();
    const bool same =
        table.partition == wanted.partition && table.sort == wanted.sort &&
        std::find(table.indexes.begin(), table.indexes.end(), wanted.indexes[0]) != table.indexes.end();
    if (!same) {
      refuse("it is not one of Lockkeeper's: its keys are not p and s (both bytes) with a local index " +
             std::string(timed_index) + " of p and t (bytes)");
    }
  }

  // False: somebody else is at it.
  bool made() {
    if (!settings_.create) refuse("there is none, and it is not to be made (create=false)");
    try {
      client_.create_table(settings_.table, wanted_table(), soon());
      info_("made the table " + settings_.table);
    } catch (const DynamoError& error) {
      if (error.kind != Kind::in_use) throw;
    }
    return present();
  }

  void require_layout() {
    const auto there = client_.get(settings_.table, layout_key(), soon());
    if (there) return check(*there);
    Item item = layout_key();
    item["v"] = number(layout_version);
    item["n"] = number(std::uint64_t{shards});
    try {
      client_.put(settings_.table, item, {"attribute_not_exists(p)", {}}, soon());
    } catch (const DynamoError& error) {
      if (error.kind != Kind::condition) throw;
      if (const auto other = client_.get(settings_.table, layout_key(), soon())) check(*other);
    }
  }

  void check(const Item& layout) const {
    const auto version = number_of(layout, "v");
    if (version != layout_version || number_of(layout, "n") != shards) {
      refuse("its layout is " + std::to_string(version) + ", and this server knows " +
             std::to_string(layout_version) + " only: a newer one has written it");
    }
  }

  DynamoClient& client_;
  const DynamoSettings& settings_;
  const std::function<void(const std::string&)>& info_;
};

}  // namespace

void open_table(DynamoClient& client, const DynamoSettings& settings,
                const std::function<void(const std::string&)>& info) {
  Opening(client, settings, info).find_table();
}

}  // namespace lockkeeper::stores::dynamodb
