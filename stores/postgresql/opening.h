// Connections as the store needs them: one that works and one that listens.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "stores/postgresql/connection.h"
#include "stores/postgresql/options.h"

namespace lockkeeper::stores::postgresql {

struct Opened {
  std::unique_ptr<Connection> work;
  std::unique_ptr<Connection> watch;  // nullptr: options.watch has none
};

using Say = std::function<void(const std::string&)>;

// For options.connect_timeout at most; the tables are there then. What puts locks at risk goes to `warn`. Throws
// StoreError.
Opened open_connections(const Options& options, const Say& warn);

// A connection with which the tables can be made.
std::unique_ptr<Connection> connect_plain(const Options& options);

// Later ones: connected, and known to reach the tables (through PgBouncer a connection alone says nothing), or
// listening. nullptr: not now.
std::unique_ptr<Connection> connect_work(const Options& options, int stop);
std::unique_ptr<Connection> connect_watch(const Options& options, int stop);

}  // namespace lockkeeper::stores::postgresql
