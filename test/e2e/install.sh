#!/bin/sh
# make install: the program, its manual page, which names every command, and completion that knows them.
. "$(dirname "$0")/lib.sh"

prefix=$work/usr
check "make install" make -s -C "$root" B="$B" DESTDIR="$work" PREFIX=/usr install
check "the program runs" "$prefix/bin/lmcc" --version
for command in $("$lmcc" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    check "manual page: $command" grep -q "^\.B[A-Z]* *$command\b" "$prefix/share/man/man1/lmcc.1"
done
if have bash; then
    complete() {
        bash -c "PATH='$prefix/bin:$PATH'; . '$prefix/share/bash-completion/completions/lmcc'
            COMP_WORDS=($1 '$2') COMP_CWORD=$3; _lmcc; printf '%s\n' \"\${COMPREPLY[@]}\"" >"$work/words"
    }
    check "completion: commands" complete lmcc "" 1
    check "completion: has compile and doctor" sh -c "grep -qx compile '$work/words' && grep -qx doctor '$work/words'"
    check "completion: options" complete "lmcc compile" --bi 2
    check "completion: --bits" grep -qx -- --bits "$work/words"
    # Every option of every command, as its --help has them.
    for command in $("$lmcc" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
        "$lmcc" "$command" --help | sed -n 's/^ *\(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p' | sort >"$work/options"
        complete "lmcc $command" -- 2 && sort "$work/words" >"$work/completed"
        check "completion: all $(wc -l <"$work/options") options of $command" cmp "$work/options" "$work/completed"
    done
    check "completion: targets" complete "lmcc compile -t" stm 3
    check "completion: stm32h743" grep -qx stm32h743 "$work/words"
fi
check "make uninstall" make -s -C "$root" B="$B" DESTDIR="$work" PREFIX=/usr uninstall
check "nothing is left" sh -c "[ -z \"\$(find '$prefix' -type f)\" ]"
finish
