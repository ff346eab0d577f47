# shellcheck shell=sh
# Read by the other scripts here: where the boards are, and how to read a board.yaml, which is flat:
# one "key: value" a line, values in double quotes or lists in brackets.
boards=$(cd "$(dirname "$0")/../../targets/boards" && pwd)

# board_get BOARD KEY: the value without its quotes; a list as words.
board_get() {
    awk -v key="$2: " '
        index($0, key) == 1 {
            value = substr($0, length(key) + 1)
            if (value ~ /^\[/) gsub(/,/, "", value)
            gsub(/^["[]|["\]]$/, "", value)
            print value
        }' "$boards/$1/board.yaml"
}

# board_check BOARD: exit with status 2 unless there is such a board.
board_check() {
    if [ ! -f "$boards/$1/board.yaml" ]; then
        echo "${0##*/}: $1: no such board in targets/boards" >&2
        exit 2
    fi
}
