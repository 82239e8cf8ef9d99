// The narrow interface between the engine and whatever keeps records durable. The contract suite
// (tests/contract) is this comment in executable form; every store passes it.
//
// Asynchronous: begin() hands over operations and returns at once; each comes back exactly once through
// Completions::completed, in any order, from any thread, also after an error. The engine owns the operations
// and keeps them alive until then.
//   - Two operations on one lock are never under way at the same time (the engine's promise), reads apart.
//   - A commit is durable when it comes back as Committed (fsync or better), and is atomic by itself: head,
//     rows and events all or none. It is never atomic with its neighbours.
//   - A read or scan that began after a commit came back sees it, whichever server committed (linearizable).
//   - Everything comes back within the store's own time-out, a few seconds, whatever happens to the network. A
//   store
//     that knows it is away answers Failed at once, finds out by itself when it is there again, and says neither
//     passwords nor keys in any `why`.
//   - A Commit begun once more, with the same change, after its outcome was unknown, meets its own version:
//   Conflict.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "locks/change.h"
#include "locks/record.h"

namespace lockkeeper::engine {

// How long ago, at least, a row was written, and how long ago it came to be (put where it was not, or after it was
// taken away). By the clock of this boot (CLOCK_BOOTTIME); rows of another boot have none. They count from
// when the commit was carried out: the engine's deadline, at most, before it came back.
struct Age {
  locks::RowId row;
  std::chrono::milliseconds written{0};
  std::chrono::milliseconds made{0};
};

struct NamedRecord {
  std::string lock;
  locks::Record record;
  std::vector<Age> ages;  // of its claims, from a store that knows; only when `timed_only` was asked for
};

// ---- questions

struct Commit {
  std::string lock;
  locks::Change change;  // every event carries the change's id
};

struct Read {
  std::string lock;
};

// Names in byte order, after `after` (exclusive; "" from the start).
struct Scan {
  std::string after;
  std::string prefix;
  std::size_t limit = 256;
  bool held_only = false;
  bool timed_only = false;  // only locks with head.timed != 0: what an engine has to watch
};

struct ReadHistory {
  std::string lock;
  locks::Version after = 0;  // only events with a greater version
  std::size_t limit = 100;
  bool newest_first = false;  // also decides which ones the limit keeps: the newest, or the oldest after `after`
};

// Forgets a free lock whose version is still `expected`, after raising the floor to at least that version.
struct Prune {
  std::string lock;
  locks::Version expected = 0;
};

// Free locks unchanged since `before`, for pruning. Perhaps not all of them, and perhaps none although there are
// some: a store without an index looks at a part at a time, and goes on from there when it is asked again.
struct FindFree {
  locks::WallTime before;
  std::size_t limit = 256;
};

// One slice of forgetting history: drops events older than `before` and those that are not among the newest
// `per_lock` of their lock, looking at `limit` events at most.
struct TrimHistory {
  locks::WallTime before;
  std::uint64_t per_lock = 1000;
  std::size_t limit = 1000;
};

// ---- answers

struct Committed {};

// The version was not the expected one: what is there now. Nothing was written.
struct Conflict {
  std::optional<locks::Record> record;  // none: absent
  locks::Version floor = 0;
};

struct Found {
  std::optional<locks::Record> record;  // none: absent
  locks::Version floor = 0;
};

struct Scanned {
  std::vector<NamedRecord> locks;
  bool more = false;
  // With `more`: all names up to this one were looked at. Empty: that is the last of `locks`. A store that has to
  // pass over many that were not asked for ends a slice so, within its time-out, perhaps with none in it.
  std::string up_to;
};

// Where the next slice goes on, with `more`.
inline const std::string& next_after(const Scanned& slice) {
  return slice.up_to.empty() ? slice.locks.back().lock : slice.up_to;
}

struct HistoryRead {
  std::vector<locks::Event> events;  // in the order asked for
  locks::Version oldest = 0;         // of the events still kept of this lock; 0: none
  bool more = false;
};

struct Pruned {
  bool done = false;  // false: the lock has moved on, or is not free
};

struct FreeFound {
  std::vector<std::string> locks;
};

struct Trimmed {
  std::size_t dropped = 0;
  bool more = false;
};

struct Failed {
  enum class Kind : std::uint8_t {
    no_room,      // nothing was written; goes on when there is room again
    unavailable,  // nothing was written
    unknown       // it may have been written, or still be
  };
  Kind kind = Kind::unavailable;
  std::string why;
};

struct Operation {
  std::variant<Commit, Read, Scan, ReadHistory, Prune, FindFree, TrimHistory> question;
  std::variant<std::monostate, Committed, Conflict, Found, Scanned, HistoryRead, Pruned, FreeFound, Trimmed, Failed>
      answer;
  void* owner = nullptr;      // the engine's; a store does not look at it
  Operation* next = nullptr;  // links a chain, in begin() and in completed()
};

// A lock is at that version, or at a newer one by now; 0: it was pruned, or its version is not known.
struct Changed {
  std::string lock;
  locks::Version version = 0;
};

class Completions {
 public:
  // A chain linked by `next`. Any thread; does not block.
  virtual void completed(Operation* chain) noexcept = 0;

  // What a store that watches() is told of the changes that anybody makes, this server's own among them: soon after
  // the commit, in any order, perhaps twice. Any thread; does not block.
  virtual void changed(std::vector<Changed> /*locks*/) noexcept {}
  // Some changes were not told and will not be: the watch was interrupted, and is back. Any lock may have changed.
  virtual void missed() noexcept {}

 protected:
  ~Completions() = default;
};

class Store {
 public:
  virtual ~Store() = default;

  // Called once, before the first begin(). Throws StoreError (store_error.h): the message is for the operator.
  virtual void open(Completions& completions) = 0;

  // A chain linked by `next`. Called from one thread (the engine's). Does not block on I/O.
  virtual void begin(Operation* chain) = 0;

  // Waits until everything begun has come back, then closes what is open. No begin() after it.
  virtual void close() = 0;

  // True when no other process can change the records (SQLite): a cached record is then current.
  virtual bool exclusive() const = 0;

  // Whether Completions::changed() tells what other servers do. Otherwise the engine looks, every `look_again`.
  virtual bool watches() const { return false; }

  // False while the store is known to be away; for /ready. Any thread.
  virtual bool ready() const = 0;
};

}  // namespace lockkeeper::engine
