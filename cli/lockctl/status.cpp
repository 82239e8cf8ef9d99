#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

#include "cli/lockctl/commands.h"
#include "cli/lockctl/exit.h"
#include "cli/lockctl/lock_json.h"
#include "cli/shown/text.h"

namespace lockkeeper::cli::lockctl {
namespace {

// "name  value" for each member; what is no plain value, without one.
void print(std::ostream& out, const rapidjson::Document& document) {
  if (!document.IsObject()) return;
  for (const auto& member : document.GetObject()) {
    std::string name(member.name.GetString(), member.name.GetStringLength());
    std::string value;
    if (member.value.IsString()) {
      value = {member.value.GetString(), member.value.GetStringLength()};
    } else if (member.value.IsNumber() || member.value.IsBool()) {
      rapidjson::StringBuffer text;
      rapidjson::Writer<rapidjson::StringBuffer> writer(text);
      member.value.Accept(writer);
      value = text.GetString();
    }
    name.resize(std::max<std::size_t>(name.size(), 12), ' ');
    out << harmless(name) << "  " << harmless(value) << '\n';
  }
}

rapidjson::Document parsed(const std::string& json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  return document;
}

std::string version_of(client::LockClient& client) {
  try {
    return client.version();
  } catch (const client::ServerError& error) {
    if (error.status != 404) throw;
    throw Failure(Exit::stranger,
                  std::string(error.what()) + ": lockctl status needs Lockkeeper, list and show do not");
  }
}

}  // namespace

int status(Session& session) {
  client::LockClient& client = session.client();
  const std::string version = version_of(client);
  const std::string counters = client.status();
  if (session.json()) {
    session.out << json_of_status(client.url(), version, counters) << '\n';
    return 0;
  }
  session.out << "server        " << client.url() << '\n';
  print(session.out, parsed(version));
  print(session.out, parsed(counters));
  return 0;
}

}  // namespace lockkeeper::cli::lockctl
