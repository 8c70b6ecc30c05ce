#!/bin/sh
# Compares a binary with what cross/expect/TARGET says that it must look like:
#
#     cross/check.sh TARGET FILE
#
# One line for each expectation; the exit status is 1 when one is not met. Needs readelf (binutils), of any architecture.
set -u

[ $# = 2 ] || { echo "usage: $0 TARGET FILE" >&2; exit 2; }
expect=$(dirname "$0")/expect/$1
file=$2
[ -r "$expect" ] || { echo "$0: no such expectations: $expect" >&2; exit 2; }
command -v readelf >/dev/null || { echo "$0: readelf is missing: apt-get install binutils" >&2; exit 2; }
elf=$(LC_ALL=C readelf --wide --file-header --program-headers --section-headers --dynamic "$file") || exit 2

has() { printf '%s\n' "$elf" | grep -Eq "$1" && echo yes || echo no; }
found() {
	case $1 in
	machine | class) printf '%s\n' "$elf" | sed -n "s/^ *$(echo "$1" | sed 's/./\u&/'): *//p" ;;
	type) printf '%s\n' "$elf" | sed -n 's/^ *Type: *\([A-Z]*\).*/\1/p' ;;
	static-pie) has 'FLAGS_1.*\bPIE\b' ;;
	interpreter) has '^ *INTERP ' ;;
	needed-libraries) has '\(NEEDED\)' ;;
	undefined-symbols) LC_ALL=C readelf --wide --dyn-syms "$file" | awk '$7 == "UND" && $8 != ""' | grep -q . && echo yes || echo no ;;
	relro) has '^ *GNU_RELRO ' ;;
	bind-now) has '(FLAGS|FLAGS_1).*\b(BIND_NOW|NOW)\b' ;;
	text-relocations) has '\(TEXTREL\)|FLAGS.*\bTEXTREL\b' ;;
	stack) printf '%s\n' "$elf" | awk '$1 == "GNU_STACK" { print $(NF - 1) }' ;;
	writable-and-executable) has '^ *LOAD .* RWE ' ;;
	symbol-table) has ' \.symtab ' ;;
	unwinding-tables) has ' \.(eh_frame|eh_frame_hdr|gcc_except_table) ' ;;
	max-bytes) wc -c <"$file" | tr -d ' ' ;;
	*) echo "unknown expectation" ;;
	esac
}

failed=0
verdict() { # ok KEY WANT FOUND
	word=ok
	[ "$1" = yes ] || { word=FAIL; failed=$((failed + 1)); }
	printf '%-4s %-24s %s\n' "$word" "$2" "$3"
}

while read -r key want; do
	case $key in
	'' | '#'*) ;;
	forbidden-string)
		strings=$(LC_ALL=C grep -aoF -m1 -- "$want" "$file" | head -n1)
		verdict "$([ -z "$strings" ] && echo yes)" "$key" "$want" ;;
	max-bytes)
		size=$(found "$key")
		verdict "$([ "$size" -le "$want" ] && echo yes)" "$key" "$size of $want" ;;
	*)
		seen=$(found "$key")
		verdict "$([ "$seen" = "$want" ] && echo yes)" "$key" "$seen$([ "$seen" = "$want" ] || echo " instead of $want")" ;;
	esac
done <"$expect"

# What only the building machine knows: where it keeps its sources and toolchain.
root=$(cd "$(dirname "$0")/.." && pwd -P)
for path in "$root" "${CARGO_HOME:-$HOME/.cargo}" "${RUSTUP_HOME:-$HOME/.rustup}"; do
	LC_ALL=C grep -aqF -- "$path" "$file" && verdict no "path of this machine" "$path"
done
[ "$failed" = 0 ] || { echo "$file: $failed expectations of $expect are not met" >&2; exit 1; }
