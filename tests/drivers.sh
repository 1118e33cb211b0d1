# Vulkan drivers for the CPU to run the suite on, besides the one of the machine. To be sourced from the project's folder by
# a script that has set $task, its name in messages.

own=$PWD/.deno
deno=${DENO:-deno} # `deno task` does not put itself on PATH.

say() { printf '%s: %s\n' "$task" "$*" >&2; }

fail() {
  say "$*"
  exit 2
}

# Downloads the package $1 with the options of apt-get that follow, and unpacks of it the library $2 and its manifest $3,
# patterns of their paths, into the folder $driver: both or neither.
unpack() {
  package=$1 library=$2 manifest=$3
  shift 3
  # Whatever user apt would download as may not write here.
  (cd "$folder" && apt-get download -qq -o APT::Sandbox::User="$(id -un)" "$@" "$package") >&2 ||
    fail "Cannot fetch $name: apt-get could not download $package (see above)." \
      "If its list of packages is old or empty, run apt-get update. $by_hand"
  mkdir "$folder/all" "$folder/driver"
  dpkg-deb --extract "$folder"/*.deb "$folder/all"
  cp "$folder/all"/$library "$folder/driver" ||
    fail "Cannot use the package $package as it has no $name. $by_hand"
  # A path that begins with a dot is looked up from the manifest, so that this folder can be moved.
  sed "s|\"library_path\": *\"[^\"]*\"|\"library_path\": \"./$(basename "$library")\"|" \
    "$folder/all"/$manifest >"$folder/driver/icd.json" ||
    fail "Cannot use the package $package as it has no manifest of $name. $by_hand"
  rm -rf "$driver"
  mv "$folder/driver" "$driver"
}

# Runs "$@", which calls `unpack`, with a temporary $folder, if there is apt.
fetch() {
  for tool in apt-get dpkg-deb; do
    command -v $tool >/dev/null ||
      fail "Cannot fetch $name as $tool must be on PATH: this is not Debian. $by_hand"
  done
  say "fetching $name into ./${driver#"$PWD"/}"
  mkdir -p "$own" && folder=$(mktemp -d "$own/fetching.XXXXXX") ||
    fail "Cannot fetch $name as $own must be writable."
  trap 'rm -rf "$folder"' EXIT
  trap 'exit 130' INT TERM
  "$@"
  rm -rf "$folder"
  trap - EXIT INT TERM
}

# Sets VK_DRIVER_FILES to a SwiftShader: the one that it names, else the one in ./.deno/swiftshader. If nothing is there
# yet, it comes out of Debian's package chromium-common, which is not installed.
use_swiftshader() {
  name=SwiftShader driver=$own/swiftshader
  by_hand='Set VK_DRIVER_FILES to the vk_swiftshader_icd.json of a SwiftShader, which comes with Chromium.'
  case ${VK_DRIVER_FILES:-} in
    /*[Ss]wift[Ss]hader*) ;;
    *[Ss]wift[Ss]hader*) VK_DRIVER_FILES=${INIT_CWD:-.}/$VK_DRIVER_FILES ;;
    *)
      [ -f "$driver/icd.json" ] || fetch unpack chromium-common \
        usr/lib/chromium/libvk_swiftshader.so usr/lib/chromium/vk_swiftshader_icd.json
      VK_DRIVER_FILES=$driver/icd.json
      ;;
  esac
  export VK_DRIVER_FILES
}

# Sets VK_DRIVER_FILES to Mesa's driver of version 25 or later: the one that it names, else the system's, else the one in
# ./.deno/mesa. If nothing is there yet, it comes out of Debian's backports; the libraries that it needs must be the
# system's. Which version it is the adapter tells.
use_mesa() {
  name='Mesa 25' driver=$own/mesa
  by_hand='Set VK_DRIVER_FILES to the lvp_icd.json of Mesa 25 or later.'
  case ${VK_DRIVER_FILES:-} in
    /*lvp_icd*) ;;
    *lvp_icd*) VK_DRIVER_FILES=${INIT_CWD:-.}/$VK_DRIVER_FILES ;;
    *)
      # Vulkan 1.4 came with Mesa 25.
      VK_DRIVER_FILES=$(grep -l '"api_version": *"1\.[4-9]' /usr/share/vulkan/icd.d/lvp_icd*.json 2>/dev/null | head -n 1)
      if [ -z "$VK_DRIVER_FILES" ]; then
        [ -f "$driver/icd.json" ] || fetch unpack_backport
        VK_DRIVER_FILES=$driver/icd.json
      fi
      ;;
  esac
  export VK_DRIVER_FILES
}

# Lists of packages of its own leave the system's as they are.
unpack_backport() {
  from=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' 'Origin: Debian' \
    'Label: Debian' 2>/dev/null | grep -v -- - | head -n 1)
  [ -n "$from" ] || fail "Cannot fetch $name as apt-get knows no release of Debian: run apt-get update. $by_hand"
  mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${from% *} ${from#* }-backports main" \
    >"$folder/sources.list"
  set -- -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache"
  apt-get update -qq -o APT::Sandbox::User="$(id -un)" "$@" >&2 ||
    fail "Cannot fetch $name: apt-get could not read ${from#* }-backports (see above). $by_hand"
  unpack mesa-vulkan-drivers 'usr/lib/*/libvulkan_lvp.so' 'usr/share/vulkan/icd.d/lvp_icd*.json' "$@"
  missing=$(ldd "$driver/libvulkan_lvp.so" | sed -n 's/^\s*\(.*\) => not found$/\1/p')
  [ -z "$missing" ] || fail "Cannot use $name as libraries are missing:" $missing. \
    'Install the system'\''s own mesa-vulkan-drivers, which brings them.'
}

# Installs Dawn, and sets $lock to a lock file with the packages of the project and that of Dawn, which deno.lock must not have.
use_dawn() {
  lock=$own/dawn.lock
  mkdir -p "$own"
  "$deno" run -q --allow-read=. src/cli/dawn_lock.ts >"$lock"
  "$deno" run -q -A --no-check --lock="$lock" tests/dawn/install.ts || fail 'Cannot install Dawn (see above).'
}

# Runs deno with "$@" on Dawn, by the command $within if there is one; processes that a test starts are on Dawn too.
on_dawn() {
  command=$1
  shift
  DAWN_LOCK=$lock ${within:-} "$deno" "$command" -A --no-check --lock="$lock" --preload=tests/dawn/preload.ts "$@"
}
