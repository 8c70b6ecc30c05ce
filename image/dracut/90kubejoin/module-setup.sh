#!/bin/bash
# Joins the node onto the root file system before that is entered.
# Called by dracut; see ../README.md.
# shellcheck disable=SC2154 # its variables

# 255: only where asked for (`dracut --add kubejoin`), because depends() brings the network up at every boot.
check() {
    require_binaries kubejoin || return 1
    return 255
}

# network is whichever the image has: systemd-networkd, NetworkManager or network-legacy.
depends() {
    echo systemd network
}

installkernel() {
    # Credentials from QEMU's firmware, and the boot partition of boards.
    hostonly='' instmods qemu_fw_cfg vfat nls_cp437 nls_ascii nls_iso8859_1
}

install() {
    inst_multiple kubejoin mount install
    inst_simple "$moddir/kubejoin-initrd.service" "$systemdsystemunitdir/kubejoin-initrd.service"
    inst_simple "$moddir/relabel.conf" /usr/share/kubejoin/relabel.conf

    $SYSTEMCTL -q --root "$initdir" add-wants initrd.target kubejoin-initrd.service

    # Nothing else needs the network where the root is a disk, so nobody else asks for it.
    mkdir -p "$initdir/etc/cmdline.d"
    echo "rd.neednet=1" >"$initdir/etc/cmdline.d/90-kubejoin.conf"

    # What is the same for every machine of this image. No token: an initramfs can be read by everybody.
    inst_simple -o /etc/kubejoin/kubejoin.yaml
}
