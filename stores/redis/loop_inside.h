// For transport.cpp and loop.cpp alone: Asio is theirs.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "stores/redis/loop.h"

namespace lockkeeper::stores::redis {

struct Loop::Inside {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  std::thread thread;
  bool lingers = false;  // the thread's own
};

}  // namespace lockkeeper::stores::redis
