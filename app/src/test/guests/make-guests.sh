#!/bin/bash
# Makes the guests of GuestTest in a folder, from Debian's packages only; what is there already stays.
# usage: make-guests.sh FOLDER        (as root, on Debian 12 amd64; needs the packages that .ci/run lists, and debootstrap)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
if [ ! -f busybox-686.iso ]; then
  dpkg --add-architecture i386
  apt-get update -qq
  kernel=$(apt-cache search --names-only '^linux-image-6\.1\.0-[0-9]+-686$' | awk '{print $1}' | sort -V | tail -1)
  apt-get download -qq "$kernel:i386" busybox-static:i386
  for package in linux-image*.deb busybox-static*.deb; do dpkg-deb -x "$package" i386; done
  rm -f ./*.deb
  bash "$here/make-busybox-iso.sh" i386/boot/vmlinuz-* i386/bin/busybox busybox-686.iso
fi
[ -f di-i386-text.iso ] || VGA="vga=normal fb=false nomodeset" bash "$here/make-di-iso.sh" i386 text di-i386-text.iso auto
[ -f di-i386-gtk.iso ] || bash "$here/make-di-iso.sh" i386 gtk di-i386-gtk.iso auto
[ -f debian-i386.qcow2 ] || bash "$here/build-debian-image.sh" i386 debian-i386.qcow2
