# bash completion of lmcc: commands, and the options that each one's --help lists.
_lmcc() {
    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "$(lmcc --help | sed -n 's/^  \([a-z]*\) .*/\1/p') --help --version" -- "$word"))
    elif [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$(lmcc "$command" --help | grep -o -- '^ *\(-., \)\{0,1\}--[a-z-]*' | grep -o -- '--.*')" -- "$word"))
    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == --target || ${COMP_WORDS[COMP_CWORD - 1]} == -t ]]; then
        COMPREPLY=($(compgen -W "$(lmcc targets | awk '{print $1}')" -f -- "$word"))
    else
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}
complete -o filenames -F _lmcc lmcc
