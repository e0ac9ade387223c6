#!/bin/sh
# Makes the pictures of this folder again: every screen, in both languages, light and dark, on a
# virtual display. Needs xvfb and imagemagick (Debian's names), fonts-noto-cjk for Chinese, and Maven.
# SCREENS_ONLY=en-light (or zh-dark and so on) makes one kind.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
for pair in Xvfb:xvfb convert:imagemagick mvn:maven; do
  command -v "${pair%%:*}" >/dev/null || { echo "make.sh: install the package ${pair##*:}" >&2; exit 2; }
done

display=:${SATCHEL_DISPLAY:-97}
work=$(mktemp -d)
Xvfb "$display" -screen 0 1280x1024x24 >/dev/null 2>&1 &
xvfb=$!
stop() {
  kill "$xvfb" 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
export DISPLAY="$display"

# The tests' own walk through the window, on this display instead of the headless platform.
(cd "$root" && mvn -q -B -pl app -am test -Dtest=ScreenPictures -Dsurefire.failIfNoSpecifiedTests=false \
  "-Dtest.platform.options=-Dglass.platform=gtk -Dprism.order=sw -Dtestfx.robot=glass" \
  "-Dscreens.folder=$work" "-Dscreens.only=${SCREENS_ONLY:-}")

for picture in "$work"/*/*.png; do
  kind=$(basename -- "$(dirname -- "$picture")")
  mkdir -p "$here/$kind"
  convert "$picture" -strip +dither -colors 128 -define png:compression-level=9 "$here/$kind/$(basename -- "$picture")"
done
