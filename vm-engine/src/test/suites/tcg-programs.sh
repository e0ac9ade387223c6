#!/bin/bash
# Makes an initial RAM disk of QEMU's own tests/tcg programs for i386 and x86_64, with what each prints on this
# machine's processor, for TcgProgramsTests.
# usage: tcg-programs.sh QEMU_SOURCE KERNEL_IMAGE OUT      (OUT gets kernel and initrd.gz)
# QEMU_SOURCE: the source of QEMU 7.2 (apt-get source qemu); KERNEL_IMAGE: a vmlinuz for amd64.
# Needs gcc-multilib, python3, busybox-static, cpio.
set -euo pipefail
SOURCE=$1/tests/tcg KERNEL=$2 OUT=$3
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
ROOT=$WORK/root
mkdir -p "$ROOT"/{bin,proc,dev,tmp,tcg} "$OUT"
cp "$(command -v busybox)" "$ROOT/bin/busybox"

python3 "$SOURCE/i386/test-mmx.py" "$SOURCE/i386/x86.csv" "$WORK/test-mmx.h" MMX SSE SSE2 SSE3 SSSE3
python3 "$SOURCE/i386/test-avx.py" "$SOURCE/i386/x86.csv" "$WORK/test-avx.h"

# build NAME WIDTH SOURCES AND FLAGS: a program, and what it prints here. What the threads of signals, testthread and
# threadcount print depends on who runs first, and vsyscall prints the time: of these the exit status counts alone.
build() {
  local name=$1-$2 width=$2
  shift 2
  if ! gcc "-m$width" -static -w -fno-pie -no-pie -I"$WORK" -o "$ROOT/tcg/$name" "$@" -lm 2> "$WORK/log"; then
    echo "$name: not built: $(grep -m1 -i error "$WORK/log")"
    return
  fi
  local status=0
  timeout 60 "$ROOT/tcg/$name" > "$ROOT/tcg/$name.expected" 2> /dev/null < /dev/null || status=$?
  echo "$status" > "$ROOT/tcg/$name.status"
  case $name in signals-*|testthread-*|threadcount-*|vsyscall-*) rm "$ROOT/tcg/$name.expected" ;; esac
}

for file in "$SOURCE"/i386/test-i386-*.c; do
  name=$(basename "$file" .c)
  case $name in
    test-i386-fprem) ;; # minutes on a real processor: QEMU's own make check leaves it to SPEED=slow
    test-i386-ssse3) build "$name" 64 "$file" -mssse3 ;;
    test-i386-bmi2) build "$name" 32 "$file" -O2; build "$name" 64 "$file" -O2 ;;
    test-i386-pcmpistri) build "$name" 32 "$file" -O2 -msse4.2 ;;
    test-i386-sse-exceptions) build "$name" 32 "$file" -O2 -msse4.1 -mfpmath=sse ;;
    *) build "$name" 32 "$file" -O2 ;;
  esac
done
build test-i386 32 -O2 "$SOURCE"/i386/test-i386{.c,-code16.S,-vm86.S}
build test-i386 64 -O2 "$SOURCE"/i386/test-i386.c
for width in 32 64; do
  build test-mmx "$width" -masm=intel -O "$SOURCE/i386/test-mmx.c"
  build test-avx "$width" -masm=intel -O -mavx "$SOURCE/i386/test-avx.c"
  for name in float_convd float_convs float_madds; do
    build "$name" "$width" -O2 -I"$SOURCE/multiarch" "$SOURCE/multiarch/$name.c" "$SOURCE/multiarch/libs/float_helpers.c"
  done
  for name in sha1 sha512 overflow; do
    build "$name" "$width" -O2 "$SOURCE/multiarch/$name.c"
  done
  build sha512-sse "$width" -O3 -msse4.1 "$SOURCE/multiarch/sha512.c"
  for name in signals testthread threadcount; do
    build "$name" "$width" -O2 -pthread "$SOURCE/multiarch/$name.c"
  done
done
for name in cmpxchg vsyscall noexec; do
  build "$name" 64 -O2 -I"$SOURCE/multiarch" "$SOURCE/x86_64/$name.c"
done

cat > "$ROOT/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
exec > /dev/ttyS0 2>&1
cd /tcg
# Approximations, of which the manual gives the greatest error only: the instruction, the register, its numbers.
exact() { awk '/ V?R(CP|SQRT)[PS]S /{skip=3} skip>0{skip--; next} {print}' "$1" > "$2"; }
for status in *.status; do
  name=${status%.status}
  timeout 600 ./$name > /tmp/out 2> /dev/null < /dev/null
  got=$?
  [ -f $name.expected ] && exact $name.expected /tmp/a && exact /tmp/out /tmp/b && diff /tmp/a /tmp/b | grep '^[-+][^-+]' | head -n 1000 | sed "s/^/TCG DIFF $name /"
  echo "TCG END $name $got $(cat $status)"
done
echo "TCG DONE"
poweroff -f
INIT
chmod +x "$ROOT/init"
(cd "$ROOT" && find . | cpio -o -H newc --quiet | gzip) > "$OUT/initrd.gz"
cp "$KERNEL" "$OUT/kernel"
ls -l "$OUT"
