#!/bin/sh
# Starts systemd in a container. Whatever cgroups the host has, systemd gets a version 2 hierarchy of its own: a cgroup
# of this container, shown as the root.
#
#   boot.sh               starts it
#   boot.sh forget NAME   removes the cgroup that the container of this host name, which is gone, has left
set -eu
umount -R /sys/fs/cgroup || true
mount -t cgroup2 none /sys/fs/cgroup
if [ "${1:-}" = forget ]; then
  left=/sys/fs/cgroup/$2
  [ ! -d "$left" ] || find "$left" -depth -type d -exec rmdir {} +
  exit
fi
own=/sys/fs/cgroup/$(hostname)
mkdir -p "$own"
echo $$ >"$own/cgroup.procs"
exec unshare --cgroup /bin/sh -c 'umount /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec /sbin/init'
