#include "cli/lockctl/columns.h"

#include <algorithm>

#include "cli/shown/text.h"

namespace lockkeeper::cli::lockctl {
namespace {

constexpr std::size_t least_width = 8;
constexpr std::size_t gap = 2;

// The widths that fit; 0: left out.
std::vector<std::size_t> fitting(const std::vector<Column>& columns, std::vector<std::size_t> widths,
                                 std::size_t limit) {
  const auto total = [&] {
    std::size_t sum = 0;
    for (const std::size_t width : widths) sum += width == 0 ? 0 : width + (sum == 0 ? 0 : gap);
    return sum;
  };
  while (limit != 0 && total() > limit) {
    // First those that take too much for themselves, then the least important.
    std::size_t widest = columns.size(), last = columns.size();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const bool shrinks = columns[i].may_shrink && widths[i] > least_width;
      if (shrinks && (widest == columns.size() || widths[i] > widths[widest])) widest = i;
      const bool goes = columns[i].leave_out > 0 && widths[i] > 0;
      if (goes && (last == columns.size() || columns[i].leave_out > columns[last].leave_out)) last = i;
    }
    if (widest != columns.size()) {
      --widths[widest];
    } else if (last != columns.size()) {
      widths[last] = 0;
    } else {
      break;
    }
  }
  return widths;
}

std::string line_of(const std::vector<Column>& columns, const std::vector<std::size_t>& widths, const Row& row) {
  std::string line;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (widths[i] == 0) continue;
    const std::string text = shortened(row[i], widths[i]);
    const std::string blanks(widths[i] - std::min(widths[i], shown_width(text)), ' ');
    if (i > 0) line.append(gap, ' ');
    line += columns[i].number ? blanks + text : text + blanks;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

std::vector<std::string> lines_of(const std::vector<Column>& columns, const std::vector<Row>& rows,
                                  std::size_t width, bool bold) {
  Row titles;
  std::vector<std::size_t> widths;
  for (const Column& column : columns) {
    titles.push_back(column.title);
    widths.push_back(shown_width(column.title));
  }
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < columns.size(); ++i) widths[i] = std::max(widths[i], shown_width(row[i]));
  }
  widths = fitting(columns, std::move(widths), width);
  const std::string head = line_of(columns, widths, titles);
  std::vector<std::string> lines{bold ? "\x1b[1m" + head + "\x1b[0m" : head};
  for (const Row& row : rows) lines.push_back(line_of(columns, widths, row));
  return lines;
}

}  // namespace lockkeeper::cli::lockctl
