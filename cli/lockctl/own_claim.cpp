#include "cli/lockctl/own_claim.h"

#include "cli/lockctl/exit.h"
#include "client/acquisition.h"

namespace lockkeeper::cli::lockctl {

OwnClaim own_claim(const Session& session) {
  const Line& line = session.line;
  if (line.has("claim") && line.text("claim").empty()) throw Failure(Exit::usage, "--claim has no value");
  OwnClaim own;
  own.identity.holder = session.configuration.holder;
  const std::string standard = "lockctl " + own.identity.holder;
  own.claim = line.text("claim", standard);
  own.identity.key = session.configuration.key;
  if (own.identity.key.empty()) own.identity.key = line.has("claim") ? standard + " " + own.claim : standard;
  return own;
}

locks::Metadata metadata_of(const Line& line) {
  locks::Metadata metadata;
  for (const std::string& pair : line.all("metadata")) {
    const auto equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos) {
      throw Failure(Exit::usage, "--metadata: \"" + pair + "\" is not NAME=VALUE");
    }
    metadata.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return metadata;
}

std::optional<std::chrono::milliseconds> wait_of(const Line& line) {
  if (!line.has("wait")) return std::nullopt;
  if (line.text("wait").empty()) return client::Acquisition::for_ever;
  return line.duration("wait");
}

wire::LockView looked_up(client::LockClient& client, const Session& session, const std::string& command) {
  wire::LockView view = client.lock(session.lock());
  if (client.kind() != client::ServerKind::original) return view;
  throw Failure(Exit::stranger, client.url() + " is an original locker server: lockctl " + command +
                                    " needs Lockkeeper, list and show do not");
}

}  // namespace lockkeeper::cli::lockctl
