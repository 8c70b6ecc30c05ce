#!/bin/sh
# Adds to a root file system with kubejoin.service what a credential of a TPM needs:
#
#     image/systemd/tpm2/install.sh ROOT
set -eu

[ $# = 1 ] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd -P)
units=$1/usr/lib/systemd/system

install -D -m 644 "$here/kubejoin-tpm2.conf" "$units/kubejoin.service.d/tpm2.conf"
install -D -m 644 "$here/kubejoin-not-opened.service" "$units/kubejoin-not-opened.service"
# Otherwise it would be made with the mode of whoever makes it.
install -d -m 700 "$1/etc/credstore.encrypted"
