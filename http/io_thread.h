// One I/O thread: its event loop, its connections, and the sweeper that stands in for timers of their own.
//
// All but the constructor, start(), post(), join() and the counters belongs to the thread itself.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "http/listener.h"

namespace lockkeeper::http {

class Connection;

// The executor's concrete type: nothing is type-erased on the way of an operation.
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

// What every connection of a listener shares. Outlives all I/O threads.
struct ListenerState {
  ListenerState(ListenerSettings given, Service& answering) : settings(std::move(given)), service(answering) {}
  const ListenerSettings settings;
  Service& service;
  std::atomic<std::uint64_t> open{0};      // also those that are only refused
  std::atomic<std::uint64_t> refusing{0};  // of these
};

class IoThread {
 public:
  using Clock = std::chrono::steady_clock;
  // How late a time-out may be noticed.
  static constexpr std::chrono::milliseconds sweep_interval{250};

  IoThread(ListenerState& state, std::size_t index);
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  void start();
  // The loop ends when what was posted before has run. Connections that are left live until the destructor.
  void end_and_join();

  template <class Task>
  void post(Task&& task) {
    boost::asio::post(context_, std::forward<Task>(task));
  }
  boost::asio::io_context& context() { return context_; }
  std::uint64_t requests() const { return requests_.load(std::memory_order_relaxed); }

  struct Accepted {
    std::size_t listener = 0;
    bool refused = false;                            // one too many: gets 503
    std::shared_ptr<boost::asio::ssl::context> tls;  // none: plain
  };
  void adopt(Socket socket, Accepted accepted);
  void remove(Connection& connection);  // destroys it

  // Closes idle connections and lets the others end; `drained` is called once, when none is left.
  void drain(std::function<void()> drained);
  void abort();  // closes every socket
  bool draining() const { return draining_; }

  ListenerState& state() { return state_; }
  std::size_t index() const { return index_; }
  std::string_view date() const { return date_; }
  // Never early, late by up to two intervals. Costs no look at the clock; a stopped process ages nothing.
  Clock::time_point deadline(std::chrono::milliseconds duration) const { return now_ + duration + sweep_interval; }
  std::uint64_t next_id();  // of a request, or of what was to become one
  void count_request() {
    requests_.store(requests_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

 private:
  void sweep();
  void tell_if_drained();

  ListenerState& state_;
  const std::size_t index_;
  boost::asio::io_context context_{1};  // a hint: one thread runs it
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, boost::asio::io_context::executor_type>
      sweeper_;
  std::vector<std::unique_ptr<Connection>> connections_;
  Clock::time_point now_;
  std::int64_t date_second_ = 0;
  std::string date_;
  bool draining_ = false;
  std::function<void()> drained_;
  std::uint64_t next_id_ = 0, ids_end_ = 0;
  std::atomic<std::uint64_t> requests_{0};  // written by this thread only
  std::thread thread_;
};

}  // namespace lockkeeper::http
