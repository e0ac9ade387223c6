#!/bin/sh
# Makes the pictures of this folder again: the window on a virtual display, one picture a situation.
# Needs xvfb, xdotool, imagemagick, and for GRUB's picture grub-rescue-pc (Debian's names).
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
for pair in Xvfb:xvfb xdotool:xdotool import:imagemagick; do
  command -v "${pair%%:*}" >/dev/null || { echo "make.sh: install the package ${pair##*:}" >&2; exit 2; }
done

display=:${SATCHEL_DISPLAY:-97}
work=$(mktemp -d)
Xvfb "$display" -screen 0 880x720x24 >/dev/null 2>&1 &
xvfb=$!
window=
stop() {
  [ -z "$window" ] || kill "$window" 2>/dev/null || true
  kill "$xvfb" 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
export DISPLAY="$display"
export SATCHEL_JAVA_OPTIONS="-Dprism.order=sw -Duser.home=$work -Duser.language=${LANGUAGE_TAG:-en}"

# start ARGUMENTS...: the window, its top left corner in the display's.
start() {
  (cd "$work" && exec ${SATCHEL:-"$root/satchel"} "$@") >"$work/log" 2>&1 &
  window=$!
  patience=600
  until id=$(xdotool search --onlyvisible --name Satchel 2>/dev/null | tail -n 1) && [ -n "$id" ]; do
    patience=$((patience - 1))
    if [ "$patience" = 0 ] || ! kill -0 "$window" 2>/dev/null; then
      echo "make.sh: the window did not open:" >&2
      cat "$work/log" >&2
      exit 1
    fi
    sleep 0.2
  done
  sleep "${SETTLE:-6}"
  xdotool windowmove "$id" 0 0 windowfocus "$id"
  sleep 1
}

# picture NAME: of the whole display, in few colours.
picture() {
  import -window root "$work/$1.png"
  convert "$work/$1.png" -strip +dither -colors 128 -define png:compression-level=9 "$here/$1.png"
}

end() {
  kill "$window"
  wait "$window" 2>/dev/null || true
  window=
}

start
picture first-screen
xdotool key Tab space
sleep "${SETTLE:-6}"
picture demonstration-text
xdotool key g
sleep 3
xdotool mousemove 440 400 click 1
sleep 1
xdotool mousemove_relative 60 30
sleep 0.5
xdotool mousedown 1
for step in 1 2 3 4 5 6 7 8 9 10 11 12; do
  xdotool mousemove_relative 6 $((step - 6))
  sleep 0.1
done
xdotool mouseup 1
xdotool type --delay 100 'hello'
sleep 1
picture demonstration-picture
end

grub=/usr/lib/grub-rescue/grub-rescue-floppy.img
if [ -f "$grub" ]; then
  cp "$grub" "$work/grub-rescue-floppy.img"
  SETTLE=${GRUB_SETTLE:-15} start grub-rescue-floppy.img
  xdotool key c
  sleep 2
  xdotool type --delay 150 'echo hello'
  xdotool key Return
  sleep 3
  picture grub
  end
fi

truncate -s 1M "$work/empty-disk.img"
start empty-disk.img
picture no-bootable-device
end

printf 'PK\003\004' >"$work/windows-98.zip"
start windows-98.zip
picture error
end
