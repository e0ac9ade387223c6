#!/bin/bash
# Makes the guests of GuestTest in a folder, from Debian's packages only; what is there already stays.
# usage: make-guests.sh FOLDER        (as root, on Debian 12 amd64; needs the packages that .ci/run lists, and debootstrap)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
# busybox ISO PACKAGE-PATTERN ARCHITECTURE
busybox() {
  [ ! -f "$1" ] || return 0
  dpkg --add-architecture "$3"
  apt-get update -qq
  kernel=$(apt-cache search --names-only "$2" | awk '{print $1}' | sort -V | tail -1)
  folder=$(mktemp -d)
  (cd "$folder" && apt-get download -qq "$kernel:$3" "busybox-static:$3")
  for package in "$folder"/*.deb; do dpkg-deb -x "$package" "$folder/root"; done
  bash "$here/make-busybox-iso.sh" "$folder"/root/boot/vmlinuz-* "$folder/root/bin/busybox" "$1"
  rm -r "$folder"
}
busybox busybox-686.iso '^linux-image-6\.1\.0-[0-9]+-686$' i386
busybox busybox-amd64.iso '^linux-image-6\.1\.0-[0-9]+-amd64$' amd64
for arch in i386 amd64; do
  [ -f di-$arch-text.iso ] || VGA="vga=normal fb=false nomodeset" bash "$here/make-di-iso.sh" $arch text di-$arch-text.iso auto
  [ -f di-$arch-gtk.iso ] || bash "$here/make-di-iso.sh" $arch gtk di-$arch-gtk.iso auto
  [ -f debian-$arch.qcow2 ] || bash "$here/build-debian-image.sh" $arch debian-$arch.qcow2
done
[ -f debian-i386-x11.qcow2 ] || bash "$here/build-debian-image.sh" i386 debian-i386-x11.qcow2 x11
