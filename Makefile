# SPDX-License-Identifier: MIT
# A thin front to meson. BUILD and JOBS can be set: make check BUILD=/tmp/build JOBS=8
BUILD ?= build
JOBS ?= 3
PREFIX ?= /usr/local

# Debian's packages: to build, and to try what was built.
BUILD_PACKAGES = gcc meson ninja-build pkg-config libfuse3-dev libsystemd-dev libjansson-dev \
	libinih-dev libssl-dev libcmocka-dev
TEST_PACKAGES = bash mdevctl udev qemu-user-static python3-pytest fuse3 util-linux

.PHONY: all setup check fuzz bench run install deps clean help

all: setup
	ninja -C $(BUILD) -j$(JOBS)

setup: $(BUILD)/build.ninja

$(BUILD)/build.ninja: | deps
	meson setup $(BUILD) -Db_sanitize=address,undefined -Db_lundef=false --prefix=$(PREFIX)

# Installs what is missing, which only root can.
deps:
	@missing=$$(for p in $(BUILD_PACKAGES); do \
		dpkg-query -W -f '$${Status}\n' $$p 2> /dev/null | grep -q '^install ok' || echo $$p; done); \
	test -z "$$missing" || { echo "installing" $$missing; apt-get update -q && \
		apt-get install -q -y --no-install-recommends $$missing; } || \
		{ echo "make: these packages are missing, install them as root:" $$missing >&2; exit 1; }

check: all
	meson test -C $(BUILD) --print-errorlogs

install: all
	meson install -C $(BUILD)

clean:
	rm -rf $(BUILD)

help:
	@echo "make            build in $(BUILD)/"
	@echo "make check      build and run all tests"
	@echo "make install    install below $(PREFIX)"
