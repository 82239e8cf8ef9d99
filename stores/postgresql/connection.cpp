#include "stores/postgresql/connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <new>

namespace lockkeeper::stores::postgresql {
namespace {

using std::chrono::milliseconds;

// libpq ends its sentences with a line's end, and adds advice on further lines.
std::string one_line(const char* text) {
  std::string line = text == nullptr ? "" : text;
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  for (auto at = line.find_first_of("\n\t"); at != std::string::npos; at = line.find_first_of("\n\t")) {
    const auto end = line.find_first_not_of("\n\t ", at);
    line.replace(at, (end == std::string::npos ? line.size() : end) - at, "; ");
  }
  return line;
}

int left(Time end) {
  const auto rest = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<long long>(rest, 0, 3'600'000));
}

enum class Waited { ready, stopped, late };

Waited wait_for(int socket, short events, int stop, Time end) {
  pollfd both[] = {{socket, events, 0}, {stop, POLLIN, 0}};
  while (true) {
    const int milliseconds_left = left(end);
    const int ready = poll(both, stop < 0 ? 1 : 2, milliseconds_left);
    if (ready > 0) return both[1].revents != 0 ? Waited::stopped : Waited::ready;
    if (milliseconds_left == 0) return Waited::late;
  }
}

Waited wait_until_connected(pg_conn* own, int stop, Time end, bool& connected) {
  auto state = PQstatus(own) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
    const auto waited = wait_for(PQsocket(own), state == PGRES_POLLING_READING ? POLLIN : POLLOUT, stop, end);
    if (waited != Waited::ready) return waited;
    state = PQconnectPoll(own);
  }
  connected = state == PGRES_POLLING_OK && PQsetnonblocking(own, 1) == 0;
  return Waited::ready;
}

using Conninfo = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

std::string value_of(const Conninfo& all, const std::string& keyword) {
  for (const auto* each = all.get(); each != nullptr && each->keyword != nullptr; ++each) {
    if (keyword == each->keyword) return each->val == nullptr ? "" : each->val;
  }
  return {};
}

// What libpq says of a string that it misread may show a piece of the password: of one with an @ or a / that is not
// percent-encoded it takes the rest for host, port or database.
bool is_misread(const std::string& conninfo) {
  const Conninfo all(PQconninfoParse(conninfo.c_str(), nullptr), &PQconninfoFree);
  const auto holds = [&](const char* keyword, auto&& is_odd) {
    const std::string value = value_of(all, keyword);
    return std::any_of(value.begin(), value.end(), is_odd);
  };
  const bool is_uri = conninfo.starts_with("postgresql://") || conninfo.starts_with("postgres://");
  return !all || holds("port", [](char c) { return (c < '0' || c > '9') && c != ','; }) ||
         holds("host", [](char c) { return c == '@'; }) ||
         (is_uri && holds("dbname", [](char c) { return c == '@'; }));
}

// Of a prepared statement: never another text's, whoever else uses the session.
std::string name_of(const std::string& sql) {
  return "lockkeeper_" + std::to_string(std::hash<std::string>()(sql));
}

// A commit that PostgreSQL did not wait for is told by a warning alone.
void notice(void* warning, const pg_result* result) {
  const char* severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity == nullptr || std::string(severity) != "WARNING") return;
  *static_cast<std::string*>(warning) = one_line(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
}

}  // namespace

void Connection::Close::operator()(pg_conn* own) const {
  PQfinish(own);
}

Connection::Connection(pg_conn* own) : own_(own) {
  PQsetNoticeReceiver(own_.get(), notice, &answer_.warning);
}

Connection::~Connection() = default;

std::unique_ptr<Connection> Connection::connect(const Target& target, milliseconds each, int stop,
                                                std::string& why) {
  for (const auto& [host, port] : target.hosts) {
    std::vector<const char*> names = {"host", "port"};
    std::vector<const char*> values = {host.c_str(), port.c_str()};
    for (const auto& [name, value] : target.parameters) {
      names.push_back(name.c_str());
      values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    const Time end = std::chrono::steady_clock::now() + each;
    std::unique_ptr<pg_conn, Close> own(PQconnectStartParams(names.data(), values.data(), 0));
    if (!own) continue;
    bool connected = false;
    const auto waited = wait_until_connected(own.get(), stop, end, connected);
    if (waited == Waited::stopped) {
      why = "given up";
      return nullptr;
    }
    if (connected) return std::unique_ptr<Connection>(new Connection(own.release()));
    why = waited == Waited::late
              ? "no answer from " + host + " port " + port + " within " + std::to_string(each.count()) + "ms"
              : one_line(PQerrorMessage(own.get()));
  }
  return nullptr;
}

std::unique_ptr<Connection> Connection::connect(const std::string& conninfo, const std::string& application_name,
                                                milliseconds each, std::string& why) {
  if (is_misread(conninfo)) {
    why =
        "this is neither a libpq string nor a URI (within a URI, characters such as @ and / of a password are "
        "written "
        "%40 and %2F)";
    return nullptr;
  }
  const char* names[] = {"fallback_application_name", "dbname", "client_encoding", nullptr};
  const char* values[] = {application_name.c_str(), conninfo.c_str(), "UTF8", nullptr};
  std::unique_ptr<pg_conn, Close> own(PQconnectStartParams(names, values, 1));
  if (!own) throw std::bad_alloc();
  const Conninfo all(PQconninfo(own.get()), &PQconninfoFree);
  const int seconds = std::atoi(value_of(all, "connect_timeout").c_str());
  if (seconds > 0) each = std::chrono::seconds(seconds);
  const std::string hosts = value_of(all, "host");
  const milliseconds at_most = each * (1 + std::count(hosts.begin(), hosts.end(), ','));
  bool connected = false;
  const auto waited = wait_until_connected(own.get(), -1, std::chrono::steady_clock::now() + at_most, connected);
  if (connected) return std::unique_ptr<Connection>(new Connection(own.release()));
  why = waited == Waited::late ? "no answer within " + std::to_string(at_most.count()) + "ms"
                               : one_line(PQerrorMessage(own.get()));
  return nullptr;
}

Answer Connection::ask(const std::string& sql, const Parameters& parameters, milliseconds at_most) {
  send(sql, parameters);
  return wait(at_most);
}

Answer Connection::run(const std::string& script, milliseconds at_most) {
  busy_ = true;
  sending_ = PQsendQuery(own_.get(), script.c_str()) == 1;
  if (!sending_) lose(PQerrorMessage(own_.get()));
  return wait(at_most);
}

void Connection::prepare(const std::string& sql, milliseconds at_most) {
  busy_ = true;
  sending_ = PQsendPrepare(own_.get(), name_of(sql).c_str(), sql.c_str(), 0, nullptr) == 1;
  if (!sending_) lose(PQerrorMessage(own_.get()));
  if (!wait(at_most).fault) prepared_.push_back(sql);
}

Answer Connection::wait(milliseconds at_most) {
  const Time end = std::chrono::steady_clock::now() + at_most;
  while (!lost_ && !advance()) {
    if (wait_for(socket(), events(), -1, end) == Waited::late) {
      lose("no answer within " + std::to_string(at_most.count()) + "ms");
    }
  }
  return take();
}

bool Connection::send(const std::string& sql, const Parameters& parameters) {
  const auto& all = parameters.all_;
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const auto& one : all) {
    types.push_back(one.type);
    values.push_back(one.value.data());
    lengths.push_back(static_cast<int>(one.value.size()));
  }
  const std::vector<int> binary(all.size(), 1);
  busy_ = true;
  const auto number = static_cast<int>(all.size());
  const auto known = std::find(prepared_.begin(), prepared_.end(), sql);
  const int sent = known == prepared_.end() ? PQsendQueryParams(own_.get(), sql.c_str(), number, types.data(),
                                                                values.data(), lengths.data(), binary.data(), 1)
                                            : PQsendQueryPrepared(own_.get(), name_of(sql).c_str(), number,
                                                                  values.data(), lengths.data(), binary.data(), 1);
  if (sent != 1) return !lose(PQerrorMessage(own_.get()));
  const int unsent = PQflush(own_.get());
  sending_ = unsent != 0;  // a fault shows when it is read
  return true;
}

int Connection::socket() const {
  return PQsocket(own_.get());
}

short Connection::events() const {
  return static_cast<short>(sending_ ? POLLIN | POLLOUT : POLLIN);
}

bool Connection::advance() {
  if (lost_) return true;
  if (sending_) sending_ = PQflush(own_.get()) == 1;
  const bool alive = PQconsumeInput(own_.get()) == 1;
  // Everything up to the point where it is ready for the next: an error may follow a result, since the transaction
  // commits after its last one.
  while (busy_ && PQisBusy(own_.get()) == 0) {
    pg_result* result = PQgetResult(own_.get());
    if (result == nullptr) {
      busy_ = false;
      if (!alive || PQstatus(own_.get()) == CONNECTION_BAD) lose(PQerrorMessage(own_.get()));
      return true;
    }
    keep(result);
  }
  if (!alive || PQstatus(own_.get()) == CONNECTION_BAD) return lose(PQerrorMessage(own_.get()));
  return !busy_;
}

void Connection::keep(pg_result* result) {
  Result own(result);
  const auto status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
    answer_.result = std::move(own);
    return;
  }
  if (answer_.fault) return;
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state != nullptr && std::string(state) == "26000")
    prepared_.clear();  // no such statement: it is another session
  answer_.fault =
      Fault{state == nullptr ? "" : state, one_line(text == nullptr ? PQresultErrorMessage(result) : text)};
}

bool Connection::lose(const std::string& why) {
  lost_ = true;
  if (!answer_.fault) answer_.fault = Fault{"", one_line(why.c_str())};
  answer_.fault->lost = true;
  return true;
}

Answer Connection::take() {
  Answer answer = std::move(answer_);
  answer_ = Answer();
  return answer;
}

std::vector<std::string> Connection::notifications() {
  std::vector<std::string> payloads;
  while (PGnotify* one = PQnotifies(own_.get())) {
    payloads.emplace_back(one->extra);
    PQfreemem(one);
  }
  return payloads;
}

std::string Connection::quoted(const std::string& identifier) {
  std::string out = "\"";
  for (const char c : identifier) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

}  // namespace lockkeeper::stores::postgresql
