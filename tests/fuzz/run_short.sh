#!/bin/sh
# Builds the fuzz targets in a tree of their own ($1) and lets each run for some seconds on its corpus, two at a
# time. Ends with an error at the first crash, broken promise, undefined behaviour or leak; what triggered it is
# left in $1/found.
set -eu

tree=$1
seconds=${FUZZ_SECONDS:-10}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

cd "$root"
cmake --preset fuzz -B "$tree" -DLOCKKEEPER_TESTS=ON >"$tree.log" 2>&1 || { cat "$tree.log"; exit 1; }
ninja -C "$tree" fuzz_targets

found=$tree/found
mkdir -p "$found"
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:suppressions=$here/undefined.supp
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
# What a run finds interesting goes to a folder of its own: the corpus in the source tree stays as it is.
for corpus in "$here"/corpus/*; do
  basename "$corpus"
done | xargs -P 2 -I {} sh -c '
  tree=$1 found=$2 corpus=$3 seconds=$4 name=$5
  mkdir -p "$tree/grown/$name"
  "$tree/bin/fuzz_$name" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="$found/$name-" "$tree/grown/$name" "$corpus/$name" >"$tree/$name.log" 2>&1 ||
    { cat "$tree/$name.log"; exit 255; }
  echo "$name: $(sed -n "s/^stat::number_of_executed_units: *//p" "$tree/$name.log") runs"
' run "$tree" "$found" "$here/corpus" "$seconds" {}
