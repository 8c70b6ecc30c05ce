################################################################################
#
# kubejoin
#
################################################################################

KUBEJOIN_VERSION = 0.1.0
KUBEJOIN_SOURCE = kubejoin-$(KUBEJOIN_VERSION)-$(ARCH)-unknown-linux-musl.tar.gz
KUBEJOIN_SITE = $(call qstrip,$(BR2_PACKAGE_KUBEJOIN_SITE))
KUBEJOIN_LICENSE = Apache-2.0
KUBEJOIN_LICENSE_FILES = LICENSE
# A static binary is installed as it is: nothing is compiled, for whatever C library.
KUBEJOIN_ADD_TOOLCHAIN_DEPENDENCY = NO
# It is stripped, and stays the file that was tested.
KUBEJOIN_STRIP_EXCLUDE = kubejoin

define KUBEJOIN_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/kubejoin $(TARGET_DIR)/usr/bin/kubejoin
endef

define KUBEJOIN_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(KUBEJOIN_PKGDIR)/kubejoin.service \
		$(TARGET_DIR)/usr/lib/systemd/system/kubejoin.service
	$(INSTALL) -D -m 0644 $(KUBEJOIN_PKGDIR)/kubejoin.tmpfiles \
		$(TARGET_DIR)/usr/lib/tmpfiles.d/kubejoin.conf
endef

define KUBEJOIN_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(KUBEJOIN_PKGDIR)/S80kubejoin \
		$(TARGET_DIR)/etc/init.d/S80kubejoin
endef

# What a kubelet and its pods need, and the boot partition.
define KUBEJOIN_LINUX_CONFIG_FIXUPS
	$(call KCONFIG_ENABLE_OPT,CONFIG_CGROUPS)
	$(call KCONFIG_ENABLE_OPT,CONFIG_CGROUP_PIDS)
	$(call KCONFIG_ENABLE_OPT,CONFIG_CGROUP_SCHED)
	$(call KCONFIG_ENABLE_OPT,CONFIG_CPUSETS)
	$(call KCONFIG_ENABLE_OPT,CONFIG_MEMCG)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NAMESPACES)
	$(call KCONFIG_ENABLE_OPT,CONFIG_OVERLAY_FS)
	$(call KCONFIG_ENABLE_OPT,CONFIG_VFAT_FS)
endef

$(eval $(generic-package))
