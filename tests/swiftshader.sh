#!/bin/sh
# Runs the suite, or the tests named, on SwiftShader: a Vulkan driver for the CPU that shares no code with Mesa's.
# Its subgroups have 4 lanes, and it knows no f16.
#
#     deno task test:swiftshader tests/ops
#
# Where the driver comes from: see drivers.sh.
#
# Exit code: that of `deno test`; 2 if there is no SwiftShader to be had.
set -eu

cd -- "$(dirname -- "$0")/.."
task=test:swiftshader
. tests/drivers.sh

# The name of the adapter that src/gpu/device.ts would open, and its subgroup sizes.
describe_adapter() {
  "$deno" eval '
    const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) Deno.exit();
    const { description, subgroupMinSize, subgroupMaxSize } = adapter.info;
    const sizes = [...new Set([subgroupMinSize, subgroupMaxSize])].join(" to ");
    console.log(`${description}, subgroups of ${sizes}`);'
}

use_swiftshader
export DENO_WEBGPU_BACKEND=vulkan # else an adapter of OpenGL could be preferred

adapter=$(describe_adapter) || fail 'Cannot ask for the adapter as Deno failed (see above).'
case $adapter in
  *SwiftShader*) say "$adapter" ;;
  '') fail "Cannot use $VK_DRIVER_FILES as WebGPU finds no adapter with it. Is Vulkan's loader there (libvulkan1)?" ;;
  *) fail "Cannot test on SwiftShader as the adapter is another: $adapter. VK_DRIVER_FILES is $VK_DRIVER_FILES" ;;
esac

exec "$deno" test -A --no-check --doc "$@"
