#!/bin/sh
# Makes the pictures of real systems in the window again: guests/*.png.
# usage: guests.sh [FOLDER]      FOLDER is where app/src/test/guests/make-guests.sh has made its guests; without it GRUB only.
# Needs xvfb, xdotool, imagemagick and grub-rescue-pc (Debian's names).
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
for pair in Xvfb:xvfb xdotool:xdotool import:imagemagick; do
  command -v "${pair%%:*}" >/dev/null || { echo "guests.sh: install the package ${pair##*:}" >&2; exit 2; }
done

display=:${SATCHEL_DISPLAY:-96}
work=$(mktemp -d)
Xvfb "$display" -screen 0 1040x860x24 >/dev/null 2>&1 &
xvfb=$!
window=
stop() {
  [ -z "$window" ] || kill "$window" 2>/dev/null || true
  kill "$xvfb" 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
export DISPLAY="$display"
export SATCHEL_JAVA_OPTIONS="-Dprism.order=sw -Duser.home=$work -Duser.language=en"
mkdir -p "$here/guests"

# start SECONDS ARGUMENTS...: the window, and the seconds until there is something to see.
start() {
  patience=$1
  shift
  (cd "$work" && exec ${SATCHEL:-"$root/satchel"} run "$@") >"$work/log" 2>&1 &
  window=$!
  tries=600
  until id=$(xdotool search --onlyvisible --name Satchel 2>/dev/null | tail -n 1) && [ -n "$id" ]; do
    tries=$((tries - 1))
    if [ "$tries" = 0 ] || ! kill -0 "$window" 2>/dev/null; then
      echo "guests.sh: the window did not open:" >&2
      cat "$work/log" >&2
      exit 1
    fi
    sleep 0.2
  done
  xdotool windowmove "$id" 0 0 windowsize "$id" 1040 860 windowfocus "$id"
  sleep "$patience"
}

# end NAME: the picture, and the end of the window.
end() {
  import -window root "$work/$1.png"
  convert "$work/$1.png" -strip +dither -colors 128 -define png:compression-level=9 "$here/guests/$1.png"
  kill "$window"
  wait "$window" 2>/dev/null || true
  window=
}

cp /usr/lib/grub-rescue/grub-rescue-floppy.img "$work/"
start "${GRUB_SETTLE:-20}" grub-rescue-floppy.img
xdotool key c
sleep 2
xdotool type --delay 50 'echo hello'
xdotool key Return
sleep 3
end grub

installer=${1:-}/di-i386-gtk.iso
if [ -f "$installer" ]; then
  start "${INSTALLER_SETTLE:-600}" "$(realpath "$installer")"
  end installer
fi
