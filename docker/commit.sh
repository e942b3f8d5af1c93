#!/bin/sh
# commit.sh GIT_FOLDER: the short commit that a clone stands on, read without git; nothing where there is none.
set -eu
head=$(cat "$1/HEAD" 2>/dev/null || true)
reference=${head#ref: }
if [ "$reference" != "$head" ]; then
  head=$(cat "$1/$reference" 2>/dev/null ||
    sed -n "s|^\([0-9a-f]*\) $reference\$|\1|p" "$1/packed-refs" 2>/dev/null || true)
fi
printf '%.7s' "$head"
