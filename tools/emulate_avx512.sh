#!/usr/bin/env bash
# Runs test programs on an emulated CPU with AVX-512 (Bochs, Ice Lake: VBMI, VNNI), for machines whose own
# CPU has none. Boots a Debian kernel with a memory disk that holds nothing but the programs and their libraries.
#
# usage: tools/emulate_avx512.sh PROGRAM[:FILTER] ...     (as root, after tools/setup.sh build test avx512)
#   PROGRAM   a GoogleTest program, such as build/src/kernels/kernels_test
#   FILTER    which of its tests (--gtest_filter); default: all
# environment: TIMEOUT  seconds until the emulation is given up (default 3600)
# Exit code: 0 if every program passed.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly CACHE=.cache/avx512
# What Bochs 2.7 has and Linux trips over (sizes of saved state, unknown registers, page faults while booting).
readonly UNUSABLE=aperfmperf,pku,ospke,xsaves,xsavec,smap,smep,pcid,fsgsbase,umip,erms,fsrm
readonly TIMEOUT=${TIMEOUT:-3600}

die() {
  echo "tools/emulate_avx512.sh: $*" >&2
  exit 1
}

# The kernel of Debian for virtual machines: small, with a serial console built in.
fetch_kernel() {
  [[ -f $CACHE/vmlinuz ]] && return
  echo "fetching a kernel into $CACHE"
  local package
  package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ {print $2; exit}')
  rm -rf "$CACHE/kernel"
  mkdir -p "$CACHE/kernel"
  (cd "$CACHE/kernel" && apt-get download "$package" >/dev/null 2>&1) || die "could not download $package"
  dpkg-deb --extract "$CACHE/kernel"/*.deb "$CACHE/kernel"
  mv "$CACHE/kernel"/boot/vmlinuz-* "$CACHE/vmlinuz"
  rm -rf "$CACHE/kernel"
}

# Copies a program and the libraries that it loads to the same places under a root.
copy_with_libraries() {
  local root=$1 program=$2 file
  install -D "$program" "$root/tests/$(basename "$program")"
  for file in $(ldd "$program" | grep -o '/[^ )]*'); do
    [[ -e $root$file ]] || install -D "$file" "$root$file"
  done
}

# What the machine does: run everything, say how it went on the serial line, switch off.
write_init() {
  local root=$1 argument
  shift
  {
    echo '#!/bin/busybox sh'
    echo 'stty -F /dev/ttyS0 115200; exec >/dev/ttyS0 2>&1'
    echo 'grep -q avx512_vnni /proc/cpuinfo && echo "CPU: AVX-512 with VNNI"'
    for argument in "$@"; do
      [[ $argument == *:* ]] || argument+=":*"
      echo "/tests/$(basename "${argument%%:*}") --gtest_brief=1 --gtest_filter='${argument#*:}' &&" \
        "echo 'PASSED $(basename "${argument%%:*}")' || echo 'FAILED $(basename "${argument%%:*}")'"
    done
    echo 'echo END'
    echo '/bin/busybox poweroff -f'
  } >"$root/run"
  cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec /bin/busybox sh /run
INIT
  chmod +x "$root/init" "$root/run"
}

make_disk() {
  local root
  root=$(mktemp -d)
  mkdir -p "$root/bin"
  cp /bin/busybox "$root/bin/"
  local argument
  for argument in "$@"; do copy_with_libraries "$root" "${argument%%:*}"; done
  write_init "$root" "$@"
  rm -rf "$CACHE/iso"
  mkdir -p "$CACHE/iso/boot/grub"
  cp "$CACHE/vmlinuz" "$CACHE/iso/boot/"
  (cd "$root" && find . | cpio --quiet -o -H newc) >"$CACHE/iso/boot/initrd"
  rm -rf "$root"
  cat >"$CACHE/iso/boot/grub/grub.cfg" <<GRUB
set timeout=0
menuentry tests {
  linux /boot/vmlinuz console=ttyS0,115200 quiet mitigations=off nokaslr nopti clearcpuid=$UNUSABLE
  initrd /boot/initrd
}
GRUB
  grub-mkrescue -o "$CACHE/disk.iso" "$CACHE/iso" >"$CACHE/grub.log" 2>&1 ||
    die "grub-mkrescue failed, see $CACHE/grub.log"
}

write_machine() {
  cat >"$CACHE/bochsrc" <<BOCHS
cpu: model=corei7_icelake_u, count=1, ips=50000000, reset_on_triple_fault=0
megs: 1024
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
ata0-master: type=cdrom, path=$CACHE/disk.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$CACHE/serial.txt
display_library: rfb, options="timeout=0"
sound: driver=dummy
log: $CACHE/bochs.log
panic: action=fatal
error: action=ignore
BOCHS
}

main() {
  (($#)) || die "name at least one test program"
  local argument
  for argument in "$@"; do
    [[ -x ${argument%%:*} ]] || die "${argument%%:*} is no program; build it first (make test)"
  done
  command -v bochs >/dev/null || die "Bochs is missing; run tools/setup.sh avx512"
  mkdir -p "$CACHE"
  fetch_kernel
  make_disk "$@"
  write_machine
  : >"$CACHE/serial.txt"
  echo "booting; this takes minutes"
  echo continue >"$CACHE/debugger"  # Debian's Bochs starts in its debugger
  timeout "$TIMEOUT" bochs -q -f "$CACHE/bochsrc" -rc "$CACHE/debugger" >"$CACHE/bochs.out" 2>&1 </dev/null || true
  cat "$CACHE/serial.txt"
  grep -q '^CPU: AVX-512' "$CACHE/serial.txt" || die "the emulated machine did not start, see $CACHE/bochs.log"
  grep -q '^END' "$CACHE/serial.txt" || die "not finished after $TIMEOUT s"
  ! grep -q '^FAILED' "$CACHE/serial.txt" || die "a test failed on AVX-512"
}

main "$@"
