#!/bin/sh
# image-root.sh BINARY FOLDER: lays out the root of an image that holds nothing but this program, stripped, the shared
# libraries that it loads, and the files that the C library asks for names in.
set -eu
binary=$1 root=$2
mkdir -p "$root/usr/bin" "$root/etc"
strip -o "$root/usr/bin/${binary##*/}" "$binary"
# Each library at the place where the loader looks for it: links followed, Debian has stripped them.
ldd "$binary" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' | while read -r library; do
  mkdir -p "$root${library%/*}"
  cp -L "$library" "$root$library"
done
echo 'gopher:x:1001:1001:GopherProxy:/:/nonexistent' >"$root/etc/passwd"
echo 'gopher:x:1001:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
