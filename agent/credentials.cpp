#include "agent/credentials.h"

#include <algorithm>
#include <mutex>

#include "agent/base64.h"
#include "agent/client_pair.h"
#include "agent/exec_plugin.h"
#include "agent/token_file.h"

namespace lockkeeper::agent {

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

bool may_stand_in_a_header(const std::string& value) {
  return std::none_of(value.begin(), value.end(),
                      [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; });
}

// An extra's key is a part of a header's name: what may not stand there is percent-encoded, as Go's client does.
std::string header_name(const std::string& key) {
  static const std::string legal = "!#$&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  static const char digits[] = "0123456789ABCDEF";
  std::string name;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (legal.find(c) != std::string::npos) {
      name += c;
    } else {
      name += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return name;
}

Headers impersonation(const UserSettings& user) {
  Headers headers;
  if (!user.as.empty()) headers.emplace_back("Impersonate-User", user.as);
  if (!user.as_uid.empty()) headers.emplace_back("Impersonate-Uid", user.as_uid);
  for (const std::string& group : user.as_groups) headers.emplace_back("Impersonate-Group", group);
  for (const auto& [key, values] : user.as_user_extra) {
    for (const std::string& value : values) headers.emplace_back("Impersonate-Extra-" + header_name(key), value);
  }
  for (const auto& [name, value] : headers) {
    if (!may_stand_in_a_header(value)) throw ConfigError(user.source + ": " + name + " holds a control character");
  }
  return headers;
}

}  // namespace

class Credentials::Impl {
 public:
  Impl(UserSettings user, Surroundings surroundings)
      : user_(std::move(user)), surroundings_(std::move(surroundings)), impersonation_(impersonation(user_)) {
    if (!user_.token.empty()) user_.token = trimmed_token(user_.token, user_.source + ": token");
    if (!user_.token_file.empty()) token_file_.emplace(user_.token_file, user_.token, surroundings_);
    if (!user_.username.empty() && user_.username.find(':') != std::string::npos) {
      throw ConfigError(user_.source + ": username holds a colon");
    }
    const bool certificate = !user_.certificate_file.empty() || !user_.certificate_data.empty();
    if (certificate) pair_.emplace(user_, surroundings_);
  }

  Presented present(const http::Interrupt* interrupt) {
    const std::scoped_lock lock(mutex_);
    Presented presented;
    if (user_.exec) {
      fresh_plugin(interrupt);
      if (!plugin_->token.empty()) bearer(presented, plugin_->token);
      presented.certificate = plugin_->certificate;
      presented.key = plugin_->key;
      presented.certificate_number = plugin_certificate_number_;
    } else if (token_file_) {
      bearer(presented, token_file_->token());
    } else if (!user_.token.empty()) {
      bearer(presented, user_.token);
    } else if (!user_.username.empty()) {
      presented.headers.emplace_back("Authorization",
                                     "Basic " + encode_base64(user_.username + ":" + user_.password));
    }
    if (pair_) {
      pair_->refresh();
      presented.certificate = pair_->certificate();
      presented.key = pair_->key();
      presented.certificate_number = pair_->number();
    }
    presented.headers.insert(presented.headers.end(), impersonation_.begin(), impersonation_.end());
    presented.number = number_;
    return presented;
  }

  bool refused(const Presented& presented) {
    const std::scoped_lock lock(mutex_);
    if (presented.number != number_) return true;  // another thread was refused the same before
    if (!user_.exec && !token_file_ && !(pair_ && pair_->from_files())) return false;
    ++number_;
    plugin_.reset();
    if (token_file_) token_file_->expire();
    return true;
  }

 private:
  static void bearer(Presented& presented, const std::string& token) {
    presented.headers.emplace_back("Authorization", "Bearer " + token);
  }

  void fresh_plugin(const http::Interrupt* interrupt) {
    const auto now = std::chrono::floor<std::chrono::milliseconds>(surroundings_.wall_clock());
    if (plugin_ && (!plugin_->expires || now < *plugin_->expires)) return;
    plugin_.reset();
    ExecCredential fresh = run_exec_plugin(*user_.exec, surroundings_, interrupt);
    try {
      if (!fresh.token.empty())
        fresh.token = trimmed_token(fresh.token, "the token of exec plugin " + user_.exec->command);
      if (!fresh.certificate.empty()) http::require_client_pair(fresh.certificate, fresh.key);
    } catch (const ConfigError& error) {
      throw NoCredentials(error.what());
    } catch (const http::HttpError& error) {
      throw NoCredentials("exec plugin " + user_.exec->command + ": " + error.what());
    }
    if (fresh.certificate != last_plugin_certificate_ || fresh.key != last_plugin_key_) {
      ++plugin_certificate_number_;
      last_plugin_certificate_ = fresh.certificate;
      last_plugin_key_ = fresh.key;
    }
    plugin_ = std::move(fresh);
  }

  std::mutex mutex_;
  UserSettings user_;
  const Surroundings surroundings_;
  const Headers impersonation_;
  std::optional<TokenFile> token_file_;
  std::optional<ClientPair> pair_;
  std::optional<ExecCredential> plugin_;
  std::string last_plugin_certificate_, last_plugin_key_;
  std::uint64_t plugin_certificate_number_ = 0;
  std::uint64_t number_ = 1;  // of what is presented: grows when it is refused
};

Credentials::Credentials(UserSettings user, Surroundings surroundings)
    : impl_(std::make_unique<Impl>(std::move(user), std::move(surroundings))) {}
Credentials::~Credentials() = default;

Presented Credentials::present(const http::Interrupt* interrupt) {
  return impl_->present(interrupt);
}

bool Credentials::refused(const Presented& presented) {
  return impl_->refused(presented);
}

}  // namespace lockkeeper::agent
