# SPDX-License-Identifier: MIT
# A thin front to meson. BUILD and JOBS can be set: make test BUILD=/tmp/build JOBS=8
BUILD ?= build
JOBS ?= 3
PREFIX ?= /usr/local
CLIENTS ?= $(BUILD)/clients

# Debian's packages: to build, and to try what was built.
BUILD_PACKAGES = gcc libc6-dev meson ninja-build pkg-config libfuse3-dev libsystemd-dev libjansson-dev \
	libssl-dev uthash-dev libcmocka-dev libglib2.0-dev
TEST_PACKAGES = python3 python3-pytest mdevctl udev libvirt-daemon libvirt-clients uuid-runtime \
	qemu-user-static git shellcheck clang-format-14 openssl \
	cpio xz-utils zstd gcc-s390x-linux-gnu libc6-dev-s390x-cross

.PHONY: all setup test run run-linux bench clients install deps clean help

all: setup
	ninja -C $(BUILD) -j$(JOBS)

setup: $(BUILD)/build.ninja

$(BUILD)/build.ninja: | deps
	meson setup $(BUILD) -Db_sanitize=address,undefined -Db_lundef=false --prefix=$(PREFIX)

# Installs what is missing, which only root can.
deps:
	@missing=$$(for p in $(BUILD_PACKAGES) $(TEST_PACKAGES); do \
		dpkg-query -W -f '$${Status}\n' $$p 2> /dev/null | grep -q '^install ok' || echo $$p; done); \
	test -z "$$missing" || { echo "installing" $$missing; apt-get update -q && \
		apt-get install -q -y --no-install-recommends $$missing; } || \
		{ echo "make: these packages are missing, install them as root:" $$missing >&2; exit 1; }

# All tests; the last line counts the test programs that passed and failed.
test: all clients
	meson test -C $(BUILD) --print-errorlogs; status=$$?; tests/summary $(BUILD); exit $$status

# The worked example on the real mount, with the distribution's own lszcrypt and mdevctl.
run: all clients
	CLIENT_ROOT=$(abspath $(CLIENTS))/root $(BUILD)/src/cli/apus run -- examples/worked-example

# The same with three real Linux guests; what they need is fetched once.
run-linux: all clients
	$(BUILD)/src/cli/apus linux fetch
	CLIENT_ROOT=$(abspath $(CLIENTS))/root $(BUILD)/src/cli/apus run -- examples/worked-example --linux

# A release build in build-bench/, measured: JSON lines, and a table on standard error. As root.
bench: | deps
	JOBS=$(JOBS) bench/run

# Debian's s390x programs of some releases; the tests of a release that cannot be had say so.
clients:
	@tests/clients/setup $(CLIENTS)

install: all
	meson install -C $(BUILD)

clean:
	rm -rf $(BUILD)

help:
	@echo "make            build in $(BUILD)/"
	@echo "make test       build and run all tests"
	@echo "make run        build and play the worked example"
	@echo "make run-linux  the same with three real Linux guests"
	@echo "make bench      measure, with a release build in build-bench/"
	@echo "make install    install below $(PREFIX)"
