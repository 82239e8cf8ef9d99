// One scan, in as many steps as it takes: names from heads or from the index, then heads and rows of that revision.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "stores/etcd/questions.h"

namespace lockkeeper::stores::etcd {

class Scanning final : public std::enable_shared_from_this<Scanning> {
 public:
  Scanning(Questions& questions, const engine::Scan& question, Time until, Answered answered);
  void begin();

 private:
  using Next = std::function<void(TxnReply&)>;

  void ask(Txn txn, Next next);
  void next_page();
  void take_heads(Ranged& page, std::int64_t revision);
  void take_index(const Ranged& page, std::int64_t revision);
  void read_singly(std::shared_ptr<std::vector<std::string>> names, std::size_t from);
  void keep(std::string lock, std::string_view head);
  void read_rows(std::string from);
  void take_rows(Ranged& rows);
  void page_done();
  void finish(bool more);

  Questions& questions_;
  const Layout& layout_;
  const engine::Scan& question_;
  const Time until_;  // for all steps together
  const Answered answered_;
  std::size_t wanted_;       // heads a page
  std::string begin_, end_;  // names
  int anew_ = 0;             // how often a page's revision had gone
  std::size_t looked_ = 0;   // at heads or names, in all pages

  // The page.
  std::int64_t revision_ = 0;
  bool more_ = false;       // there is another page behind this one
  bool beyond_ = false;     // one more lock than was asked for
  std::string page_end_;    // the last name looked at
  std::size_t row_of_ = 0;  // in scanned_: the first lock that may still get rows
  std::size_t bytes_ = 0;
  engine::Scanned scanned_;
};

}  // namespace lockkeeper::stores::etcd
