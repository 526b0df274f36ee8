#!/bin/sh
# Runs tree-sitter 0.26 with the given arguments: the one on PATH, else Debian forky's package, unpacked privately (no root, no
# maintainer script, nothing installed on the host) under ${XDG_CACHE_HOME:-~/.cache}/hotlisp-grammar.
set -eu
if command -v tree-sitter >/dev/null 2>&1 && tree-sitter --version | grep -q ' 0\.26\.'; then
  exec tree-sitter "$@"
fi
for tool in apt-get dpkg-deb; do
  command -v "$tool" >/dev/null 2>&1 || {
    echo "tree-sitter 0.26 is not on PATH, and without $tool it cannot be taken from Debian; install tree-sitter-cli 0.26" >&2
    exit 1
  }
done
root=${XDG_CACHE_HOME:-$HOME/.cache}/hotlisp-grammar
tree=$root/tree-sitter
if [ ! -f "$tree/.done" ]; then
  # The mirror that the host's own apt uses.
  mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
  [ -n "$mirror" ] || mirror=$(sed -n 's/^deb  *\(\[[^]]*\]  *\)\{0,1\}\([^ ]*debian\/\{0,1\}\) .*/\2/p' /etc/apt/sources.list | head -n 1)
  [ -n "$mirror" ] || { echo "no Debian mirror found in this host's apt sources" >&2; exit 1; }
  rm -rf "$tree"
  mkdir -p "$root/apt/lists/partial" "$root/apt/cache/archives/partial" "$root/apt/parts" "$tree"
  : >"$root/apt/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror forky main" >"$root/apt/sources.list"
  cat >"$root/apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$root/apt/sources.list";
Dir::Etc::sourceparts "$root/apt/parts";
Dir::Etc::preferencesparts "$root/apt/parts";
Dir::Etc::preferences "/dev/null";
Dir::State "$root/apt";
Dir::State::status "$root/apt/status";
Dir::State::lists "$root/apt/lists";
Dir::Cache "$root/apt/cache";
Acquire::Languages "none";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
CONF
  export APT_CONFIG="$root/apt/apt.conf"
  apt-get -qq update >&2
  apt-get -qq -y --download-only install tree-sitter-cli >&2
  # merged /usr: the links first, so that every package lands in usr/
  mkdir -p "$tree/usr/bin" "$tree/usr/sbin" "$tree/usr/lib" "$tree/usr/lib64"
  for d in bin sbin lib lib64; do ln -sfn "usr/$d" "$tree/$d"; done
  for deb in "$root"/apt/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tree" --keep-directory-symlink
  done
  touch "$tree/.done"
fi
# forky's program wants forky's C library: start it through that library's own loader.
loader=$(find "$tree/usr/lib" "$tree/usr/lib64" -name 'ld-linux*.so.*' | head -n 1)
libraries=$(dirname "$(find "$tree/usr/lib" -name 'libc.so.6' | head -n 1)")
exec "$loader" --library-path "$libraries" "$tree/usr/bin/tree-sitter" "$@"
