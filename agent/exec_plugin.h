// Exec plugins of kubeconfigs (client.authentication.k8s.io/v1 and v1beta1): programs that print credentials.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "agent/no_credentials.h"
#include "agent/surroundings.h"
#include "agent/user_settings.h"
#include "http/client.h"
#include "locks/time.h"

namespace lockkeeper::agent {

// Secrets: never shown.
struct ExecCredential {
  std::string token;
  std::string certificate, key;  // PEM text, both or none
  std::optional<locks::WallTime> expires;
};

// What a plugin printed. Pure. Throws NoCredentials, whose text shows nothing of it.
ExecCredential parse_exec_credential(std::string_view json, const std::string& api_version);

// KUBERNETES_EXEC_INFO. `authority`: PEM text of the cluster's, or empty.
std::string exec_info(const ExecSettings& exec, const std::string& authority);

// The file that a command without a slash stands for: the first in PATH that may be executed. Empty: none.
std::string find_in_path(const std::string& command, const std::string& path);

// Runs the plugin. Its stderr goes to the log. Throws NoCredentials, or HttpError{interrupted}.
ExecCredential run_exec_plugin(const ExecSettings& exec, const Surroundings& surroundings,
                               const http::Interrupt* interrupt,
                               std::chrono::milliseconds limit = std::chrono::seconds(30));

}  // namespace lockkeeper::agent
