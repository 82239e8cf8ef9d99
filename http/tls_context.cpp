#include "http/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string>
#include <string_view>

namespace lockkeeper::http {
namespace {

namespace ssl = boost::asio::ssl;

[[noreturn]] void refuse(const std::string& what, const std::string& file) {
  char reason[256] = "unknown reason";
  if (const unsigned long error = ERR_get_error()) ERR_error_string_n(error, reason, sizeof reason);
  ERR_clear_error();
  throw ListenError(what + " " + file + ": " + reason);
}

// RFC 7301: a client that offers only other protocols is refused in the handshake.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  static constexpr unsigned char http1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* match = nullptr;
  if (SSL_select_next_proto(&match, chosen_size, http1, sizeof http1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

// A key under a passphrase must fail at once, not ask at the terminal.
int no_passphrase(char*, int, int, void*) {
  return 0;
}

}  // namespace

std::shared_ptr<ssl::context> load_tls(const TlsSettings& settings) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* const native = context->native_handle();
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);  // 34 KiB less for a waiting connection
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(native, no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(native, settings.certificate_file.c_str()) != 1) {
    refuse("cannot load the certificate", settings.certificate_file);
  }
  if (SSL_CTX_use_PrivateKey_file(native, settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    refuse("cannot load the key", settings.key_file);
  }
  if (SSL_CTX_check_private_key(native) != 1)
    refuse("the certificate does not belong to the key", settings.key_file);
  return context;
}

}  // namespace lockkeeper::http
