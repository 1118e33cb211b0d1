#!/bin/sh
# pack.sh DEST DATA [SHARDS]
#
# Packs into the folder DEST what a Linux x86-64 machine with a GPU and no network lacks: Deno, the npm packages of this
# project, the loaders of Vulkan and of NVIDIA's driver (from Debian's or Ubuntu's packages), and the files with
# images in the folder DATA: the first ones and the last, SHARDS of them (default 10). The project itself travels as it is. There:
#
#     . bench/gpu/unpack.sh && deno task bench:gpu --data "$GPU_DATA"
#
# What is slow to pack is kept in DEST and not packed again.
set -eu
dest=${1:?usage: pack.sh DEST DATA [SHARDS]} data=${2:?usage: pack.sh DEST DATA [SHARDS]} shards=${3:-10}
cd -- "$(dirname -- "$0")/../.."
mkdir -p "$dest/deb/x11"
dest=$(cd "$dest" && pwd)
deno=$("${DENO:-deno}" eval 'console.log(Deno.execPath())')

# compress [x86]: by Python's lzma, which is there where xz may not be. A filter for machine code saves a binary 6 %.
compress() {
  python3 -c '
import lzma, shutil, sys
filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 26}]
if sys.argv[1:] == ["x86"]:
    filters.insert(0, {"id": lzma.FILTER_X86})
with lzma.open(sys.stdout.buffer, "wb", filters=filters) as out:
    shutil.copyfileobj(sys.stdin.buffer, out, 1 << 22)' "$@"
}

# packed FILE STAMP: whether FILE was packed from what STAMP describes.
packed() { [ -s "$dest/$1" ] && [ "$(cat "$dest/$1.stamp" 2>/dev/null)" = "$2" ]; }
stamp() { printf '%s\n' "$2" > "$dest/$1.stamp"; }

version=$("$deno" --version | head -n 1)
packed deno.xz "$version" || {
  echo "packing $version" >&2
  compress x86 < "$deno" > "$dest/deno.xz"
  stamp deno.xz "$version"
}

packed data.tar.xz "$data $shards" || {
  echo "packing $data" >&2
  (
    cd "$data"
    files=$(ls | grep -E '\.(tar|bin|parquet)$')
    # The last one is held out: it must be among them.
    { echo "$files" | head -n "$((shards - 1))"; echo "$files" | tail -n 1; ls | grep '\.txt$' || :; } |
      sort -u | tar -cf - -T -
  ) | compress > "$dest/data.tar.xz"
  stamp data.tar.xz "$data $shards"
}

# Benchmarks against other libraries, and native addons, need not travel;
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
git ls-files '*.ts' | grep -v '^bench/peers' | DENO_DIR=$cache xargs "$deno" cache --quiet
# Dawn for Linux on x86-64 must.
dawn=$(sed -n 's/.*DAWN_VERSION = "\(.*\)".*/\1/p' src/gpu/dawn.ts)
DENO_DIR=$cache "$deno" cache --quiet --no-lock "npm:webgpu@$dawn"
find "$cache" -name '*.node' ! -path '*/webgpu/*/linux-x64/*' -delete
find "$cache" -path '*/webgpu/*/dist/*' -type d ! -name linux-x64 -prune -exec rm -rf {} +
tar -C "$cache" --exclude='*.map' -cf - npm | compress > "$dest/deno_dir.tar.xz"

# The loaders go to the system, the X libraries that NVIDIA's driver may ask for to a folder of their own.
[ -n "$(find "$dest/deb" -name 'libvulkan1_*')" ] || (
  cd "$dest/deb"
  apt-get -qq download libvulkan1 libegl1 libglvnd0 libopengl0 libgl1 libglx0 libgles2
  cd x11
  apt-get -qq download libx11-6 libxext6 libxcb1 libxau6 libxdmcp6 libbsd0 libmd0
)
tree=$(git ls-files -co --exclude-standard -z | xargs -0 du -ck --apparent-size | tail -n 1 | cut -f 1)
packed=$(du -sk --apparent-size "$dest" | cut -f 1)
echo "packed $((packed / 1024)) MiB; with the project's files $(((packed + tree) / 1024)) MiB"
