#!/bin/sh
# Runs the tests of the kernels on matrix units and a short training, or the tests named, on Dawn with Mesa of version 26 or
# later, whose Vulkan driver for the CPU has matrix units:
#
#     deno task test:matrix
#     deno task test:matrix tests/ops/conv2d_test.ts
#
# or a program of the project:
#
#     deno task test:matrix run train.ts --data ~/photos
#
# That Mesa needs a newer libc than most machines have. So the first run makes a folder with both, ./.deno/matrix, 600 MB of
# Debian from the mirror that the machine's apt uses, and everything runs in it by chroot: root only.
#
# Exit code: that of Deno; 2 if the folder cannot be made or used.
set -eu

cd -- "$(dirname -- "$0")/.."
task=test:matrix
. tests/drivers.sh

name='Mesa 26'
tests='tests/ops/conv2d_matrix_test.ts tests/byol/matrix_training_test.ts tests/byol/half_test.ts'
[ "$(id -u)" = 0 ] || fail "Cannot test on $name: only root may run programs in another root folder. Become root."
mkdir -p "$own"
own=$(cd "$own" && pwd -P) # mounted below under this name
root=$own/matrix making=$own/matrix.making

for tool in unshare chroot; do
  command -v $tool >/dev/null || fail "Cannot test on $name as $tool must be on PATH."
done

# Makes $root. It gets its name when it is complete: what an interrupted run has left is made again.
make_root() {
  command -v debootstrap >/dev/null || fail "Cannot make $root as debootstrap must be on PATH: apt-get install debootstrap."
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' \
    2>/dev/null | head -n 1)
  [ -n "$mirror" ] || fail "Cannot make $root as apt-get knows no mirror of Debian: run apt-get update, on Debian."
  # What debootstrap mounts must be gone before anything is removed: the machine's own /dev may be among it.
  ! grep -qF " $making/" /proc/mounts || fail "Cannot make $making anew as something is mounted in it. Unmount it."
  rm -rf --one-file-system "$making"
  say "making $root with $name, once: some minutes"
  # In a namespace of its own, whatever is mounted goes with the process.
  unshare --mount --propagation private \
    debootstrap --variant=minbase --include=mesa-vulkan-drivers,libvulkan1 sid "$making" "$mirror" >"$own/matrix.log" 2>&1 ||
    fail "Cannot make $root: debootstrap failed, see $own/matrix.log."
  rm -rf "$making/var/cache/apt/archives" "$root"
  mv "$making" "$root"
}

# Runs "$@" in $root, where project, packages and Deno have the paths that they have here. Mounts end with the process.
inside() {
  unshare --mount --propagation private sh -c '
    set -eu
    root=$1 folder=$2
    shift 2
    for path in /dev /proc "$PWD" "$OWN" "$DENO_DIR"; do
      mkdir -p "$root$path"
      mount --rbind "$path" "$root$path"
    done
    for path in "$DENO" /etc/resolv.conf ${NODE_EXTRA_CA_CERTS:-}; do
      [ -f "$root$path" ] || { mkdir -p "$root$(dirname "$path")" && : >"$root$path"; }
      mount --bind "$path" "$root$path"
    done
    exec chroot "$root" env -C "$folder" -u VK_DRIVER_FILES -u VK_ICD_FILENAMES TMPDIR=/tmp XDG_RUNTIME_DIR=/tmp "$@"
  ' sh "$root" "$PWD" "$@"
}

[ -d "$root" ] || make_root
within=inside
use_dawn
DENO_DIR=$("$deno" info --json | sed -n 's/^ *"denoDir": "\(.*\)",$/\1/p')
deno=$(command -v "$deno") DENO=$deno OWN=$own
export DENO DENO_DIR OWN

adapter=$(on_dawn run tests/dawn/adapter.ts) || fail 'Cannot ask for the adapter as Dawn failed (see above).'
case $adapter in
  *'Mesa 2'[6-9]* | *'Mesa '[3-9][0-9]*) say "$adapter" ;;
  *) fail "Cannot test on $name as the adapter is another: $adapter. Remove $root to make it anew." ;;
esac
[ $# -gt 0 ] || set -- $tests
if [ "$1" = run ]; then on_dawn "$@"; else on_dawn test --doc "$@"; fi
