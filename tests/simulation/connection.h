// One server's way to the store, from one start to its end. Operations take their time there and back, pass each
// other, fail, lose their reply, or are carried out long after; only what engine/store.h promises holds: each comes
// back exactly once, and what came back as committed is.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/store.h"
#include "tests/simulation/shared_store.h"
#include "tests/simulation/stage.h"

namespace lockkeeper::simulation {

class Connection final : public engine::Store, private Watcher {
 public:
  // `wake`: something came back, the server may step.
  Connection(Stage& stage, SharedStore& store, std::size_t server, std::uint64_t life, std::function<void()> wake);

  void open(engine::Completions& completions) override;
  void begin(engine::Operation* chain) override;
  void close() override;  // a kill: nothing comes back any more, what is on its way may still be carried out
  bool exclusive() const override;
  bool watches() const override { return stage_.profile.watches; }
  bool ready() const override { return away_ <= stage_.agenda.now(); }

  void stall(Time until) { stalled_ = until; }  // nothing gets through meanwhile
  void fill(Time until) { full_ = until; }      // no room meanwhile
  void go_away(Time until);                     // meanwhile everything is refused at once, and nothing is told
  void lose_watch(Time until);                  // nothing is told meanwhile
  Time deaf_until() const { return deaf_; }

 private:
  struct Flight {
    SharedStore::Question question;  // its own copy: the engine may be gone when it arrives
    engine::Operation* operation;    // nullptr: nobody waits any more
    Origin origin;
    SharedStore::Answer answer;
    bool returned = false;
    bool carried_out = false;
  };
  using FlightPointer = std::shared_ptr<Flight>;

  void happened(const engine::Changed& what) override;
  void tell_of(const engine::Changed& what, Time delay);
  void plant_in_answer(Flight& flight);
  void send(engine::Operation& operation);
  void carry_out(Flight& flight);
  void arrive_after(const FlightPointer& flight, Time delay);  // carried out then
  void come_back_after(const FlightPointer& flight, Time delay);
  void fails_after(const FlightPointer& flight, Time delay, engine::Failed failed);
  void round_trip(const FlightPointer& flight, Time there);
  bool change_fate(const FlightPointer& flight, Time there);  // of a commit or a prune; false: nothing special
  bool planted(const FlightPointer& flight, Time there);
  Time latency();
  std::string lock_changed_by(const Flight& flight) const;

  Stage& stage_;
  SharedStore& store_;
  const std::size_t server_;
  const std::uint64_t life_;
  const std::function<void()> wake_;
  engine::Completions* completions_ = nullptr;
  std::vector<FlightPointer> flights_;   // those that are not back
  std::map<std::string, int> changing_;  // locks with a commit or prune under way
  Time stalled_{0};
  Time full_{0};
  Time away_{0};
  Time deaf_{0};
  std::map<std::string, std::string> unknown_;      // the last change of each lock that was told as unknown
  std::map<std::string, locks::Record> last_read_;  // for a planted bug
};

}  // namespace lockkeeper::simulation
