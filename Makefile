# SPDX-License-Identifier: MIT
# A thin front to meson. These can be set: make test BUILD=/tmp/build JOBS=8
BUILD ?= build
JOBS ?= 3
PREFIX ?= /usr/local
# What finds errors while the tests run: address,undefined or thread or none. Each has a build of its own.
SANITIZE ?= address,undefined
CLIENTS ?= $(BUILD)/clients
# Which suites make coverage runs.
SUITES ?= unit model fuzz system crypto run

comma := ,
usual := address,undefined
flavour := $(if $(findstring clang,$(CC)),-clang)$(if $(filter-out $(usual),$(SANITIZE)),-$(subst $(comma),-,$(SANITIZE)))
TEST_BUILD ?= $(BUILD)-test$(flavour)
LINT_BUILD ?= $(BUILD)-lint
COVERAGE_BUILD ?= $(BUILD)-coverage
DEB_BUILD ?= $(BUILD)-deb
TARBALL_BUILD ?= $(BUILD)-tarball
BENCH_BUILD ?= build-bench

# Debian's packages: to build, to run the worked example, to try what was built, and to look at the source.
BUILD_PACKAGES = gcc libc6-dev meson ninja-build pkg-config libfuse3-dev libsystemd-dev libjansson-dev libseccomp-dev \
	libmicrohttpd-dev libssl-dev uthash-dev libglib2.0-dev libarchive-dev libxml2-dev libyaml-dev gcc-s390x-linux-gnu \
	libc6-dev-s390x-cross $(if $(filter x86_64 aarch64,$(shell uname -m)),libisal-dev)
RUN_PACKAGES = python3 python3-pytest mdevctl udev qemu-user-static
DEB_PACKAGES = build-essential debhelper dh-python python3-all pybuild-plugin-pyproject lintian patchelf
TEST_PACKAGES = $(RUN_PACKAGES) $(DEB_PACKAGES) kmod zsh fish debootstrap python3-venv libcmocka-dev libvirt-daemon libvirt-clients git \
	shellcheck clang-format-14 openssl uuid-runtime cpio xz-utils zstd gcc-i686-linux-gnu libc6-dev-i386-cross python3-grpcio \
	python3-protobuf python3-prometheus-client mypy qemu-system-x86 busybox-static
# Where a mirror lacks them, the tests that need them are left out, and say so.
WANTED_PACKAGES = chromium podman acl
LINT_PACKAGES = $(TEST_PACKAGES) clang clang-tidy cppcheck
COVERAGE_PACKAGES = $(TEST_PACKAGES) gcovr

# libfuse is the one library whose name differs between Debian 12 and 13, so it is linked in.
OPTIMIZED = --buildtype=release -Db_lto=true -Db_sanitize=none -Dwerror=false -Dstatic_fuse=true
RELEASE = $(OPTIMIZED) -Dtests=none --prefix=$(PREFIX)
CHECKED = -Dclients=$(abspath $(CLIENTS))
# Sanitizers make -O2 slow to compile: it takes three quarters more time than -O1.
SANITIZED = -Db_sanitize=$(SANITIZE) -Db_lundef=false $(if $(filter none,$(SANITIZE)),,-Doptimization=1)

# $(call configure,DIRECTORY,OPTIONS): sets a build up, and again when the options are others than the last time.
configure = @echo '$(strip $(2))' | cmp -s - $(1)/made-with || { if test -e $(1)/build.ninja; then \
	meson configure $(1) $(2) && meson setup --reconfigure $(1); else meson setup $(1) $(2); fi && \
	echo '$(strip $(2))' > $(1)/made-with; }

# $(call missing,PACKAGES): those that are not installed; nothing on a system without dpkg.
missing = $$(command -v dpkg-query > /dev/null || exit 0; for p in $(1); do \
	dpkg-query -W -f '$${Status}\n' $$p 2> /dev/null | grep -q '^install ok' || echo $$p; done)

# $(call need,PACKAGES,TARGET): names what is missing, and how TARGET or apt-get installs it.
need = @missing="$(call missing,$(1))"; test -z "$$missing" || { \
	echo "make: these packages are missing:" $$missing >&2; \
	echo "make: as root, 'make $(2)' installs them, or: apt-get install" $$missing >&2; exit 1; }

# $(call install,PACKAGES): installs what is missing, which only root can.
install = @missing="$(call missing,$(1))"; test -z "$$missing" || { test "$$(id -u)" = 0 || { \
	echo "make: these packages are missing, install them as root: apt-get install" $$missing >&2; exit 1; }; \
	echo "installing" $$missing; apt-get update -q && apt-get install -q -y --no-install-recommends $$missing; }

# $(call want,PACKAGES): the same without an error.
want = @missing="$(call missing,$(1))"; test -z "$$missing" || test "$$(id -u)" != 0 || { echo "installing" $$missing; \
	apt-get update -q && apt-get install -q -y --no-install-recommends $$missing; } || \
	echo "make: cannot install" $$missing: the tests that need it are left out

.PHONY: all setup deps deps-run deps-deb deps-test deps-lint deps-coverage deb tarball run run-linux test test-build test-containers coverage lint soak bench bench-build \
	clients install uninstall clean help

# The release.
all: setup
	ninja -C $(BUILD) -j$(JOBS)

setup: $(BUILD)/build.ninja
	$(call configure,$(BUILD),$(RELEASE))

$(BUILD)/build.ninja:
	$(call need,$(BUILD_PACKAGES),deps)

deps:
	$(call install,$(BUILD_PACKAGES))

deps-run:
	$(call install,$(BUILD_PACKAGES) $(RUN_PACKAGES))

deps-deb:
	$(call install,$(BUILD_PACKAGES) $(DEB_PACKAGES))

deps-test:
	$(call install,$(BUILD_PACKAGES) $(TEST_PACKAGES))
	$(call want,$(WANTED_PACKAGES))

deps-lint:
	$(call install,$(BUILD_PACKAGES) $(LINT_PACKAGES))

deps-coverage:
	$(call install,$(BUILD_PACKAGES) $(COVERAGE_PACKAGES))

# Debian packages of this tree, and what lintian says about them. RELEASE_BUILD: a build with PREFIX=/usr to be packed.
deb:
	$(call need,$(BUILD_PACKAGES) $(DEB_PACKAGES),deps-deb)
	packaging/deb $(DEB_BUILD) $(JOBS) $(RELEASE_BUILD)

# All of it in a directory that can be anywhere.
tarball:
	$(call need,$(BUILD_PACKAGES) patchelf,deps-deb)
	$(MAKE) --no-print-directory all
	packaging/tarball $(BUILD) $(TARBALL_BUILD)

# The worked example on the real mount, with the distribution's own lszcrypt and mdevctl.
run: deps-run
	$(MAKE) --no-print-directory all clients
	APUS_TOOLS=$(abspath $(CLIENTS))/root $(BUILD)/src/cli/apus run -- examples/worked-example

# The same with three real Linux guests; what they need is fetched once.
run-linux: deps-run
	$(MAKE) --no-print-directory all clients
	$(BUILD)/src/cli/apus linux fetch
	APUS_TOOLS=$(abspath $(CLIENTS))/root $(BUILD)/src/cli/apus run -- examples/worked-example --linux

# All tests; the last line counts the test programs that passed and failed.
test: deps-test
	$(MAKE) --no-print-directory test-build clients
	tests/run $(TEST_BUILD) $(JOBS)

# Those in containers, where a Docker engine answers.
test-containers: deps-test
	$(MAKE) --no-print-directory test-build
	tests/run $(TEST_BUILD) 1 --no-rebuild --suite containers

test-build:
	$(call configure,$(TEST_BUILD),$(SANITIZED) $(CHECKED))
	ninja -C $(TEST_BUILD) -j$(JOBS)

# What the tests reach: the figures, and the files of which they reach least. Some of what ends by a signal is not counted.
coverage: deps-coverage
	$(call configure,$(COVERAGE_BUILD),-Db_coverage=true -Dbuildtype=debug -Dwerror=false $(CHECKED))
	ninja -C $(COVERAGE_BUILD) -j$(JOBS)
	$(MAKE) --no-print-directory clients
	meson test -C $(COVERAGE_BUILD) $(patsubst %,--suite %,$(SUITES)) || true
	tests/check/coverage $(COVERAGE_BUILD)

# What reads the source: clang, clang-tidy, cppcheck, shellcheck, unused functions.
lint:
	$(call need,$(BUILD_PACKAGES) $(LINT_PACKAGES),deps-lint)
	JOBS=$(JOBS) tests/check/lint $(LINT_BUILD)

# Debian's s390x programs of some releases; the tests of a release that cannot be had say so.
clients:
	@tests/clients/setup $(CLIENTS)

# Installs the release. With another PREFIX than it was set up for, it is set up for that one.
install: all
	DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

uninstall: setup
	@meson introspect $(BUILD) --installed | \
		python3 -c 'import json, sys; print(*sorted(set(json.load(sys.stdin).values()), reverse=True), sep="\n")' | \
		while read -r file; do rm -f "$(DESTDIR)$$file"; dir=$(DESTDIR)$${file%/*}; \
		case $$dir in */apus/*) rmdir --ignore-fail-on-non-empty "$$dir" "$${dir%/*}" 2> /dev/null || true;; \
		*/apus) rmdir --ignore-fail-on-non-empty "$$dir" 2> /dev/null || true;; esac; done

# What takes long: everything at once for SOAK_SECONDS, 1000 kills of a daemon that keeps its state, 200 of each part of
# 'apus up', of 'apus run' and 'apus daemon', 50 of each without a mount and in containers, every state of small machines, and whether each of some broken rules is found.
SOAK_SECONDS ?= 3600
soak: deps-test
	$(MAKE) --no-print-directory test-build SANITIZE=none
	SOAK_SECONDS=$(SOAK_SECONDS) APUS_KILLS=$${APUS_KILLS:-1000} \
		meson test -C $(BUILD)-test-none --no-rebuild -t 0 --num-processes 1 --verbose crypto-soak state run-machines run-cleanup run-no_mount containers-left
	tests/search/broken . $(BUILD)-soak --all-states

# A release build in build-bench/, measured on a quiet machine: JSON lines, and on standard error a table with targets. As root.
bench: deps-test
	JOBS=$(JOBS) bench/run

# What bench/run measures.
bench-build:
	$(call configure,$(BENCH_BUILD),$(OPTIMIZED))
	ninja -C $(BENCH_BUILD) -j$(JOBS) measured

clean:
	rm -rf $(BUILD) $(BUILD)-test* $(LINT_BUILD) $(COVERAGE_BUILD) $(DEB_BUILD) $(TARBALL_BUILD)

help:
	@echo "make            build a release in $(BUILD)/"
	@echo "make deps       install the packages that this needs"
	@echo "make install    install the release below $(PREFIX); PREFIX and DESTDIR can be set, here and for uninstall"
	@echo "make uninstall  remove what install has installed"
	@echo "make deb        build Debian packages in $(DEB_BUILD)/; 'make deps-deb' installs what that needs"
	@echo "make tarball    build a directory that runs anywhere, packed, in $(TARBALL_BUILD)/"
	@echo "make run        build and play the worked example"
	@echo "make run-linux  the same with three real Linux guests"
	@echo "make test       build with sanitizers in $(BUILD)-test/ and run all tests;"
	@echo "                SANITIZE=thread or SANITIZE=none and CC=clang are builds beside it"
	@echo "make test-containers  only the tests in containers of a Docker engine"
	@echo "make lint       read the source with clang, clang-tidy, cppcheck and shellcheck, look for unused functions"
	@echo "make coverage   how much of the source the tests reach (SUITES: $(SUITES))"
	@echo "make soak       everything at once for an hour (SOAK_SECONDS), 1000 kills, every state of small machines"
	@echo "make bench      measure, with a release build in build-bench/"
	@echo "make clean      remove what was built"
