#include "agent/exec_plugin.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <system_error>

#include "agent/base64.h"
#include "agent/child_process.h"
#include "agent/config_error.h"
#include "agent/shown_text.h"
#include "agent/small_file.h"
#include "wire/time_text.h"

namespace lockkeeper::agent {

namespace {

using Value = rapidjson::Value;

[[noreturn]] void refuse(const std::string& why) {
  throw NoCredentials(why);
}

const Value* find(const Value& object, const char* name) {
  const auto member = object.FindMember(name);
  return member == object.MemberEnd() || member->value.IsNull() ? nullptr : &member->value;
}

std::string text(const Value& object, const char* name) {
  const Value* value = find(object, name);
  if (!value) return {};
  if (!value->IsString()) refuse(std::string("its ") + name + " is not a text");
  return {value->GetString(), value->GetStringLength()};
}

class InfoWriter {
 public:
  InfoWriter() : writer_(buffer_) {}
  void name(const char* text) { writer_.Key(text); }
  void text(const char* member, const std::string& value) {
    writer_.Key(member);
    writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  }
  void unless_empty(const char* member, const std::string& value) {
    if (!value.empty()) text(member, value);
  }
  void flag(const char* member, bool value) {
    writer_.Key(member);
    writer_.Bool(value);
  }
  void json(const char* member, const std::string& value) {
    writer_.Key(member);
    writer_.RawValue(value.data(), value.size(), rapidjson::kObjectType);
  }
  void open() { writer_.StartObject(); }
  void close() { writer_.EndObject(); }
  std::string take() const { return {buffer_.GetString(), buffer_.GetSize()}; }

 private:
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_;
};

// What is not the plugin's to know: our own credentials elsewhere.
bool is_ours_alone(std::string_view name) {
  constexpr std::string_view secrets[] = {"LOCK_AUTH_PASS", "AUTH_PASS", "ARGO_TOKEN"};
  return std::find(std::begin(secrets), std::end(secrets), name) != std::end(secrets);
}

// Ours, with `env` and the information put over it: a name is there once.
std::vector<std::string> environment_for(const ExecSettings& exec, const std::string& info) {
  std::vector<std::pair<std::string, std::string>> own = exec.env;
  own.emplace_back("KUBERNETES_EXEC_INFO", info);
  std::vector<std::string> all;
  for (char** each = environ; *each; ++each) {
    const std::string_view line(*each);
    const std::string_view name = line.substr(0, line.find('='));
    const bool replaced = std::any_of(own.begin(), own.end(), [&](const auto& mine) { return mine.first == name; });
    if (!replaced && !is_ours_alone(name)) all.emplace_back(line);
  }
  for (auto mine = own.begin(); mine != own.end(); ++mine) {
    const bool again =
        std::any_of(mine + 1, own.end(), [&](const auto& later) { return later.first == mine->first; });
    if (!again) all.push_back(mine->first + "=" + mine->second);
  }
  return all;
}

std::string how_it_ended(const ChildEnd& end, std::chrono::milliseconds limit) {
  using How = ChildEnd::How;
  switch (end.how) {
    case How::signalled:
      return "it was ended by signal " + std::to_string(end.number) + " (" + strsignal(end.number) + ")";
    case How::took_too_long:
      return "it was not done within " + (limit.count() % 1000 == 0 ? std::to_string(limit.count() / 1000) + " s"
                                                                    : std::to_string(limit.count()) + " ms");
    case How::wrote_too_much:
      return "it printed too much";
    case How::interrupted:
      return "it was interrupted";
    case How::exited:
      break;
  }
  return "it ended with status " + std::to_string(end.number);
}

std::string program_of(const ExecSettings& exec, const Surroundings& surroundings) {
  if (exec.command.find('/') != std::string::npos) return exec.command;
  std::string program = find_in_path(exec.command, surroundings.environment("PATH"));
  if (program.empty()) {
    refuse("it is not in PATH" + (exec.install_hint.empty() ? "" : "; " + shown_text(exec.install_hint, 1000)));
  }
  return program;
}

std::string authority_of(const ExecSettings& exec) {
  if (!exec.cluster) return {};
  return exec.cluster->ca_file.empty() ? exec.cluster->ca_data : read_small_file(exec.cluster->ca_file);
}

[[noreturn]] void give_up(const ExecSettings& exec, const std::exception& why) {
  refuse("exec plugin " + shown_text(exec.command) + " gave no credentials: " + why.what());
}

ExecCredential run(const ExecSettings& exec, const Surroundings& surroundings, const http::Interrupt* interrupt,
                   std::chrono::milliseconds limit) {
  const std::string who = "exec plugin " + shown_text(exec.command);
  ChildOrder order;
  order.program = program_of(exec, surroundings);
  order.arguments = exec.args;
  order.environment = environment_for(exec, exec_info(exec, authority_of(exec)));
  order.limit = limit;
  order.complaint = [&](const std::string& line) { surroundings.log(who + ": " + line); };
  const ChildEnd end = run_child(order, interrupt);
  if (end.how == ChildEnd::How::interrupted) {
    throw http::HttpError(http::HttpError::Kind::interrupted, who + " was interrupted");
  }
  if (end.how != ChildEnd::How::exited || end.number != 0) refuse(how_it_ended(end, limit));
  return parse_exec_credential(end.output, exec.api_version);
}

}  // namespace

ExecCredential parse_exec_credential(std::string_view json, const std::string& api_version) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) refuse("what it printed is not a JSON object");
  if (text(document, "kind") != "ExecCredential") refuse("what it printed is of another kind than ExecCredential");
  if (text(document, "apiVersion") != api_version) {
    refuse("what it printed is of another apiVersion than " + api_version);
  }
  const Value* status = find(document, "status");
  if (!status || !status->IsObject()) refuse("what it printed has no status");
  ExecCredential credential;
  credential.token = text(*status, "token");
  credential.certificate = text(*status, "clientCertificateData");
  credential.key = text(*status, "clientKeyData");
  if (credential.certificate.empty() != credential.key.empty()) {
    refuse("it printed one of clientCertificateData and clientKeyData without the other");
  }
  if (credential.token.empty() && credential.certificate.empty()) {
    refuse("it printed neither a token nor a client certificate");
  }
  const std::string expires = text(*status, "expirationTimestamp");
  if (!expires.empty()) {
    credential.expires = wire::parse_time(expires);
    if (!credential.expires) refuse("its expirationTimestamp is not a time as RFC 3339 writes it");
  }
  return credential;
}

std::string exec_info(const ExecSettings& exec, const std::string& authority) {
  InfoWriter info;
  info.open();
  info.text("apiVersion", exec.api_version);
  info.text("kind", "ExecCredential");
  info.name("spec");
  info.open();
  if (exec.cluster) {
    info.name("cluster");
    info.open();
    info.text("server", exec.cluster->url);
    info.unless_empty("tls-server-name", exec.cluster->tls_server_name);
    if (exec.cluster->insecure_skip_tls_verify) info.flag("insecure-skip-tls-verify", true);
    info.unless_empty("certificate-authority-data", encode_base64(authority));
    info.unless_empty("proxy-url", exec.cluster->proxy_url);
    if (!exec.cluster->compression) info.flag("disable-compression", true);
    if (!exec.cluster_config.empty()) info.json("config", exec.cluster_config);
    info.close();
  }
  info.flag("interactive", false);
  info.close();
  info.close();
  return info.take();
}

std::string find_in_path(const std::string& command, const std::string& path) {
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string folder = path.substr(begin, end - begin);
    begin = end + 1;
    // What lies in the folder where the agent happens to be started is not run.
    if (!folder.starts_with('/')) continue;
    std::string file = folder + "/" + command;
    if (is_file(file) && access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

ExecCredential run_exec_plugin(const ExecSettings& exec, const Surroundings& surroundings,
                               const http::Interrupt* interrupt, std::chrono::milliseconds limit) {
  try {
    return run(exec, surroundings, interrupt, limit);
  } catch (const NoCredentials& error) {
    give_up(exec, error);
  } catch (const ConfigError& error) {
    give_up(exec, error);
  } catch (const std::system_error& error) {
    give_up(exec, error);
  }
}

}  // namespace lockkeeper::agent
