#!/bin/sh
# The Debian package: its version is the program's; installed, the program, its manual page and completion
# are there; removed, nothing is. Around what is built already; with REQUIRE_ALL as `make deb` makes
# it, compiled, tested and checked by lintian.
. "$(dirname "$0")/lib.sh"

version=$("$lmcc" --version | sed 's/^lmcc \([0-9.]*\) .*/\1/')
check "the changelog's version is $version" grep -q "^lmcc ($version) " "$root/debian/changelog"
if ! have dpkg-buildpackage || ! have dh; then
    skip "Debian package: needs dpkg-buildpackage and debhelper (make deps-deb)"
    finish
fi

# The sources and what $B has of them, as if it had been built there.
around_build() {
    mkdir -p "$work/deb/lmcc/debian/build"
    (cd "$root" && tar -c Makefile README.md LICENSE debian docs compiler include passes runtime_template targets) |
        tar -x -C "$work/deb/lmcc" &&
        (cd "$B" && tar -c lmcc liblmcc.a embed embedded.[co] compiler passes) |
        tar -x -C "$work/deb/lmcc/debian/build" &&
        cd "$work/deb/lmcc" && DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage -us -uc -b -nc -d && cd - >/dev/null
}
# dpkg with a database and a root of its own.
as_root() {
    dpkg --root="$work/root" --force-not-root --force-depends --force-bad-path --log="$work/dpkg.log" "$@"
}
files() { (cd "$work/root" && find . ! -type d ! -path './var/lib/dpkg/*' | sort); }

if [ -n "$REQUIRE_ALL" ]; then
    check "make deb" make -C "$root" B="$work/all" DEB_FLAGS=-j2 deb
    mv "$work/all/deb" "$work/deb"
else
    check "a package around what is built" around_build || finish
fi
package=$(ls "$work"/deb/lmcc_"$version"_*.deb)
mkdir -p "$work/root/var/lib/dpkg/info" "$work/root/var/lib/dpkg/updates"
: >"$work/root/var/lib/dpkg/status"
files >"$work/before"
check "installs" as_root -i "$package"
check "the program runs" sh -c "'$work/root/usr/bin/lmcc' --version | grep -q '^lmcc $version '"
usr=$work/root/usr/share
check "manual page" sh -c "gzip -dc '$usr/man/man1/lmcc.1.gz' | cmp - '$root/compiler/share/lmcc.1'"
for file in bash-completion/completions/lmcc zsh/vendor-completions/_lmcc lmcc/manifest.schema.json \
    doc/lmcc/copyright doc/lmcc/README.md doc/lmcc/docs/integration.md; do
    check "$file" test -s "$usr/$file"
done
mkdir -p "$work/empty"
check "compiles, with nothing of the sources" env -C "$work/empty" "$work/root/usr/bin/lmcc" compile -q "$tales/model" \
    -o "$work/story" -t rp2040 --bits 2 --set quantize.method=weights
check "removes" as_root -P lmcc
files >"$work/after"
check "nothing is left" cmp "$work/before" "$work/after"
finish
