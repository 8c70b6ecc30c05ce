SUMMARY = "Makes the machine a Kubernetes node at its first boot, and keeps it one"
DESCRIPTION = "What kubeadm join does, as one static binary that runs before the kubelet. \
The image also needs a container runtime, and a kubelet with a unit, such as those of meta-virtualization."
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"
SECTION = "console/utils"

# In local.conf: where the archives are that cross/pack.sh has made, https:// of your web server or file:// with an absolute path.
KUBEJOIN_SITE ?= ""
python () {
    if not d.getVar("KUBEJOIN_SITE"):
        raise bb.parse.SkipRecipe("set KUBEJOIN_SITE to the URL of the directory with its archives")
}
SRC_URI = "${KUBEJOIN_SITE}/kubejoin-${PV}-${TARGET_ARCH}-unknown-linux-musl.tar.gz;name=${TARGET_ARCH} \
           file://kubejoin.service \
           file://kubejoin.tmpfiles"
SRC_URI[x86_64.sha256sum] = "0000000000000000000000000000000000000000000000000000000000000000"
SRC_URI[aarch64.sha256sum] = "0000000000000000000000000000000000000000000000000000000000000000"
S = "${UNPACKDIR}/kubejoin-${PV}-${TARGET_ARCH}-unknown-linux-musl"

COMPATIBLE_HOST = "(x86_64|aarch64).*-linux.*"

inherit systemd
SYSTEMD_SERVICE:${PN} = "kubejoin.service"

# A static binary is installed as it is: it needs no compiler, no C library and no stripping.
INHIBIT_DEFAULT_DEPS = "1"
INHIBIT_PACKAGE_STRIP = "1"
INHIBIT_PACKAGE_DEBUG_SPLIT = "1"
INSANE_SKIP:${PN} = "already-stripped"
do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
	install -D -m 0755 ${S}/kubejoin ${D}${bindir}/kubejoin
	install -D -m 0644 ${UNPACKDIR}/kubejoin.service ${D}${systemd_system_unitdir}/kubejoin.service
	install -D -m 0644 ${UNPACKDIR}/kubejoin.tmpfiles ${D}${nonarch_libdir}/tmpfiles.d/kubejoin.conf
}

FILES:${PN} += "${systemd_system_unitdir} ${nonarch_libdir}/tmpfiles.d"
