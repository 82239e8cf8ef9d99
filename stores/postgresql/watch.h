// What others change, as PostgreSQL tells whoever listens. For the worker's thread.
#pragma once

#include <memory>
#include <vector>

#include "engine/store.h"
#include "stores/postgresql/connection.h"
#include "stores/postgresql/connector.h"
#include "stores/postgresql/options.h"

namespace lockkeeper::stores::postgresql {

class Watch {
 public:
  // `listens`: already. Nothing is done without options.watch.
  Watch(const Options& options, std::unique_ptr<Connection> listens, engine::Completions& completions, Bell& bell);

  int socket() const { return listens_ ? listens_->socket() : -1; }
  short events() const { return listens_ ? listens_->events() : short{0}; }
  Time next() const { return next_; }  // when there is something to do without the socket

  void look(Time now, bool readable);
  void start_again(Time now);  // perhaps it listens at a host that is none any more

 private:
  void lose(Time now);
  void tell();

  const Options& options_;
  engine::Completions& completions_;
  std::unique_ptr<Connector> connector_;
  std::unique_ptr<Connection> listens_;
  bool asked_ = false;  // whether it is still there
  Time next_ = Time::max();
};

}  // namespace lockkeeper::stores::postgresql
