#!/usr/bin/env bash
# Builds the release binary of Linux x64 for glibc 2.28 and newer, the floor of Node 22 itself, on a system of any age.
# The linker is Zig from its Python package, which knows the symbols of every glibc; it lives in target/, not in the system.
set -euo pipefail
cd "$(dirname "$0")/.."

floor=2.28
target=x86_64-unknown-linux-gnu
tools=target/floor-tools
requirements=(ziglang==0.17.1 cargo-zigbuild==0.24.1)

if [ ! -x "$tools/bin/cargo-zigbuild" ]; then
  echo "installing the linker into $tools (about 100 MB, once)"
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check "${requirements[@]}"
fi
PATH="$PWD/$tools/bin:$PATH" cargo zigbuild --locked --release --lib --target "$target.$floor"
cp "target/$target/release/libparall.so" parall.linux-x64-gnu.node
