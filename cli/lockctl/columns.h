// Rows in columns that fit a terminal: wide ones are cut with an ellipsis, the least important are left out.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace lockkeeper::cli::lockctl {

struct Column {
  std::string title;
  bool number = false;      // to the right
  bool may_shrink = false;  // to 8
  int leave_out = 0;        // the greatest goes first; 0: never
};

using Row = std::vector<std::string>;  // a text a column, harmless ones

// `width`: 0, no limit; lines have no blanks at their ends. `bold`: of the titles.
std::vector<std::string> lines_of(const std::vector<Column>& columns, const std::vector<Row>& rows,
                                  std::size_t width, bool bold);

}  // namespace lockkeeper::cli::lockctl
