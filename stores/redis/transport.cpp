#include "stores/redis/transport.h"

#include <sys/un.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>
#include <utility>

#include "stores/redis/loop_inside.h"

namespace lockkeeper::stores::redis {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using local = asio::local::stream_protocol;
using boost::system::error_code;

std::string text(const error_code& error) {
  if (error == asio::error::eof) return "the connection was closed";
  return error.message();
}

// What all have in common. Every handler keeps it alive, and calls nobody once it is closed.
class Base : public Transport, public std::enable_shared_from_this<Base> {
 public:
  explicit Base(const Address& address) : address_(address) {}

  void open(Done done) final {
    done_ = std::move(done);
    reach();
  }

  void close() noexcept final {
    if (std::exchange(closed_, true)) return;
    give_up();
    done_ = nullptr;
  }

 protected:
  virtual void reach() = 0;
  virtual void give_up() noexcept = 0;

  void opened(const std::string& fault) {
    if (!closed_) std::exchange(done_, nullptr)(fault);
  }
  bool closed() const { return closed_; }
  const Address& address() const { return address_; }

 private:
  const Address address_;
  Done done_;
  bool closed_ = false;
};

// What TCP and TLS have in common.
class OverTcp : public Base {
 public:
  OverTcp(Loop& loop, const Address& address) : Base(address), resolver_(loop.inside().context) {}

 protected:
  virtual tcp::socket& socket() = 0;
  virtual void connected() = 0;

  void reach() final {
    error_code no_address;
    const auto given = asio::ip::make_address(address().host, no_address);
    if (!no_address) {  // the resolver would start a thread for it
      return connect(tcp::resolver::results_type::create(tcp::endpoint(given, address().port), address().host, ""));
    }
    resolver_.async_resolve(
        address().host, std::to_string(address().port),
        [self = shared_from_this(), this](const error_code& error, const tcp::resolver::results_type& found) {
          if (closed()) return;
          if (error) return opened("no address for " + address().host + ": " + text(error));
          connect(found);
        });
  }

  void give_up() noexcept final {
    resolver_.cancel();
    error_code ignored;
    socket().close(ignored);
  }

 private:
  void connect(const tcp::resolver::results_type& found) {
    asio::async_connect(socket(), found,
                        [self = shared_from_this(), this](const error_code& error, const tcp::endpoint&) {
                          if (closed()) return;
                          if (error) return opened(text(error));
                          error_code ignored;
                          socket().set_option(tcp::no_delay(true), ignored);
                          connected();
                        });
  }

  tcp::resolver resolver_;
};

class OverSocket : public Base {
 public:
  OverSocket(Loop&, const Address& address) : Base(address) {}

 protected:
  virtual local::socket& socket() = 0;

  void reach() final {
    sockaddr_un longest{};
    if (address().socket.size() >= sizeof longest.sun_path) return opened("the path of the socket is too long");
    socket().async_connect(local::endpoint(address().socket),
                           [self = shared_from_this(), this](const error_code& error) {
                             if (!closed()) opened(error ? text(error) : std::string());
                           });
  }

  void give_up() noexcept final {
    error_code ignored;
    socket().close(ignored);
  }
};

template <class Stream, class Reached>
class Streaming : public Reached {
 public:
  using Done = Transport::Done;
  using Read = Transport::Read;

  template <class... Rest>
  Streaming(Loop& loop, const Address& address, Rest&... rest)
      : Reached(loop, address), stream_(loop.inside().context, rest...) {}

  void read(char* to, std::size_t at_most, Read done) final {
    stream_.async_read_some(asio::buffer(to, at_most),
                            [self = this->shared_from_this(), this, done = std::move(done)](const error_code& error,
                                                                                            std::size_t number) {
                              if (!this->closed()) done(error ? text(error) : std::string(), number);
                            });
  }

  void write(const std::string& bytes, Done done) final {
    asio::async_write(
        stream_, asio::buffer(bytes),
        [self = this->shared_from_this(), this, done = std::move(done)](const error_code& error, std::size_t) {
          if (!this->closed()) done(error ? text(error) : std::string());
        });
  }

 protected:
  Stream stream_;
};

class Plain final : public Streaming<tcp::socket, OverTcp> {
 public:
  using Streaming::Streaming;

 private:
  tcp::socket& socket() override { return stream_; }
  void connected() override { opened({}); }
};

class Local final : public Streaming<local::socket, OverSocket> {
 public:
  using Streaming::Streaming;

 private:
  local::socket& socket() override { return stream_; }
};

// Before the stream that needs it.
struct Context {
  explicit Context(const Address& address) {
    context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    if (address.ca.empty() && address.ca_folder.empty()) context.set_default_verify_paths();
    if (!address.ca.empty()) {
      file("ca", address.ca, [&](error_code& error) { context.load_verify_file(address.ca, error); });
    }
    if (!address.ca_folder.empty()) context.add_verify_path(address.ca_folder);
    if (!address.key_password.empty()) {
      context.set_password_callback([password = address.key_password](auto...) { return password; });
    }
    if (address.certificate.empty()) return;
    file("cert", address.certificate,
         [&](error_code& error) { context.use_certificate_chain_file(address.certificate, error); });
    const std::string& key = address.key.empty() ? address.certificate : address.key;
    file("key", key, [&](error_code& error) { context.use_private_key_file(key, asio::ssl::context::pem, error); });
  }

  template <class Use>
  static void file(const char* what, const std::string& path, Use use) {
    error_code error;
    use(error);
    if (error) throw std::runtime_error(std::string("cannot use ") + what + "=" + path + ": " + error.message());
  }

  asio::ssl::context context{asio::ssl::context::tls_client};
};

class Tls final : private Context, public Streaming<asio::ssl::stream<tcp::socket>, OverTcp> {
 public:
  Tls(Loop& loop, const Address& address) : Context(address), Streaming(loop, address, context) {
    stream_.set_verify_mode(address.any_certificate ? asio::ssl::verify_none : asio::ssl::verify_peer);
    const std::string& name = address.server_name.empty() ? address.host : address.server_name;
    if (!address.any_name && !address.any_certificate) {
      stream_.set_verify_callback(asio::ssl::host_name_verification(name));
    }
    error_code no_address;
    asio::ip::make_address(name, no_address);
    if (!no_address) return;
    // SSL_set_tlsext_host_name(), without its cast.
    SSL_ctrl(stream_.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(name.c_str()));
  }

 private:
  tcp::socket& socket() override { return stream_.next_layer(); }
  void connected() override {
    stream_.async_handshake(asio::ssl::stream_base::client,
                            [self = shared_from_this(), this](const error_code& error) {
                              opened(error ? "TLS: " + text(error) : std::string());
                            });
  }
};

}  // namespace

std::string Address::shown() const {
  if (!socket.empty()) return socket;
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::shared_ptr<Transport> make_transport(Loop& loop, const Address& address) {
  if (!address.socket.empty()) return std::make_shared<Local>(loop, address);
  if (address.tls) return std::make_shared<Tls>(loop, address);
  return std::make_shared<Plain>(loop, address);
}

}  // namespace lockkeeper::stores::redis
