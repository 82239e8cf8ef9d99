// A program that runs on one host at a time: start it on several, and one of them works.
//
//   c++ -std=c++20 -O2 -pthread run_once.cpp -lcurl -o run_once
//   ./run_once http://127.0.0.1:3000/shared-lock nightly-report [TTL in seconds]
//
// It takes a lease on the key and keeps it alive while it works; the others ask again until they get it. When its
// lease cannot be kept alive, the program ends before the lease does, so that it never works beside the next one;
// whatever starts your programs (systemd, Kubernetes) starts it again. AUTH_USER and AUTH_PASS are sent if they are
// set. Copy the file and write your own work().
//
// A process that was stopped, with its whole machine perhaps, may wake up after its lease: what must never be
// written twice is guarded by a token (docs/fencing.md).
#include <curl/curl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace {

using Duration = std::chrono::duration<double>;

// Goes on while the machine sleeps, as the server's clock does. std::chrono::steady_clock would stand still.
Duration boot_time() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

struct Answer {
  long status = 0;
  std::string body;
};

std::size_t append(char* data, std::size_t size, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(data, size * count);
  return size * count;
}

// nullopt: there was no answer in time.
std::optional<Answer> post(const std::string& url, const std::string& body, Duration timeout,
                           const std::string& header = "Content-Type: text/plain") {
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  const std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(curl_slist_append(nullptr, header.c_str()),
                                                                   curl_slist_free_all);
  if (!curl || !headers) throw std::bad_alloc();
  Answer answer;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(timeout.count() * 1000)));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  if (const char* user = std::getenv("AUTH_USER")) {
    const char* password = std::getenv("AUTH_PASS");
    curl_easy_setopt(curl.get(), CURLOPT_USERNAME, user);
    curl_easy_setopt(curl.get(), CURLOPT_PASSWORD, password != nullptr ? password : "");
  }
  if (curl_easy_perform(curl.get()) != CURLE_OK) return std::nullopt;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

std::string json_text(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    json += c;
  }
  return json + '"';
}

std::string this_process() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return std::string(host) + " " + std::to_string(getpid());
}

class Lease {
 public:
  Lease(std::string url, std::string key, Duration ttl) : url_(std::move(url)), key_(std::move(key)), ttl_(ttl) {}

  // Returns when the lease is ours.
  void wait() {
    const std::string body = "{\"key\":" + json_text(key_) + ",\"value\":" + json_text(this_process()) + "}";
    const std::string header =
        "x-lease-ttl: " + std::to_string(static_cast<long>(ttl_.count() * 1000 + 0.5)) + "ms";
    while (true) {
      const Duration asked = boot_time();
      const auto answer = post(url_ + "/lease", body, std::chrono::seconds(10), header);
      if (answer && answer->status == 201) {
        id_ = answer->body;
        asked_ = asked;
        return;
      }
      if (answer && answer->status != 202 && answer->status < 500) {
        throw std::runtime_error(url_ + ": " + std::to_string(answer->status) + " " + answer->body);
      }
      if (!answer) std::fputs("no answer\n", stderr);
      std::this_thread::sleep_for(ttl_ / 3);
    }
  }

  // Keeps it alive.
  void keep() {
    while (true) {
      std::this_thread::sleep_for(ttl_ / 3);
      const Duration asked = boot_time();
      const auto answer = post(url_ + "/keepalive", id_, ttl_ / 3);
      if (!answer) continue;  // tried again until watch() says that it is enough
      if (answer->status == 204) end("it is over");
      if (answer->status == 200) asked_ = asked;
    }
  }

  // Ends the process when the lease does, whatever keep() waits for.
  void watch() {
    for (Duration left; (left = ends() - boot_time()).count() > 0;) std::this_thread::sleep_for(left);
    end("it could not be kept alive");
  }

 private:
  // When this process must not work any more: a margin before the server lets go.
  Duration ends() const { return asked_.load() + ttl_ * 0.9; }

  [[noreturn]] void end(const char* why) const {
    std::fprintf(stderr, "the lease on %s is lost: %s\n", key_.c_str(), why);
    std::_Exit(3);  // at once, whatever the work is at
  }

  std::string url_, key_;
  Duration ttl_;
  std::string id_;
  std::atomic<Duration> asked_{Duration(0)};  // before the request that it was granted or renewed by was sent
};

// Yours.
void work() {
  while (true) {
    std::printf("%.3f works\n", boot_time().count());
    std::fflush(stdout);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fputs("usage: run_once URL KEY [TTL in seconds]\n", stderr);
    return 2;
  }
  curl_global_init(CURL_GLOBAL_DEFAULT);
  try {
    Lease lease(argv[1], argv[2], Duration(argc == 4 ? std::stod(argv[3]) : 10));
    lease.wait();
    std::thread([&lease] { lease.watch(); }).detach();
    std::thread([&lease] { lease.keep(); }).detach();
    work();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  // Without unwinding: the threads that look after the lease are not to see it go.
  std::_Exit(0);
}
