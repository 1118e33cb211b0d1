#!/bin/sh
# Runs the suite, or the tests named, on SwiftShader: a Vulkan driver for the CPU that shares no code with Mesa's.
# Its subgroups have 4 lanes, and it knows no f16.
#
#     deno task test:swiftshader tests/ops
#
# The driver is the one that VK_DRIVER_FILES names if that is a SwiftShader, else the one in ./.deno/swiftshader,
# which git ignores. If nothing is there yet, it comes out of Debian's package chromium-common, which is not installed.
#
# Exit code: that of `deno test`; 2 if there is no SwiftShader to be had.
set -eu

say() { printf 'test:swiftshader: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 2
}

by_hand='Set VK_DRIVER_FILES to the vk_swiftshader_icd.json of a SwiftShader, which comes with Chromium.'

# Puts the library and its manifest into $driver, both or neither.
fetch() {
  for tool in apt-get dpkg-deb tar; do
    command -v $tool >/dev/null ||
      fail "Cannot fetch SwiftShader as $tool must be on PATH: this is not Debian. $by_hand"
  done
  say 'fetching SwiftShader from the package chromium-common into ./.deno/swiftshader'
  mkdir -p "$own" && folder=$(mktemp -d "$own/fetching.XXXXXX") ||
    fail "Cannot fetch SwiftShader as $own must be writable."
  trap 'rm -rf "$folder"' EXIT
  trap 'exit 130' INT TERM
  # Whatever user apt would download as may not write here.
  (cd "$folder" && apt-get download -qq -o APT::Sandbox::User="$(id -un)" chromium-common) >&2 ||
    fail 'Cannot fetch SwiftShader: apt-get could not download chromium-common (see above).' \
      "If its list of packages is old or empty, run apt-get update. Ubuntu has no such package. $by_hand"
  mkdir "$folder/swiftshader"
  dpkg-deb --fsys-tarfile "$folder"/*.deb | tar -x -C "$folder/swiftshader" --strip-components=4 \
    ./usr/lib/chromium/libvk_swiftshader.so ./usr/lib/chromium/vk_swiftshader_icd.json ||
    fail "Cannot use the package chromium-common as it has no SwiftShader in /usr/lib/chromium. $by_hand"
  # A path that begins with a dot is looked up from the manifest, so that this folder can be moved.
  sed 's|"library_path": *"[^"]*"|"library_path": "./libvk_swiftshader.so"|' \
    "$folder/swiftshader/vk_swiftshader_icd.json" >"$folder/icd.json"
  mv "$folder/icd.json" "$folder/swiftshader/vk_swiftshader_icd.json"
  rm -rf "$driver"
  mv "$folder/swiftshader" "$driver"
  rm -rf "$folder"
  trap - EXIT INT TERM
}

# The name of the adapter that src/gpu/device.ts would open, and its subgroup sizes.
describe_adapter() {
  "$deno" eval '
    const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) Deno.exit();
    const { description, subgroupMinSize, subgroupMaxSize } = adapter.info;
    const sizes = [...new Set([subgroupMinSize, subgroupMaxSize])].join(" to ");
    console.log(`${description}, subgroups of ${sizes}`);'
}

cd -- "$(dirname -- "$0")/.."
deno=${DENO:-deno} # `deno task` does not put itself on PATH.
own=$PWD/.deno
driver=$own/swiftshader

case ${VK_DRIVER_FILES:-} in
  /*[Ss]wift[Ss]hader*) ;;
  *[Ss]wift[Ss]hader*) VK_DRIVER_FILES=${INIT_CWD:-.}/$VK_DRIVER_FILES ;;
  *)
    if [ ! -f "$driver/libvk_swiftshader.so" ] || [ ! -f "$driver/vk_swiftshader_icd.json" ]; then fetch; fi
    VK_DRIVER_FILES=$driver/vk_swiftshader_icd.json
    ;;
esac
# Without the second, an adapter of OpenGL could be preferred.
export VK_DRIVER_FILES DENO_WEBGPU_BACKEND=vulkan

adapter=$(describe_adapter) || fail 'Cannot ask for the adapter as Deno failed (see above).'
case $adapter in
  *SwiftShader*) say "$adapter" ;;
  '') fail "Cannot use $VK_DRIVER_FILES as WebGPU finds no adapter with it. Is Vulkan's loader there (libvulkan1)?" ;;
  *) fail "Cannot test on SwiftShader as the adapter is another: $adapter. VK_DRIVER_FILES is $VK_DRIVER_FILES" ;;
esac

exec "$deno" test -A --no-check --doc "$@"
