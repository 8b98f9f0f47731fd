# The prebuilt llama.cpp that our files are compared with, from npm; to be sourced from the root of
# the repository.
source tools/npm_package.sh

readonly LLAMA_CPP_PACKAGE=@node-llama-cpp/linux-x64 LLAMA_CPP_VERSION=3.21.1
readonly LLAMA_CPP_SHA256=4b5b65a8b2611d8af94349b02d815c0f424a30a0a19aef2be5db25ecfef6730f
readonly LLAMA_CPP=build/npm/llama-cpp-$LLAMA_CPP_VERSION

# Makes the folder $LLAMA_CPP, with the libraries and the addon for Node.js, unless it is there.
fetch_llama_cpp() {
  [[ $(uname -sm) == "Linux x86_64" ]] ||
    npm_die "$LLAMA_CPP_PACKAGE is for Linux on x86-64 only"
  npm_tarball "$LLAMA_CPP_PACKAGE" "$LLAMA_CPP_VERSION" "$LLAMA_CPP_SHA256" .cache/npm
  if [[ ! -f $LLAMA_CPP/llama-addon.node ]]; then
    mkdir -p "$LLAMA_CPP"
    tar --extract --gzip --file "$tarball" --directory "$LLAMA_CPP" --strip-components=3 \
      package/bins/linux-x64
  fi
}

# Becomes the Python script $1 with the library and the other arguments.
run_on_llama_cpp() {
  # The distribution's own, because it has the modules that tools/setup.sh installs.
  local python=/usr/bin/python3 script=$1
  "$python" -c 'import numpy' 2>/dev/null ||
    npm_die "numpy is not installed; run 'tools/setup.sh test' as root"
  fetch_llama_cpp
  exec "$python" "$script" --llama-cpp "$LLAMA_CPP" "${@:2}"
}
