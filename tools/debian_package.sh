# shellcheck shell=bash
# Pinned .deb archives from Debian's repository; to be sourced. Nothing is installed.

source tools/npm_package.sh  # `matches` and `npm_die` serve here as well

# debian_archive PACKAGE VERSION SHA256 FOLDER: sets `archive` to a file in FOLDER with that checksum,
# which is downloaded unless it is there.
debian_archive() {
  local package=$1 version=$2 sha=$3 folder=$4 log
  archive="$folder/${package}_${version}_all.deb"
  matches "$archive" "$sha" && return
  mkdir -p "$folder"
  command -v apt-get dpkg-deb >/dev/null ||
    npm_die "apt-get and dpkg-deb are missing: this is no Debian system. Put $package $version at $archive."
  echo "downloading $package $version"
  if ! log=$(cd "$folder" && apt-get download -qq "$package=$version" 2>&1); then
    npm_die "cannot download $package $version from Debian's repository (offline, or no apt-get update yet?)." \
      "With a network, run this again; without one, put the package at $archive. ${log}"
  fi
  matches "$archive" "$sha" ||
    npm_die "$archive has not the pinned checksum $sha; delete it and run this again"
}
