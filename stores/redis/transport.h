// Bytes to and from one server, over TCP, TLS or a Unix socket. The loop's thread only; no handler is called after
// close().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "stores/redis/loop.h"

namespace lockkeeper::stores::redis {

struct Address {
  std::string host;
  std::uint16_t port = 6379;
  std::string socket;          // path of a Unix socket, instead of host and port; without TLS
  std::string user, password;  // secret; both empty: no AUTH
  unsigned database = 0;
  bool tls = false;              // 1.2 or newer; the server's name is checked
  bool any_certificate = false;  // whoever answers is taken for the server
  bool any_name = false;         // who shows a certificate of an authority is
  std::string ca;                // file of authorities; "": the system's
  std::string ca_folder;         // beside `ca`: authorities by their hashes
  std::string certificate, key;  // files, of a client that shows one
  std::string key_password;      // secret; "": the key has none
  std::string server_name;       // "": the host
  std::string client_name;       // CLIENT SETNAME; "": none

  std::string shown() const;  // host and port, or the socket
};

class Transport {
 public:
  using Done = std::function<void(const std::string& fault)>;  // "": it went well
  using Read = std::function<void(const std::string& fault, std::size_t number)>;

  virtual ~Transport() = default;
  virtual void open(Done done) = 0;
  virtual void read(char* to, std::size_t at_most, Read done) = 0;
  virtual void write(const std::string& bytes, Done done) = 0;  // which live until done; one at a time
  virtual void close() noexcept = 0;
};

// Throws std::runtime_error: a certificate's file cannot be read.
std::shared_ptr<Transport> make_transport(Loop& loop, const Address& address);

}  // namespace lockkeeper::stores::redis
