#!/bin/sh
# Runs the suite, or the tests named, on Dawn, the WebGPU of Chrome, with two Vulkan drivers for the CPU one after the
# other, SwiftShader and Mesa of version 25 or later, or the one named first:
#
#     deno task test:dawn
#     deno task test:dawn mesa tests/ops
#
# or a program of the project on one of the two:
#
#     deno task test:dawn mesa run train.ts --data ~/photos
#
# The first run installs Dawn, 132 MB from npm. Where the drivers come from: see drivers.sh.
#
# Exit code: that of Deno, of the last driver on which it failed; 2 if there is no such driver to be had.
set -eu

cd -- "$(dirname -- "$0")/.."
task=test:dawn
. tests/drivers.sh

use_dawn

# Runs the tests, or the program, "$@" with the driver $1.
on_driver() {
  "use_$1"
  shift
  adapter=$(on_dawn run tests/dawn/adapter.ts) || fail 'Cannot ask for the adapter as Dawn failed (see above).'
  case $name$adapter in
    SwiftShader*SwiftShader* | Mesa*'Mesa 2'[5-9]* | Mesa*'Mesa '[3-9][0-9]*) say "$adapter" ;;
    *) fail "Cannot test on $name as the adapter is another: $adapter. VK_DRIVER_FILES is $VK_DRIVER_FILES" ;;
  esac
  if [ "${1:-}" = run ]; then on_dawn "$@"; else on_dawn test --doc "$@"; fi
}

case ${1:-} in
  swiftshader | mesa) on_driver "$@" ;;
  *)
    status=0
    for driver in swiftshader mesa; do
      DENO=$deno sh tests/dawn.sh $driver "$@" || status=$?
    done
    exit $status
    ;;
esac
