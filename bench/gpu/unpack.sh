# Sourced in the project's folder on the machine with the GPU: `. bench/gpu/unpack.sh`
#
# Unpacks what pack.sh packed into GPU_PACK (default .gpu): puts deno on PATH with its packages in DENO_DIR, installs the
# loader of Vulkan, as root, and leaves the images in GPU_DATA. What is there already is left alone, so that a second
# call takes no time. GPU_ROOT (default /opt/byol_gpu) is where it all goes.
SESSION_START=$(date +%s) # bench:gpu counts its seconds from here on
GPU_PACK=${GPU_PACK:-.gpu} GPU_ROOT=${GPU_ROOT:-/opt/byol_gpu}
PATH=$PATH:/usr/sbin:/sbin

gpu_unxz() {
  if command -v xz >/dev/null; then
    xz -dc "$1"
  else
    python3 -c 'import lzma, shutil, sys
shutil.copyfileobj(lzma.open(sys.argv[1]), sys.stdout.buffer, 1 << 22)' "$1"
  fi
}

# gpu_unpack ARCHIVE FOLDER: whole or not at all.
gpu_unpack() {
  [ -e "$2/.unpacked" ] && return
  mkdir -p "$2"
  { gpu_unxz "$GPU_PACK/$1" | tar -C "$2" -xf - && touch "$2/.unpacked"; } || echo "unpack.sh: $1 failed" >&2
}

gpu_unpack_deno() {
  [ -x "$GPU_ROOT/bin/deno" ] && return
  mkdir -p "$GPU_ROOT/bin"
  { gpu_unxz "$GPU_PACK/deno.xz" > "$GPU_ROOT/bin/deno.part" && chmod +x "$GPU_ROOT/bin/deno.part" &&
    mv "$GPU_ROOT/bin/deno.part" "$GPU_ROOT/bin/deno"; } || echo 'unpack.sh: deno.xz failed' >&2
}

gpu_install_loaders() {
  for gpu_library in libvulkan.so.1 libEGL.so.1 libGLdispatch.so.0; do
    ldconfig -p | grep -q "$gpu_library" && continue
    for gpu_deb in "$GPU_PACK"/deb/*.deb; do dpkg -x "$gpu_deb" / || echo "unpack.sh: $gpu_deb failed" >&2; done
    ldconfig
    break
  done
  for gpu_deb in "$GPU_PACK"/deb/x11/*.deb; do dpkg -x "$gpu_deb" "$GPU_ROOT/x11"; done
}

(
  mkdir -p "$GPU_ROOT/x11"
  gpu_unpack deno_dir.tar.xz "$GPU_ROOT/deno_dir" &
  gpu_unpack data.tar.xz "$GPU_ROOT/data" &
  gpu_install_loaders &
  gpu_unpack_deno
  wait
)
PATH=$GPU_ROOT/bin:$PATH DENO_DIR=$GPU_ROOT/deno_dir DENO_NO_UPDATE_CHECK=1 GPU_DATA=$GPU_ROOT/data
GPU_LIBRARIES=$GPU_ROOT/x11/usr/lib/x86_64-linux-gnu XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp}
export SESSION_START PATH DENO_DIR DENO_NO_UPDATE_CHECK GPU_DATA GPU_LIBRARIES XDG_RUNTIME_DIR
echo "unpacked in $(($(date +%s) - SESSION_START)) s: $(deno --version | head -n 1)"
