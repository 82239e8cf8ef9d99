#include "stores/postgresql/worker.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "engine/sleeper.h"

namespace lockkeeper::stores::postgresql {
namespace {

using engine::Failed;
using engine::Operation;
using std::chrono::steady_clock;

constexpr std::chrono::microseconds lingering{200};  // as engine/sleeper.h explains

// By kind: how many go together, and on how many connections at a time, of a pool of that size. Commits on one
// alone: a NOTIFY makes PostgreSQL's commits go one by one, so that a second batch would only make both of them
// smaller.
struct Share {
  std::size_t together;
  std::size_t (*lanes)(std::size_t pool);
};
constexpr Share shares[] = {
    {256, [](std::size_t) { return std::size_t{1}; }},                         // commits
    {128, [](std::size_t pool) { return pool; }},                              // reads
    {256, [](std::size_t) { return std::size_t{1}; }},                         // prunes
    {1, [](std::size_t pool) { return std::max<std::size_t>(pool / 2, 1); }},  // other
};

const Share& share(Kind kind) {
  return shares[static_cast<std::size_t>(kind)];
}

}  // namespace

Worker::Worker(const Options& options, Opened opened, Say warn, engine::Completions& completions)
    : options_(options),
      warn_(std::move(warn)),
      completions_(completions),
      questions_(options.schema),
      lanes_(options.pool),
      connector_(std::make_unique<Connector>([&options](int stop) { return connect_work(options, stop); }, bell_)),
      watch_(options, std::move(opened.watch), completions, bell_) {
  lanes_.front().connection = std::move(opened.work);
  want_connections();
  thread_ = std::thread([this] { run(); });
}

Worker::~Worker() {
  closing_ = true;
  bell_.ring();
  thread_.join();
}

void Worker::begin(Operation* chain) {
  begun_.push(chain);
  if (asleep_) bell_.ring();
}

void Worker::run() {
  while (true) {
    const bool closing = closing_;
    const Time now = steady_clock::now();
    take_begun(now);
    take_connections(now);
    give_up_late(now);
    start_queries();
    if (closing && through()) return;
    wait();
  }
}

bool Worker::through() const {
  return begun_.empty() &&
         std::all_of(waiting_.begin(), waiting_.end(), [](const Queue& q) { return q.empty(); }) &&
         std::all_of(lanes_.begin(), lanes_.end(), [](const Lane& lane) { return lane.batch.empty(); });
}

void Worker::take_begun(Time now) {
  Operation* chain = begun_.take();
  if (chain == nullptr) return;
  Batch refused;
  while (chain != nullptr) {
    Operation* operation = std::exchange(chain, chain->next);
    if (away_) {
      refused.push_back(operation);
    } else {
      waiting_[static_cast<std::size_t>(kind(*operation))].push_back({operation, now});
    }
  }
  if (!refused.empty()) fail(refused, {Failed::Kind::unavailable, away_because_});
}

void Worker::take_connections(Time now) {
  auto made = connector_->take();
  if (made.empty()) return;
  for (auto& lane : lanes_) {
    if (made.empty()) break;
    if (lane.connection) continue;
    lane.connection = std::move(made.back());
    made.pop_back();
  }
  want_connections();
  if (away_) come_back(now);
}

void Worker::want_connections() {
  connector_->want(static_cast<std::size_t>(
      std::count_if(lanes_.begin(), lanes_.end(), [](const Lane& lane) { return !lane.connection; })));
}

void Worker::start_queries() {
  for (std::size_t i = 0; i < kinds; ++i) {
    const auto kind = static_cast<Kind>((turn_ + i) % kinds);
    while (!waiting_[static_cast<std::size_t>(kind)].empty() &&
           under_way(kind) < share(kind).lanes(lanes_.size())) {
      const auto idle = std::find_if(lanes_.begin(), lanes_.end(),
                                     [](const Lane& lane) { return lane.connection && lane.batch.empty(); });
      if (idle == lanes_.end()) return;
      turn_ = static_cast<std::size_t>(kind) + 1;
      if (!start(*idle, kind)) return;
    }
  }
}

std::size_t Worker::under_way(Kind kind) const {
  return static_cast<std::size_t>(std::count_if(
      lanes_.begin(), lanes_.end(), [kind](const Lane& lane) { return !lane.batch.empty() && lane.kind == kind; }));
}

bool Worker::start(Lane& lane, Kind kind) {
  Queue& queue = waiting_[static_cast<std::size_t>(kind)];
  lane.kind = kind;
  lane.until = queue.front().since + options_.timeout;
  for (; !queue.empty() && lane.batch.size() < share(kind).together; queue.pop_front()) {
    lane.batch.push_back(queue.front().operation);
  }
  last_together_ = lane.batch.size();
  const Query query = questions_.query(lane.batch);
  if (lane.connection->send(query.sql, query.parameters)) return true;
  finish(lane);
  return false;
}

Time Worker::next() const {
  Time first = watch_.next();
  for (const Lane& lane : lanes_) {
    if (!lane.batch.empty()) first = std::min(first, lane.until);
  }
  for (const Queue& queue : waiting_) {
    if (!queue.empty()) first = std::min(first, queue.front().since + longest_in_queue());
  }
  return first;
}

bool Worker::few_under_way() const {
  std::size_t number = 0;
  for (const Lane& lane : lanes_) number += lane.batch.size();
  for (const Queue& queue : waiting_) number += queue.size();
  return std::max(number, last_together_) <= engine::Sleeper::few;
}

void Worker::wait() {
  std::vector<pollfd> all = {{bell_.socket(), POLLIN, 0}, {watch_.socket(), watch_.events(), 0}};
  for (const Lane& lane : lanes_) {
    all.push_back({lane.connection ? lane.connection->socket() : -1,
                   lane.connection ? lane.connection->events() : short{0}, 0});
  }
  if (few_under_way()) {
    const Time end = steady_clock::now() + lingering;
    while (poll(all.data(), all.size(), 0) == 0 && begun_.empty() && steady_clock::now() < end) {
      std::this_thread::yield();
    }
  }
  asleep_ = true;
  const bool awake = !begun_.empty();
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next() - steady_clock::now()).count();
  poll(all.data(), all.size(), awake ? 0 : static_cast<int>(std::clamp<long long>(left, 0, 60'000)));
  asleep_ = false;
  if (all[0].revents != 0) bell_.clear();
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (all[i + 2].revents != 0) look(lanes_[i]);
  }
  watch_.look(steady_clock::now(), all[1].revents != 0);
}

void Worker::look(Lane& lane) {
  if (!lane.connection || !lane.connection->advance()) return;
  if (!lane.batch.empty()) {
    finish(lane);
  } else if (lane.connection->lost()) {
    drop(lane);
  }
}

void Worker::finish(Lane& lane) {
  const Answer answer = lane.connection->take();
  Batch batch = std::exchange(lane.batch, {});
  if (answer.fault) {
    const bool read_only = answer.fault->is("25006");  // this host is none to write to any more
    if (lane.connection->lost() || read_only) drop(lane);
    return fail(batch, explain(lane.kind, *answer.fault));
  }
  if (lane.kind == Kind::commits && !answer.warning.empty()) {
    // Committed here, and perhaps not where a fail-over goes to.
    return fail(batch, {Failed::Kind::unknown, options_.shown + ": " + answer.warning});
  }
  try {
    for (Operation* each : batch) each->answer = std::monostate();
    questions_.answer(batch, answer.result);
    for (Operation* each : batch) {
      if (std::holds_alternative<std::monostate>(each->answer))
        throw BadResult("PostgreSQL answered less than asked");
    }
  } catch (const BadResult& bad) {
    return fail(batch, explain(lane.kind, Fault{"", bad.what(), true}));
  }
  if (away_) come_back(steady_clock::now());
  give_back(batch);
}

void Worker::give_up_late(Time now) {
  bool frozen = false;
  for (Lane& lane : lanes_) {
    if (lane.batch.empty() || now < lane.until) continue;
    Batch batch = std::exchange(lane.batch, {});
    // A long scan says nothing of the others.
    frozen = frozen || lane.kind != Kind::other;
    drop(lane);
    fail(batch, explain(lane.kind,
                        Fault{"", "no answer within " + std::to_string(options_.timeout.count()) + "ms", true}));
  }
  if (frozen) {
    for (Lane& lane : lanes_) {
      if (lane.batch.empty()) lane.connection.reset();
    }
    want_connections();
    go_away(options_.shown + ": no answer in time");
  }
  Batch late;
  for (Queue& queue : waiting_) {
    for (; !queue.empty() && now - queue.front().since >= longest_in_queue(); queue.pop_front()) {
      late.push_back(queue.front().operation);
    }
  }
  if (!late.empty()) fail(late, {Failed::Kind::unavailable, options_.shown + ": too busy"});
}

void Worker::drop(Lane& lane) {
  lane.connection.reset();
  want_connections();
  const bool some =
      std::any_of(lanes_.begin(), lanes_.end(), [](const Lane& one) { return one.connection != nullptr; });
  if (!some) go_away(options_.shown + ": the connection is lost");
}

void Worker::go_away(const std::string& why) {
  away_because_ = why;
  if (!away_.exchange(true)) warn_(why + "; trying to connect");
  Batch all;
  for (Queue& queue : waiting_) {
    for (const Waiting& each : queue) all.push_back(each.operation);
    queue.clear();
  }
  if (!all.empty()) fail(all, {Failed::Kind::unavailable, why});
}

void Worker::come_back(Time now) {
  away_ = false;
  watch_.start_again(now);  // it may be at another host now
}

Failed Worker::explain(Kind kind, const Fault& fault) const {
  const std::string why =
      options_.shown + ": " + fault.text + (fault.state.empty() ? "" : " (" + fault.state + ")");
  const bool writes = kind == Kind::commits || kind == Kind::prunes;
  if (writes && (fault.lost || fault.is("57P"))) return {Failed::Kind::unknown, why};
  if (fault.is("53100")) return {Failed::Kind::no_room, why};
  return {Failed::Kind::unavailable, why};
}

void Worker::fail(Batch& batch, const Failed& failed) {
  for (Operation* each : batch) each->answer = failed;
  give_back(batch);
}

void Worker::give_back(Batch& batch) {
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i]->next = i + 1 < batch.size() ? batch[i + 1] : nullptr;
  completions_.completed(batch.front());
}

}  // namespace lockkeeper::stores::postgresql
