#!/usr/bin/env bash
# Flatcar's sysext bakery sources this: bakery.sh create kubejoin VERSION. files/ is put into the extension by it.
# shellcheck disable=SC2034 # the bakery's
RELOAD_SERVICES_ON_MERGE="true"

# There is no list to fetch: the versions are those of the binaries that KUBEJOIN_BINARIES has.
list_available_versions() { ls "${KUBEJOIN_BINARIES:?a directory with VERSION/x86-64/kubejoin and VERSION/arm64/kubejoin}"; }

# populate_sysext_root ROOT ARCH VERSION
populate_sysext_root() { install -D -m 755 "${KUBEJOIN_BINARIES:?}/$3/$2/kubejoin" "$1/usr/bin/kubejoin"; }
