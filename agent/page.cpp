#include "agent/page.h"

#include <utility>

#include "wire/native_json.h"

namespace lockkeeper::agent {
namespace {

using http::Family;
using http::MetricType;
using Kind = Outcome::Kind;
using Next = Treatment::Next;

Family one(const char* name, const char* help, MetricType type, double value) {
  Family family{.name = name, .help = help, .type = type};
  family.samples.push_back({{}, value});
  return family;
}

std::vector<Family> families(const Agent& agent, const Tally& tally) {
  Family tries{.name = "lockagt_tries_total",
               .help = "Tries with a gate, by what came of them.",
               .type = MetricType::counter};
  Family gates{.name = "lockagt_gates_waiting",
               .help = "Released gates that are not done, by what came of the last try.",
               .type = MetricType::gauge};
  const Schedule::Waiting waiting = agent.waiting();
  gates.samples.push_back({{{"reason", "new"}}, static_cast<double>(waiting.fresh)});
  for (std::size_t i = 0; i < kOutcomes; ++i) {
    const auto kind = static_cast<Kind>(i);
    const Treatment& treated = treatment(kind);
    if (treated.next == Next::forget || treated.next == Next::again) continue;
    if (kind != Kind::not_deleted) {
      tries.samples.push_back({{{"result", treated.label}}, static_cast<double>(tally.tries(kind))});
    }
    if (treated.next != Next::remove) {
      gates.samples.push_back({{{"reason", treated.label}}, static_cast<double>(waiting.kept[i])});
    }
  }
  Family delay{.name = "lockagt_resume_delay_seconds",
               .help = "From the moment the agent heard of a release until the API confirmed the resume.",
               .type = MetricType::histogram};
  const Tally::Delays delays = tally.delays();
  delay.histograms.push_back({{}, Tally::delay_bounds(), delays.counts, delays.sum});

  std::vector<Family> all;
  all.push_back(std::move(tries));
  all.push_back(std::move(gates));
  all.push_back(std::move(delay));
  all.push_back(one("lockagt_gates_deleted_total",
                    "Gates deleted after their workflow was resumed or had finished.", MetricType::counter,
                    static_cast<double>(tally.deleted.load())));
  all.push_back(one("lockagt_delete_failures_total", "Deletions of gates that failed and are tried again.",
                    MetricType::counter, static_cast<double>(tally.tries(Kind::not_deleted))));
  all.push_back(one("lockagt_poll_failures_total", "Polls of the lock API that failed.", MetricType::counter,
                    static_cast<double>(tally.feed_failures.load())));
  all.push_back(one("lockagt_leader", "1: this agent leads, and is the one that resumes.", MetricType::gauge,
                    tally.leads.load() ? 1 : 0));
  all.push_back(one("lockagt_api_away", "1: all gates wait, since the workflows' API fails as a whole.",
                    MetricType::gauge, tally.api_away.load() ? 1 : 0));
  return all;
}

http::Response json(unsigned status, const char* name, std::string_view text) {
  http::Response response{.status = status};
  response.body = std::string("{\"") + name + "\":";
  wire::write_text(text, response.body);
  response.body += "}\n";
  return response;
}

}  // namespace

Page::Page(const Agent& agent, const Tally& tally, std::function<bool()> well) : well_(std::move(well)) {
  metrics_.add([&agent, &tally] { return families(agent, tally); });
}

void Page::serve(http::Exchange& exchange) {
  exchange.answer(answer(exchange.request()));
}

http::Response Page::answer(const http::Request& request) const {
  const std::string_view path = request.target().substr(0, request.target().find('?'));
  if (path != "/health" && path != "/metrics") return json(404, "error", "there is /health and /metrics");
  if (request.method() != "GET" && request.method() != "HEAD") {
    http::Response response = json(405, "error", "only GET");
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  if (path == "/health") return well_() ? json(200, "status", "ok") : json(503, "error", "the loop is stuck");
  http::Response response;
  response.content_type = http::MetricsPage::content_type;
  response.body = metrics_.text();
  return response;
}

http::Response Page::fault(unsigned status, std::string_view text) {
  return json(status, "error", text);
}

}  // namespace lockkeeper::agent
