// Wakes a thread that polls.
#pragma once

namespace lockkeeper::stores::postgresql {

class Bell {
 public:
  Bell();
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  void ring() noexcept;   // any thread
  void clear() noexcept;  // whoever polls
  int socket() const { return socket_; }

 private:
  int socket_;
};

}  // namespace lockkeeper::stores::postgresql
