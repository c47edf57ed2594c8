#!/bin/busybox sh
# shellcheck shell=dash
# The guest's first process, in the initrd: the host's root read-only over 9p, a few writable places, then guest.sh.
# WORK (on the host) comes from the kernel's command line.
/bin/busybox --install -s /bin
mkdir -p /proc /dev /host
mount -t proc proc /proc
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module" 2>/dev/null; done </modules/order
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 host /host || poweroff -f
mount -t proc proc /host/proc
mount -t sysfs sys /host/sys
mount -t devtmpfs dev /host/dev
mount -t tmpfs run /host/run
exec >/dev/ttyS1 2>&1
# shellcheck disable=SC2154 # WORK: the kernel makes variables of the arguments it does not know
chroot /host /bin/bash "$WORK/guest.sh"
poweroff -f
