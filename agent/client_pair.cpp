#include "agent/client_pair.h"

#include "agent/config_error.h"
#include "http/client.h"

namespace lockkeeper::agent {

namespace {

FileStamp stamp(const std::string& path) {
  return path.empty() ? FileStamp() : FileStamp::of(path);
}

}  // namespace

ClientPair::ClientPair(const UserSettings& user, const Surroundings& surroundings)
    : source_(user.source),
      certificate_file_(user.certificate_file),
      key_file_(user.key_file),
      certificate_(user.certificate_data),
      key_(user.key_data),
      surroundings_(surroundings),
      certificate_stamp_(stamp(certificate_file_)),
      key_stamp_(stamp(key_file_)) {
  read();
}

void ClientPair::refresh() {
  const FileStamp certificate = stamp(certificate_file_);
  const FileStamp key = stamp(key_file_);
  if (certificate == certificate_stamp_ && key == key_stamp_) return;
  // Remembered before they are read: what is written meanwhile shows next time.
  certificate_stamp_ = certificate;
  key_stamp_ = key;
  try {
    read();
  } catch (const ConfigError& error) {
    surroundings_.log(std::string(error.what()) + "; the client certificate from before is used on");
  }
}

void ClientPair::read() {
  std::string certificate = certificate_file_.empty() ? certificate_ : read_small_file(certificate_file_);
  std::string key = key_file_.empty() ? key_ : read_small_file(key_file_);
  if (number_ != 0 && certificate == certificate_ && key == key_) return;
  try {
    http::require_client_pair(certificate, key);
  } catch (const http::HttpError& error) {
    throw ConfigError(source_ + ": " + error.what());
  }
  certificate_ = std::move(certificate);
  key_ = std::move(key);
  ++number_;
}

}  // namespace lockkeeper::agent
